"""The three formats of an export: where each item goes, and as what bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator

from backupd.domain.formats import ExportFormat
from backupd.errors import Integrity
from backupd.runs.export import ExportFailure, ExportJob, ExportWork
from backupd.runs.exporting import mail_file
from backupd.runs.exporting.target import Place
from backupd.runs.ordering import Pieces, as_item, by_file
from backupd.vault.entries import Content, Version
from backupd.vault.vault import Vault
from backupd.vault.view import View
from connectors.sdk.errors import Skippable
from connectors.sdk.records import ItemKind, Placement
from connectors.sdk.safe_paths import safe_relative_path

IN_MEMORY_BYTES = 8 << 20
_COPY_BYTES = 1 << 20
_MS = 1_000_000


class _Writer:
    """Writes the items of one stream; what the three formats share."""

    def __init__(self, job: ExportJob, view: View, work: ExportWork) -> None:
        self._job = job
        self._view = view
        self._target = work.target
        self._behind = work.behind
        self._names = work.names
        self._result = work.result
        self._pulse = work.pulse
        self._stop = work.surroundings.stop

    def write_all(self) -> None:
        """Write every current item of the view, in id order, which is the order they lie in the vault."""
        for version in self._view.versions():
            if self._stop.is_set():
                return
            try:
                self._one(version)
            except Integrity as error:
                self._failed(version.id, error.message)
        self._rest()

    def _one(self, version: Version) -> None:
        raise NotImplementedError

    def _rest(self) -> None:
        """Write what could only be written once all items were seen."""

    def _write(self, place: Place, version: Version) -> None:
        """Read one item and have its bytes written as one file."""
        content, vault = version.content, self._job.vault
        if content is None:
            return
        if content.size <= IN_MEMORY_BYTES:
            self._write_bytes(place, version, vault.reader.whole(content))
        else:
            # Read by the thread that writes: so much is not to wait in memory.
            pieces = vault.read(content) if self._target.takes_back else verified(vault, content)
            self._later(version.id, lambda: self._file(place, pieces, version))

    def _write_bytes(self, place: Place, version: Version, data: bytes) -> None:
        self._later(version.id, lambda: self._file(place, (data,), version), len(data))

    def _file(self, place: Place, pieces: Iterable[bytes], version: Version) -> None:
        self._target.write(place, pieces)
        self._result.files += 1
        self._wrote(version)

    def _later(self, item_id: str, work: Callable[[], None], size_bytes: int = 0) -> None:
        """Have the other thread do it; an item that fails there is reported, and the others go on."""

        def attempt() -> None:
            try:
                work()
            except Integrity as error:
                self._failed(item_id, error.message)
            except Skippable as error:
                self._failed(item_id, str(error))

        self._behind.do(attempt, size_bytes)

    def _wrote(self, version: Version) -> None:
        self._result.items += 1
        self._result.bytes += version.size
        self._pulse.item(version.size, version.folder)

    def _failed(self, item_id: str, message: str) -> None:
        self._result.failures.append(ExportFailure(self._job.snapshot.stream, item_id, message))

    def _placement(self, version: Version) -> Placement | None:
        return self._job.original(as_item(version))

    def _folder(self, version: Version) -> tuple[str, ...]:
        """Return the folder in the target that a version's own folder becomes; the account is not said twice."""
        folder, account = version.folder, self._job.account
        if folder == account or folder.startswith(account + "/"):
            folder = folder[len(account) + 1 :]
        return (*self._job.folder, *(part for part in folder.split("/") if part))

    def _write_as_file(self, version: Version) -> None:
        """Write an item that is no message under its own name."""
        parts = self._names.claim((*self._folder(version), version.name))
        self._write(Place(parts, version.modified_ms * _MS), version)


