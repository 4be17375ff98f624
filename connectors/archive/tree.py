"""The walk: everything of one stream that lies on disk, in ascending id order, one folder's names in memory at once.

Entries are sorted by the id their items will have. A folder sorts as `name/`, an mbox (its pieces are
`name//<digest>`) as `name//`, and the messages of a Maildir as `//` inside it (`folder///<unique part>`), because
a flag or a move from `new` to `cur` must not change an id. `//` occurs in no path.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import length_hint
from typing import NamedTuple

from connectors.archive.below import FOLDER_FLAGS, open_below, reason
from connectors.archive.names import decode_native, encode_native
from connectors.archive.roles import Role, Rule, is_message, message_rule, role, unique_part

_MAX_OPEN_FOLDERS = 32
_KIND = 0o170000
_REGULAR = 0o100000
_LINK = 0o120000
_MAILDIR = ("cur", "new", "tmp")
_MESSAGES = "//"


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of the import folder that is one account.

    `path` is its folder ("" : the import folder itself) as `os` takes it, `prefix` what all its ids begin
    with; without `descend` only the files directly in it belong to it.
    """

    path: str
    prefix: str
    descend: bool = True

    def covers(self, item_id: str) -> bool:
        """Tell whether an item with this id would be found by this scope's walk, if it existed."""
        if not self.descend:
            file, _, piece = item_id.partition("//")
            return file != "" and "/" not in file and not piece.startswith("/")
        return item_id.startswith(self.prefix)


class Seen(NamedTuple):
    """One thing on disk. `role` is EML, MBOX (`id` is then the prefix of its pieces' ids), OTHER (a file or,
    by its `stat`, a folder) or, with a `subfolder`, a Maildir message.
    """

    id: str
    role: Role
    path: str
    folder: str
    name: str
    stat: os.stat_result
    subfolder: str = ""


class Trouble(NamedTuple):
    """Something that cannot be read. What is committed of ids that begin with `hides` (if any) must be left
    alone; without `reason` that is all.
    """

    id: str
    reason: str
    message: str
    folder: str = ""
    name: str = ""
    hides: str = ""


class _Folder:
    """One folder on the way down; its descriptor is given back while a deep walk is below it."""

    __slots__ = ("fd", "identity", "keys", "path", "prefix", "subfolders")

    def __init__(self, fd: int, path: str, prefix: str) -> None:
        self.fd = fd
        self.path = path
        self.prefix = prefix
        self.keys: Iterator[str] = iter(())
        self.subfolders: set[str] = set()
        self.identity = (0, 0)

    def open_again(self, root_fd: int) -> None:
        fd = open_below(root_fd, self.path[:-1], FOLDER_FLAGS)
        now = os.fstat(fd)
        if (now.st_dev, now.st_ino) != self.identity:
            os.close(fd)
            raise OSError(errno.ESTALE, "another folder is at its place")
        self.fd = fd

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def mail_key(name: str) -> str | None:
    """Return the sort key of a file in the mail stream, or None when it is surely not mail."""
    kind = role(name)
    if kind == Role.EML:
        return name
    return None if kind == Role.OTHER else name + "//"


def drive_key(name: str) -> str | None:
    """Return the sort key of a file in the drive stream, or None when it is surely mail."""
    return name if role(name) >= Role.MAYBE_MBOX else None


