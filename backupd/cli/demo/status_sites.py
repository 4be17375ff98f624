"""The status sites' part of the demonstration: grown, and served if wanted, by their own command line.

The sites share no code with the service, so they are called as a person would call them. Their processes are in a
session of their own: whatever happens to the service, they go on answering.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from backupd.errors import BackupdError

_NEEDED = ("statuspage", "flask", "gunicorn", "feedgen", "argon2")


class StatusDemoFailed(BackupdError):
    """The status sites' demonstration did not end as it has to."""


def are_installed() -> bool:
    """Return whether the status sites and what they need are installed here."""
    return all(find_spec(name) is not None for name in _NEEDED)


def arguments(data: Path, port: int, *, serve: bool) -> list[str]:
    """Return the command line of the sites' own demonstration."""
    words = [sys.executable, "-m", "statuspage", "demo", "--data", str(data), "--port", str(port)]
    return [*words, "--serve"] if serve else words


def grow(data: Path, port: int) -> None:
    """Grow demonstration data for all regions; raises `StatusDemoFailed`."""
    ended = subprocess.run(arguments(data, port, serve=False), stdout=sys.stderr, check=False)
    if ended.returncode:
        raise StatusDemoFailed(f"The status sites' demonstration ended with code {ended.returncode}.")


def serve(data: Path, port: int) -> None:
    """Serve the sites until they end or the person stops them with Ctrl-C; raises `StatusDemoFailed`."""
    sites = subprocess.Popen(arguments(data, port, serve=True), stdout=sys.stderr, start_new_session=True)
    try:
        code = sites.wait()
    except KeyboardInterrupt:
        sites.terminate()
        sites.wait()
        raise
    if code:
        raise StatusDemoFailed(f"The status sites ended with code {code}.")
