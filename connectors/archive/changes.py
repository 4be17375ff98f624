"""What changed since the committed state: the walk and the known items, both ascending by id, merged."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from functools import partial

from connectors.archive import cursor as cursors
from connectors.archive import mbox, meta
from connectors.archive.below import open_regular, reason
from connectors.archive.content import open_file, open_slice
from connectors.archive.roles import MAX_SNIFF_BYTES, Role, looks_like_mbox, role
from connectors.archive.tree import Scope, Seen, Trouble, Walk
from connectors.sdk.contract import Known
from connectors.sdk.errors import Permanent
from connectors.sdk.records import Change, Checkpoint, Delete, Item, ItemKind, Skipped, Upsert

_MAX_CHANGES = 1_000
_MAX_BYTES = 64 * 1024 * 1024
_MAX_WALKED = 50_000
_ATTEMPTS = 3
_STAT = struct.Struct("<QQQQ")
_FOLDER_STAT = struct.Struct("<QI")
_64_BITS = 0xFFFF_FFFF_FFFF_FFFF
_MAX_TIME_NS = 2**63 - 1
_PARTLY = b"partly "
_PIECE = struct.Struct("<QQ")
_LAST = "\U0010ffff" * 2
_END = (_LAST, b"")
_KIND = 0o170000
_FOLDER = 0o040000
_MODE = 0o7777


class _Remembered:
    """The committed items and pending failures (their tag is empty), looked at from the front of the row."""

    __slots__ = ("_tags", "id", "tag")

    def __init__(self, known: Known, after: str) -> None:
        self._tags = known.tags(after)
        self.id, self.tag = next(self._tags, _END)

    def advance(self) -> None:
        """Go on to the next."""
        self.id, self.tag = next(self._tags, _END)


def stat_tag(now: os.stat_result) -> bytes:
    """Return a file's version mark: equal marks mean that nobody wrote to it, replaced or renamed it."""
    return _STAT.pack(now.st_size, now.st_mtime_ns & _64_BITS, now.st_ctime_ns & _64_BITS, now.st_ino)


def _mtime_ns(now: os.stat_result) -> int:
    """Return the modification time, within what 64 bits hold (some file systems know the year 3000)."""
    return max(-_MAX_TIME_NS, min(now.st_mtime_ns, _MAX_TIME_NS))


def _piece_tag(piece: mbox.Piece, now: os.stat_result) -> bytes:
    """Return the version mark of a piece; the one at offset 0 speaks for the file as well."""
    tag = _PIECE.pack(piece.offset, piece.length)
    return tag if piece.offset else tag + stat_tag(now)