class _Originals(_Writer):
    """Format `original`."""

    def write_all(self) -> None:
        """Write the source's files, those that were split into items joined again."""
        for found in by_file(self._view.versions(), self._job.original):
            if self._stop.is_set():
                return
            if isinstance(found, Pieces):
                self._join(found)
                continue
            try:
                self._whole(found.version, found.place)
            except Integrity as error:
                self._failed(found.version.id, error.message)

    def _whole(self, version: Version, original: Placement | None) -> None:
        if original is None:
            self._write_as_file(version)
            return
        place = self._place(original)
        if version.kind == ItemKind.FOLDER:
            self._later(version.id, lambda: self._make_folder(place, version))
        else:
            self._write(place, version)

    def _make_folder(self, place: Place, version: Version) -> None:
        self._target.folder(place)
        self._wrote(version)

    def _join(self, pieces: Pieces) -> None:
        """Have the pieces written as the one file they were."""

        def write() -> None:
            self._target.write(self._place(pieces.place), self._joined(pieces))
            self._result.files += 1

        self._later("/".join(pieces.place.parts), write)

    def _joined(self, pieces: Pieces) -> Iterator[bytes]:
        """Yield the pieces' bytes; a damaged one is reported and left out, as the rest is still worth having."""
        for version in pieces:
            if version.content is None:
                continue
            try:
                yield from verified(self._job.vault, version.content)
            except Integrity as error:
                self._failed(version.id, error.message)
            else:
                self._wrote(version)

    def _place(self, place: Placement) -> Place:
        parts = safe_relative_path(place.parts, portable=False)
        return Place((*self._job.folder, *parts), place.mtime_ns, place.mode)


class _MessageFiles(_Writer):
    """Format `eml`."""

    def _one(self, version: Version) -> None:
        if version.kind == ItemKind.FOLDER:
            return
        if version.kind != ItemKind.MESSAGE or version.content is None:
            self._write_as_file(version)
            return
        content, vault = version.content, self._job.vault
        if content.size <= IN_MEMORY_BYTES:
            message = mail_file.as_message(vault.reader.whole(content), self._placement(version))
            self._write_bytes(self._named(version, message), version, message)
        else:
            # Too large to rewrite in memory: a piece of an mbox keeps its `From ` line, as mail programs accept.
            self._write(self._named(version, next(vault.read(content))), version)

    def _named(self, version: Version, message: bytes) -> Place:
        head = mail_file.header(message)
        sent = mail_file.sent(head, version.modified_ms).strftime("%Y-%m-%d %H%M%S")
        title = mail_file.subject(head) or "no subject"
        parts = self._names.claim((*self._folder(version), f"{sent} {title}.eml"))
        return Place(parts, version.modified_ms * _MS)


class _Mboxes(_Writer):
    """Format `mbox`. Ids are collected by folder first: a folder's messages need not follow each other in id order."""

    def write_all(self) -> None:
        """Write files at once and messages folder by folder."""
        self._folders: dict[tuple[str, ...], list[str]] = {}
        self._newest_ms: dict[tuple[str, ...], int] = {}
        super().write_all()

    def _one(self, version: Version) -> None:
        if version.kind == ItemKind.FOLDER:
            return
        if version.kind == ItemKind.MESSAGE and version.content is not None:
            folder = self._folder(version)
            self._folders.setdefault(folder, []).append(version.id)
            self._newest_ms[folder] = max(version.modified_ms, self._newest_ms.get(folder, 0))
        else:
            self._write_as_file(version)

    def _rest(self) -> None:
        for folder, ids in self._folders.items():
            above, name = folder, "messages"
            if len(folder) > len(self._job.folder):
                above, name = folder[:-1], folder[-1].removesuffix(".mbox")
            parts = self._names.claim((*above, f"{name}.mbox"))
            self._write_mbox(Place(parts, self._newest_ms[folder] * _MS), ids)

    def _write_mbox(self, place: Place, ids: list[str]) -> None:
        def write() -> None:
            self._target.write(place, self._entries(ids))
            self._result.files += 1

        self._later("/".join(place.parts), write)

    def _entries(self, ids: list[str]) -> Iterator[bytes]:
        for item_id in ids:
            version = self._view.get(item_id)
            if version is None or version.content is None or self._stop.is_set():
                continue
            try:
                data = b"".join(self._job.vault.read(version.content))
            except Integrity as error:
                self._failed(item_id, error.message)
                continue
            message = mail_file.as_message(data, self._placement(version))
            sent = mail_file.sent(mail_file.header(message), version.modified_ms)
            yield mail_file.as_mbox_entry(message, sent)
            self._wrote(version)


WRITERS: dict[ExportFormat, type[_Writer]] = {
    ExportFormat.ORIGINAL: _Originals,
    ExportFormat.EML: _MessageFiles,
    ExportFormat.MBOX: _Mboxes,
}


def verified(vault: Vault, content: Content) -> Iterator[bytes]:
    """Yield a content's bytes, none of them before all were checked; larger ones wait in a temporary file."""
    if content.size <= IN_MEMORY_BYTES:
        yield vault.reader.whole(content)
        return
    with tempfile.TemporaryFile(dir=vault.spool_dir) as spool:
        for piece in vault.read(content):
            spool.write(piece)
        spool.seek(0)
        while piece := spool.read(_COPY_BYTES):
            yield piece
