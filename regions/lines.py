"""Finds the line on which a value of a TOML text is set, which tomllib does not tell."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\")(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"))*)\s*=")


def line_of(text: str, where: Sequence[str | int]) -> int:
    """The 1-based line that sets ``where``, or else the line of its closest parent (1 when nothing matches).

    ``where`` is a path such as ``("probes", 0, "url")``; an index counts the ``[[probes]]`` headers.
    """
    best_line, best_depth = 1, 0
    for line, path in _assignments(text):
        depth = 0
        for mine, theirs in zip(where, path, strict=False):
            if mine != theirs:
                break
            depth += 1
        # A deeper common path is closer; at equal depth the header of that table came first.
        if depth > best_depth:
            best_line, best_depth = line, depth
    return best_line


def _assignments(text: str) -> list[tuple[int, tuple[str | int, ...]]]:
    found: list[tuple[int, tuple[str | int, ...]]] = []
    table: tuple[str | int, ...] = ()
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                index = counts.get(header[2], -1) + 1
                counts[header[2]] = index
                table = (*table, index)
            found.append((number, table))
        elif key := _KEY.match(line):
            path = (*table, *_parts(key[1]))
            found.append((number, path))
            found.extend(
                (number, (*path, *_parts(inner[1])))
                for inner in _KEY.finditer(line, key.end())
                if "{" in line
            )
            found.extend((number, (*path, index)) for index in range(line.count(",") + 1) if "[" in line)
    return found


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip('"') for part in dotted.split("."))
