"""Running whole processes and measuring them from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_METER = Path(__file__).with_name("meter.py")
_SHOWN_CHARACTERS = 600


class CommandFailed(Exception):
    """A command that was to be measured ended with an error; the message says which and what it said."""


class Usage(NamedTuple):
    """What one process took, its descendants included; `quarter_peaks_bytes` is empty for a short run."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    quarter_peaks_bytes: list[int]


def run(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    *,
    folder: Path | None = None,
    fine: tuple[int, ...] = (0,),
) -> Usage:
    """Run a command to its end and return what it took; raises CommandFailed for exit codes that are not `fine`."""
    words = [str(word) for word in command]
    os.sync()  # What an earlier command left to be written must not slow this one down.
    with tempfile.NamedTemporaryFile(prefix="bench-meter-") as result:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(_METER), result.name, *words],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        text = Path(result.name).read_text(encoding="ascii")
    if not text:
        raise CommandFailed(f"{words[0]} could not be started: {_tail(done.stderr)}")
    measured = json.loads(text)
    if measured["exit_code"] not in fine:
        said = _tail(done.stderr) or _tail(done.stdout)
        raise CommandFailed(f"`{' '.join(words)}` ended with {measured['exit_code']}: {said}")
    return Usage(
        measured["wall_s"], measured["cpu_s"], measured["peak_bytes"], measured["quarter_peaks_bytes"]
    )


def _tail(said: bytes) -> str:
    return said.decode(errors="replace").strip()[-_SHOWN_CHARACTERS:]