class Walk:
    """One pass over one scope for the mail or the drive stream, from after the id `after` on."""

    def __init__(self, root_fd: int, scope: Scope, *, mail: bool, after: str = "") -> None:
        self._root_fd = root_fd
        self._scope = scope
        self._mail = mail
        self._after = after

    def __iter__(self) -> Iterator[Seen | Trouble]:
        stack: list[_Folder] = []
        try:
            yield from self._enter(stack, None, "", Rule.NONE)
            while stack:
                folder = stack[-1]
                below = ""
                if folder.fd < 0 and length_hint(folder.keys):
                    try:
                        folder.open_again(self._root_fd)
                    except OSError as exc:
                        yield self._closed(folder.prefix, exc)
                        stack.pop()
                        continue
                for key in folder.keys:
                    if key[-1] != "/":
                        if self._after and folder.prefix + key <= self._after:
                            continue
                        seen = self._file(folder, key)
                        if seen is not None:
                            yield seen
                    elif self._after and self._is_done(folder.prefix + key):
                        continue
                    elif key == _MESSAGES:
                        yield from self._messages(folder)
                    elif key[-2:] == "//":
                        seen = self._mbox(folder, key)
                        if seen is not None:
                            yield seen
                    else:
                        below = key
                        break
                if below:
                    rule = message_rule(below[:-1], folder.subfolders)
                    yield from self._enter(stack, folder, below, rule)
                else:
                    stack.pop().close()
        finally:
            for folder in stack:
                folder.close()

    def _is_done(self, prefix: str) -> bool:
        return prefix <= self._after and not self._after.startswith(prefix)

    def _enter(
        self, stack: list[_Folder], parent: _Folder | None, key: str, rule: Rule
    ) -> Iterator[Seen | Trouble]:
        """Open and list a folder and put it on the stack; the drive stream also tells of the folder itself."""
        name = decode_native(key[:-1])
        path = f"{parent.path}{name}/" if parent else self._scope.path and self._scope.path + "/"
        prefix = parent.prefix + key if parent else self._scope.prefix
        try:
            if parent:
                fd = os.open(name, FOLDER_FLAGS, dir_fd=parent.fd)
            else:
                fd = open_below(self._root_fd, path[:-1], FOLDER_FLAGS)
        except FileNotFoundError:
            return
        except OSError as exc:
            yield self._closed(prefix, exc)
            return
        folder = _Folder(fd, path, prefix)
        stack.append(folder)
        try:
            now = os.fstat(fd)
            folder.identity = (now.st_dev, now.st_ino)
            self._list(folder, rule)
        except OSError as exc:
            stack.pop().close()
            yield self._closed(prefix, exc)
            return
        if not self._mail and prefix:
            above, _, own = prefix[:-1].rpartition("/")
            yield Seen(prefix, Role.OTHER, path[:-1], above, own, now)
        if len(stack) > _MAX_OPEN_FOLDERS:
            stack[-_MAX_OPEN_FOLDERS].close()

    def _list(self, folder: _Folder, rule: Rule) -> None:
        """Read a folder's names into sorted keys, leaving out what is surely not of this stream."""
        keys: list[str] = []
        key_of = mail_key if self._mail else drive_key
        with os.scandir(folder.fd) as entries:
            for entry in entries:
                name = encode_native(entry.name)
                if entry.is_dir(follow_symlinks=False):
                    if self._scope.descend:
                        keys.append(name + "/")
                        if name in _MAILDIR:
                            folder.subfolders.add(name)
                elif not (rule and is_message(name, rule)) and (key := key_of(name)):
                    keys.append(key)
        if self._mail and not folder.subfolders.isdisjoint(("cur", "new")):
            keys.append(_MESSAGES)
        keys.sort()
        folder.keys = iter(keys)

    def _file(self, folder: _Folder, key: str) -> Seen | Trouble | None:
        item_id = folder.prefix + key
        name = decode_native(key)
        try:
            now = os.stat(name, dir_fd=folder.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as exc:
            code, text = reason(exc)
            return Trouble(item_id, code, f"{item_id!r} {text}.", folder.prefix[:-1], key)
        if now.st_mode & _KIND != _REGULAR:
            return _irregular(item_id, folder.prefix[:-1], key, now)
        return Seen(
            item_id, Role.EML if self._mail else Role.OTHER, folder.path + name, folder.prefix[:-1], key, now
        )

    def _mbox(self, folder: _Folder, key: str) -> Seen | Trouble | None:
        """Look at what is or may be an mbox; what turns out to be neither file nor mbox is the drive stream's."""
        found = self._file(folder, key[:-2])
        kind = role(key[:-2])
        if found is None or (kind == Role.MAYBE_MBOX and isinstance(found, Trouble)):
            return None
        prefix = folder.prefix + key
        if isinstance(found, Trouble):
            return found._replace(id=prefix, hides=prefix)
        return found._replace(id=prefix, role=kind)

    def _messages(self, folder: _Folder) -> Iterator[Seen | Trouble]:
        """Tell of a Maildir's messages, those of `cur` and `new` in one order."""
        opened: dict[str, int] = {}
        lines: list[str] = []
        prefix = folder.prefix + _MESSAGES
        try:
            for sub in ("cur", "new"):
                rule = message_rule(sub, folder.subfolders)
                try:
                    if sub in folder.subfolders:
                        opened[sub[0]] = os.open(sub, FOLDER_FLAGS, dir_fd=folder.fd)
                        lines.extend(_message_lines(opened[sub[0]], sub, rule))
                except FileNotFoundError:
                    continue
                except OSError:  # said when the walk comes to the subfolder itself
                    yield Trouble(prefix, "", "", hides=prefix)
            lines.sort()
            for line in _numbered(lines):
                key, _, rest = line.partition("\0")
                if self._after and prefix + key <= self._after:
                    continue
                name = key.partition("/")[0] + rest[1:]
                seen = self._message(
                    folder, prefix + key, "cur" if rest[0] == "c" else "new", name, opened[rest[0]]
                )
                if seen is not None:
                    yield seen
        finally:
            for fd in opened.values():
                os.close(fd)

    def _message(self, folder: _Folder, item_id: str, sub: str, name: str, fd: int) -> Seen | Trouble | None:
        native = decode_native(name)
        try:
            now = os.stat(native, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as exc:
            code, text = reason(exc)
            return Trouble(item_id, code, f"{item_id!r} {text}.", folder.prefix[:-1], name)
        if now.st_mode & _KIND != _REGULAR:
            return _irregular(item_id, folder.prefix[:-1], name, now)
        return Seen(item_id, Role.EML, f"{folder.path}{sub}/{native}", folder.prefix[:-1], name, now, sub)

    def _closed(self, prefix: str, error: OSError) -> Trouble:
        code, text = reason(error)
        if code in ("vanished", "symlink"):
            code, text = "changed-while-read", "changed while it was listed"
        folder, _, name = prefix[:-1].rpartition("/")
        message = f"The folder {prefix!r} {text}; what it holds was left as it is."
        return Trouble(prefix, code, message, folder, name, prefix)


def _irregular(item_id: str, folder: str, name: str, now: os.stat_result) -> Trouble:
    if now.st_mode & _KIND == _LINK:
        return Trouble(
            item_id, "symlink", f"{item_id!r} is a symbolic link, which is never followed.", folder, name
        )
    message = f"{item_id!r} is neither a file nor a folder (a socket, pipe or device), and is never opened."
    return Trouble(item_id, "not-a-regular-file", message, folder, name)


def _message_lines(fd: int, sub: str, rule: Rule) -> Iterator[str]:
    """Yield `<unique part>\\0<c or n><flags>` of each message: sorts by unique part, and is compact."""
    with os.scandir(fd) as entries:
        for entry in entries:
            name = encode_native(entry.name)
            if is_message(name, rule) and not entry.is_dir(follow_symlinks=False):
                unique = unique_part(name)
                yield f"{unique}\0{sub[0]}{name[len(unique) :]}"


def _numbered(lines: list[str]) -> list[str]:
    """Give each repeated unique part a number of its own (`unique/2`); there are hardly ever any."""
    if not any(below.startswith(above[: above.index("\0") + 1]) for above, below in pairwise(lines)):
        return lines
    numbered: list[str] = []
    last, count = "", 0
    for line in lines:
        unique, _, rest = line.partition("\0")
        count = count + 1 if unique == last else 1
        last = unique
        numbered.append(line if count == 1 else f"{unique}/{count:08d}\0{rest}")
    numbered.sort()
    return numbered
