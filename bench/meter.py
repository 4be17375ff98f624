"""Runs one command and writes what it took: a process of its own, run as a script, using the standard library only.

The kernel counts the starter's memory into a child's peak until the child's own program begins. Started from the
benchmark itself, every command would seem to need as much as the benchmark does; started from here, about 10 MB.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time

SAMPLE_S = 0.05
LEAST_SAMPLES = 20
_PAGE_BYTES = os.sysconf("SC_PAGESIZE")


def resident_bytes(root: int) -> int:
    """Return the resident memory of a process and its descendants; 0 when it is gone."""
    total = 0
    waiting = [root]
    while waiting:
        process = waiting.pop()
        try:
            with open(f"/proc/{process}/statm", "rb") as file:
                total += int(file.read().split()[1]) * _PAGE_BYTES
            for thread in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{thread}/children", "rb") as file:
                    waiting += [int(child) for child in file.read().split()]
        except (OSError, ValueError, IndexError):
            continue
    return total


def quarters(samples: list[int]) -> list[int]:
    """Return the highest sample of each quarter of the run; empty when there are too few to say."""
    if len(samples) < LEAST_SAMPLES:
        return []
    step = len(samples) / 4
    return [max(samples[int(number * step) : int((number + 1) * step)]) for number in range(4)]


def measure(command: list[str]) -> dict[str, object]:
    """Run the command to its end; return exit code, wall and CPU seconds, memory of the whole process tree in bytes."""
    samples: list[int] = []
    ended = threading.Event()

    def watch(process: int) -> None:
        while not ended.wait(SAMPLE_S):
            samples.append(resident_bytes(process))

    begin = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ)
    watcher = threading.Thread(target=watch, args=(process,), daemon=True)
    watcher.start()
    _, status, usage = os.wait4(process, 0)
    wall_s = time.perf_counter() - begin
    ended.set()
    watcher.join()
    return {
        "exit_code": os.waitstatus_to_exitcode(status),
        "wall_s": wall_s,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_bytes": max([usage.ru_maxrss * 1024, *samples]),
        "quarter_peaks_bytes": quarters(samples),
    }


def main() -> None:
    """Run `meter.py RESULT COMMAND...`."""
    result = measure(sys.argv[2:])
    with open(sys.argv[1], "w", encoding="ascii") as out:
        json.dump(result, out)


if __name__ == "__main__":
    main()
