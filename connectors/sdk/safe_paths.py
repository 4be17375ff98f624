"""Untrusted names made into paths that stay where they belong.

A name from a source may be anything: `..`, `/etc/passwd`, a control sequence, 4,000 characters, `CON`. In *exact*
mode whatever the local file system takes as one name comes back byte for byte, and only the rest is rewritten.
In *portable* mode (zip, message files) the name also works on Windows and macOS and is safe to show.

Names are text as `os` functions take it: undecodable bytes stand as surrogates (PEP 383).
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from hashlib import blake2b

MAX_NAME_BYTES = 255
_MAX_EXTENSION_BYTES = 16
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_@+=, -]*(?:\.[A-Za-z0-9_@+=, -]*)*[A-Za-z0-9_]|[A-Za-z0-9_]")
_NOT_ON_WINDOWS = frozenset('<>:"/\\|?*')
_JOINERS = frozenset("\u200c\u200d")
_UNSAFE_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_RESERVED = re.compile(
    r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³])\s*(?:\..*)?", re.IGNORECASE | re.DOTALL
)
_REPLACEMENT = "_"


def safe_relative_path(parts: Sequence[str], *, portable: bool) -> tuple[str, ...]:
    """Return `parts` as a path that is relative, not empty and cannot lead out of the directory it is put below.

    Nothing is refused: what is not a legal name is rewritten, so different paths may become one; see
    `PortableNames` and the writer's `OnConflict`.
    """
    name = portable_name if portable else exact_name
    return tuple(name(part) for part in parts) or (_REPLACEMENT,)


def exact_name(name: str) -> str:
    """Return the name itself if a POSIX file system takes it as one component, else the nearest that it takes."""
    if name.isascii() and name.isprintable() and "/" not in name and 0 < len(name) <= MAX_NAME_BYTES:
        return name if name not in (".", "..") else _REPLACEMENT * len(name)
    safe = "".join(_REPLACEMENT if char in "/\0" or _is_unencodable(char) else char for char in name)
    return _shortened(safe) or _REPLACEMENT


def portable_name(name: str) -> str:
    """Return a name near to this one that Windows, macOS and Linux take, without characters that mislead."""
    if _PLAIN.fullmatch(name) and len(name) <= MAX_NAME_BYTES:
        return _REPLACEMENT + name if _RESERVED.fullmatch(name) else name
    safe = "".join(_REPLACEMENT if _is_unsafe(char) else char for char in name)
    safe = _shortened(safe).rstrip(". ")
    if not safe.lstrip(". "):
        safe = _REPLACEMENT
    return _REPLACEMENT + safe if _RESERVED.fullmatch(safe) else safe


def _is_unencodable(char: str) -> bool:
    return "\ud800" <= char <= "\udfff" and not "\udc80" <= char <= "\udcff"


def _is_unsafe(char: str) -> bool:
    if char in _NOT_ON_WINDOWS:
        return True
    return unicodedata.category(char) in _UNSAFE_CATEGORIES and char not in _JOINERS


def _shortened(name: str) -> str:
    """Cut a name to what a file system takes; a digest keeps it apart from others cut alike."""
    raw = os.fsencode(name)
    if len(raw) <= MAX_NAME_BYTES:
        return name
    mark = "~" + blake2b(raw, digest_size=4).hexdigest()
    return with_suffix(name, mark)


def with_suffix(name: str, suffix: str) -> str:
    """Return the name with `suffix` before its extension, cut where it would become too long."""
    stem, dot, extension = name.rpartition(".")
    if not stem.strip(".") or len(os.fsencode(extension)) > _MAX_EXTENSION_BYTES:
        stem, dot, extension = name, "", ""
    room = MAX_NAME_BYTES - len(os.fsencode(suffix + dot + extension))
    while (excess := len(os.fsencode(stem)) - room) > 0:
        stem = stem[: -max(1, excess // 4)]
    return stem + suffix + dot + extension


class PortableNames:
    """The paths given out in one export, kept apart as a file system sees them that ignores case.

    Remembers eight bytes a path, so a name may rarely get a number that it does not need, never too few.
    """

    def __init__(self) -> None:
        self._files: set[int] = set()
        self._folders: set[int] = set()
        self._moved: dict[tuple[str, ...], tuple[str, ...]] = {}

    def claim(self, parts: Sequence[str]) -> tuple[str, ...]:
        """Return a portable path for a new file, different from all before, also where case is ignored."""
        *folders, name = safe_relative_path(parts, portable=True)
        above = self.claim_folder(folders) if folders else ()
        return self._claim((*above, name), self._files, (self._files, self._folders))

    def claim_folder(self, parts: Sequence[str]) -> tuple[str, ...]:
        """Return the portable path of a folder; the same for the same folder, however often it is asked."""
        path: tuple[str, ...] = ()
        for name in safe_relative_path(parts, portable=True):
            wanted = (*path, name)
            path = self._moved.get(wanted) or self._claim(wanted, self._folders, (self._files,))
            if path != wanted:
                self._moved[wanted] = path
        return path

    def _claim(self, path: tuple[str, ...], among: set[int], taken: tuple[set[int], ...]) -> tuple[str, ...]:
        *above, name = path
        number = 1
        while any((key := _folded(path)) in paths for paths in taken):
            number += 1
            path = (*above, with_suffix(name, f" ({number})"))
        among.add(key)
        return path


def _folded(path: tuple[str, ...]) -> int:
    text = unicodedata.normalize("NFC", "/".join(path)).casefold()
    raw = unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "big")