class Comparison:
    """One pass over one stream, said as changes; used once."""

    def __init__(self, root_fd: int, scope: Scope, service: str, cursor: bytes | None, known: Known) -> None:
        self._root_fd = root_fd
        self._scope = scope
        self._mail = service == "mail"
        self._position = cursors.load(cursor, service)
        self._after = self._position.after
        self._known = known
        self._read_mboxes: set[str] = set()
        self._hidden = ""
        self._last = self._after
        self._count = self._bytes = self._walked = 0

    def changes(self) -> Iterator[Change]:
        """Yield the changes, ending with a complete Checkpoint. Raises `Permanent`."""
        self._refuse_an_unmounted_folder()
        remembered = self._remembered = _Remembered(self._known, self._after)
        walk = Walk(self._root_fd, self._scope, mail=self._mail, after=self._after)
        for seen in walk:
            item_id = seen.id
            while remembered.id < item_id:
                yield from self._gone()
            if isinstance(seen, Trouble):
                yield from self._trouble(seen)
            elif seen.role >= Role.MBOX and self._mail:
                yield from self._mbox(seen)
            elif item_id > self._after:
                yield from self._whole(seen)
            self._walked += 1
            if self._count >= _MAX_CHANGES or self._bytes >= _MAX_BYTES or self._walked >= _MAX_WALKED:
                yield self._checkpoint()
        while remembered.id < _LAST:
            yield from self._gone()
            if self._count >= _MAX_CHANGES:
                yield self._checkpoint()
        for prefix in list(self._position.mboxes):
            if prefix > self._after and prefix not in self._read_mboxes:
                del self._position.mboxes[prefix]
        self._position.after = ""
        yield Checkpoint(cursors.dump(self._position), complete=True)

    def _checkpoint(self) -> Checkpoint:
        self._position.after = self._last
        self._count = self._bytes = self._walked = 0
        return Checkpoint(cursors.dump(self._position))

    def _refuse_an_unmounted_folder(self) -> None:
        """Raise `Permanent` rather than report everything deleted because a disk is not there."""
        try:
            now = os.stat(self._scope.path or ".", dir_fd=self._root_fd, follow_symlinks=False)
            fd = os.open(
                self._scope.path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self._root_fd
            )
        except PermissionError:
            return  # the walk says it
        except OSError as exc:
            raise Permanent(
                f"The folder of this account cannot be opened any more ({exc.strerror})."
            ) from exc
        try:
            with os.scandir(fd) as entries:
                is_empty = next(entries, None) is None
        finally:
            os.close(fd)
        was_other = self._position.device not in (0, now.st_dev)
        if is_empty and (was_other or not self._scope.path) and next(iter(self._known.tags()), None):
            raise Permanent(
                "The folder is empty, but items of it are backed up: is its disk not mounted? Nothing was recorded "
                "as deleted."
            )
        self._position.device = now.st_dev

    def _gone(self) -> Iterator[Change]:
        """Say that the next remembered id is no longer there, unless that cannot be known."""
        item_id = self._remembered.id
        self._remembered.advance()
        if (self._hidden and item_id.startswith(self._hidden)) or not self._scope.covers(item_id):
            return
        self._last = item_id
        self._count += 1
        yield Delete(item_id)

    def _trouble(self, trouble: Trouble) -> Iterator[Change]:
        if trouble.hides:
            self._hidden = trouble.hides
        if not trouble.reason or trouble.id <= self._after:
            return
        if self._remembered.id == trouble.id:
            self._remembered.advance()
        self._last = trouble.id
        self._count += 1
        yield Skipped(trouble.id, trouble.reason, trouble.message, trouble.folder, trouble.name)

    def _whole(self, seen: Seen) -> Iterator[Change]:
        """Compare one file, folder or Maildir message."""
        item_id, _, path, _, name, now, subfolder = seen
        is_folder = now.st_mode & _KIND == _FOLDER
        if is_folder:
            tag = _FOLDER_STAT.pack(now.st_mtime_ns & _64_BITS, now.st_mode & _MODE)
        else:
            tag = _STAT.pack(now.st_size, now.st_mtime_ns & _64_BITS, now.st_ctime_ns & _64_BITS, now.st_ino)
            if subfolder:
                tag += f"{subfolder}/{name}".encode()
        self._last = item_id
        remembered = self._remembered
        was_known = remembered.id == item_id
        if was_known:
            is_same = remembered.tag == tag
            remembered.advance()
            if is_same:
                return
        self._count += 1
        if is_folder:
            yield Upsert(_item(seen, ItemKind.FOLDER, tag, meta.FOLDER), None)
            return
        self._bytes += now.st_size
        if self._mail:
            item = _item(seen, ItemKind.MESSAGE, tag, meta.MAILDIR if subfolder else meta.EML)
        elif role(name) == Role.MAYBE_MBOX and (instead := self._unless_a_file(seen, was_known)) is not None:
            yield from instead
            return
        else:
            item = _item(seen, ItemKind.FILE, tag, meta.FILE)
        yield Upsert(item, partial(open_file, self._root_fd, path, now.st_ino))

    def _unless_a_file(self, seen: Seen, was_known: bool) -> list[Change] | None:
        """Return None when the file is the drive stream's, else (an mbox, unreadable) what is to be said of it."""
        try:
            fd, _ = open_regular(self._root_fd, seen.path, seen.stat.st_ino)
            try:
                is_mbox = looks_like_mbox(os.pread(fd, MAX_SNIFF_BYTES, 0))
            finally:
                os.close(fd)
        except OSError as exc:
            code, text = reason(exc)
            return [Skipped(seen.id, code, f"{seen.id!r} {text}.", seen.folder, seen.name)]
        if not is_mbox:
            return None
        return [Delete(seen.id)] if was_known else []

    def _mbox(self, seen: Seen) -> Iterator[Change]:
        """Compare the pieces of an mbox; one that was read whole and not written to since is not read again."""
        prefix = seen.id
        remembered = self._remembered
        tag = stat_tag(seen.stat)
        pending: set[str] | None = None
        if self._position.mboxes.get(prefix) == tag and remembered.id.startswith(prefix):
            self._read_mboxes.add(prefix)
            pending = self._pass_over(prefix)
            if not pending:
                return
        for _ in range(_ATTEMPTS):
            try:
                fd, now = open_regular(self._root_fd, seen.path, seen.stat.st_ino)
            except OSError as exc:
                code, text = reason(exc)
                yield from self._mbox_trouble(seen, code, text)
                return
            try:
                if seen.role == Role.MAYBE_MBOX and not looks_like_mbox(os.pread(fd, MAX_SNIFF_BYTES, 0)):
                    return
                records = mbox.pieces(fd)
                if stat_tag(os.fstat(fd)) == stat_tag(now):
                    if pending is None:
                        yield from self._pieces(seen, fd, now, records)
                    else:
                        yield from self._retried(seen, fd, now, records, pending)
                    return
            except OSError as exc:
                code, text = reason(exc)
                yield from self._mbox_trouble(seen, code, text)
                return
            finally:
                os.close(fd)
        yield from self._mbox_trouble(seen, "changed-while-read", "changed each time it was read")

    def _pass_over(self, prefix: str) -> set[str]:
        """Leave the pieces of an unchanged mbox as they are, and return the ids that a failure is pending for."""
        remembered = self._remembered
        pending = set()
        while remembered.id.startswith(prefix):
            if not remembered.tag:
                pending.add(remembered.id)
            remembered.advance()
        return pending

    def _mbox_trouble(self, seen: Seen, code: str, text: str) -> Iterator[Change]:
        """Say that an mbox cannot be read, its committed messages staying. What may be an mbox only counts if
        it was one: else the drive stream says the same of the file.
        """
        if code == "vanished" or (
            seen.role == Role.MAYBE_MBOX and not self._remembered.id.startswith(seen.id)
        ):
            return
        message = f"{seen.id[:-2]!r} {text}."
        yield from self._trouble(Trouble(seen.id, code, message, seen.folder, seen.name, seen.id))

    def _pieces(self, seen: Seen, fd: int, now: os.stat_result, records: list[bytes]) -> Iterator[Change]:
        """Compare the parsed pieces. A pass that was interrupted among them only counts as having read the
        whole mbox if it is still as it was at the interruption.
        """
        remembered, mboxes, tag_of_file = self._remembered, self._position.mboxes, stat_tag(now)
        is_whole = not self._after.startswith(seen.id) or mboxes.get(seen.id) == _PARTLY + tag_of_file
        mboxes[seen.id] = _PARTLY + tag_of_file if is_whole else _PARTLY
        self._read_mboxes.add(seen.id)
        for piece in mbox.unpacked(records):
            item_id = seen.id + piece.key
            if item_id <= self._after:
                continue
            while remembered.id < item_id:
                yield from self._gone()
            self._last = item_id
            if remembered.id == item_id:
                is_same = remembered.tag == _piece_tag(piece, now)
                remembered.advance()
                if is_same:
                    continue
            yield self._piece(seen, fd, now, piece)
            self._count += 1
            self._bytes += piece.length
            if self._count >= _MAX_CHANGES or self._bytes >= _MAX_BYTES:
                yield self._checkpoint()
        if is_whole:
            mboxes[seen.id] = tag_of_file

    def _retried(
        self, seen: Seen, fd: int, now: os.stat_result, records: list[bytes], pending: set[str]
    ) -> Iterator[Change]:
        """Say again the pieces of an otherwise unchanged mbox that could not be had before."""
        for piece in mbox.unpacked(records):
            item_id = seen.id + piece.key
            if item_id in pending:
                pending.remove(item_id)
                self._last = item_id
                self._count += 1
                self._bytes += piece.length
                yield self._piece(seen, fd, now, piece)
        for item_id in sorted(pending):
            self._count += 1
            yield Delete(item_id)

    def _piece(self, seen: Seen, fd: int, now: os.stat_result, piece: mbox.Piece) -> Upsert:
        head = mbox.envelope(fd, piece.offset, piece.length)
        data = meta.Meta(
            meta.VERSION,
            meta.MBOX,
            now.st_mode & _MODE,
            _mtime_ns(now),
            offset=piece.offset,
            envelope_length=head.length,
        )
        item = Item(
            seen.id + piece.key,
            ItemKind.MESSAGE if head.length else ItemKind.FILE,
            _piece_tag(piece, now),
            seen.id[:-2],
            head.text or "(before the first message)",
            now.st_mtime_ns // 1_000_000 if head.sent_ms is None else head.sent_ms,
            piece.length,
            meta.dump(data),
        )
        opener = partial(open_slice, self._root_fd, seen.path, now, piece.offset, piece.length, piece.digest)
        return Upsert(item, opener)


def _item(seen: Seen, kind: ItemKind, tag: bytes, container: str) -> Item:
    now = seen.stat
    mtime_ns = now.st_mtime_ns
    if not -_MAX_TIME_NS <= mtime_ns <= _MAX_TIME_NS:
        mtime_ns = _mtime_ns(now)
    if seen.subfolder:
        mode = now.st_mode & _MODE
        data = meta.dump(meta.Meta(meta.VERSION, container, mode, mtime_ns, seen.subfolder, seen.name))
    else:
        data = meta.pack(container, now.st_mode & _MODE, mtime_ns)
    size = 0 if kind is ItemKind.FOLDER else now.st_size
    return Item(seen.id, kind, tag, seen.folder, seen.name, mtime_ns // 1_000_000, size, data)
