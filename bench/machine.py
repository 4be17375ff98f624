"""What the measurements were made on, in words for the report."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path


def describe(folder: Path) -> dict[str, str]:
    """Return processor, memory, system, Python and the file system of `folder`, each as text."""
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{pages * page_bytes / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "file system": f"{_file_system(folder)}, {shutil.disk_usage(folder).free / 1e9:.0f} GB free",
    }


def load() -> str:
    """Return the load averages over 1, 5 and 15 minutes."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


def _file_system(folder: Path) -> str:
    """Return the type of the file system that holds `folder`."""
    best, kind = "", "unknown file system"
    try:
        for line in Path("/proc/mounts").read_text().splitlines():
            _, point, found, *_ = line.split()
            if len(point) >= len(best) and folder.resolve().is_relative_to(point):
                best, kind = point, found
    except OSError:
        pass
    return kind
