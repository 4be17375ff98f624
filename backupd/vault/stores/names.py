"""The grammar of object names, checked before any store is touched."""

from __future__ import annotations

import re

NAME_LIMIT = 400
PART_LIMIT = 255

_NAME = re.compile(r"[a-z0-9_.-]+(?:/[a-z0-9_.-]+)*")
_PREFIX = re.compile(r"(?:[a-z0-9_.-]+/)*[a-z0-9_.-]*")
_PART = re.compile(r"[a-z0-9_.-]+")


def check_name(name: str) -> None:
    """Raise ValueError unless `name` is a legal object name."""
    if len(name) > NAME_LIMIT or not _NAME.fullmatch(name) or not _parts_are_plain(name):
        raise ValueError(f"{name[:NAME_LIMIT]!r} is not an object name")


def check_prefix(prefix: str) -> None:
    """Raise ValueError unless some legal object name could begin with `prefix`."""
    folder = prefix.rpartition("/")[0]
    plain = _parts_are_plain(folder) and ".." not in prefix
    if len(prefix) > NAME_LIMIT or not _PREFIX.fullmatch(prefix) or not plain:
        raise ValueError(f"{prefix[:NAME_LIMIT]!r} cannot begin an object name")


def is_part(part: str) -> bool:
    """Say whether `part` may stand between the slashes of an object name."""
    return len(part) <= PART_LIMIT and bool(_PART.fullmatch(part)) and part != "." and ".." not in part


def _parts_are_plain(name: str) -> bool:
    """Refuse `..` anywhere, a part that is `.`, and parts longer than file systems take."""
    if ".." in name or name == "." or name.startswith("./") or name.endswith("/.") or "/./" in name:
        return False
    return len(name) <= PART_LIMIT or all(len(part) <= PART_LIMIT for part in name.split("/"))
