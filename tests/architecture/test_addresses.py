"""The project says nothing of the machine it was written on, nor where packages come from."""

from __future__ import annotations

import re

from tests.architecture.tree import ROOT, files

# Written in pieces, so that this file does not find itself.
FORBIDDEN = re.compile(
    "|".join(
        [
            r"(?<![\w.-])/" + r"(?:work|root|opt/pypi|Users/\w+|home/\w+)/",
            r"pypi" + r"\.org",
            r"python" + r"hosted\.org",
            r"registry" + r"\.npmjs",
            r"--(?:extra-)?index" + r"-url\b",
            r"find" + r"-links\s*[= ]\s*\S*/",
        ]
    )
)


def text_of(name: str) -> str:
    """Return a file's text; bytes that are no text cannot match anything we look for."""
    return (ROOT / name).read_bytes().decode("utf-8", errors="replace")


def test_no_machine_path_and_no_registry_host() -> None:
    found = [
        f"{name}: {match[0]}" for name in files() if (match := FORBIDDEN.search(text_of(name))) is not None
    ]
    assert not found
