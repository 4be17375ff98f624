"""One export: items out of the vault into a folder or a ZIP file, in one of three formats.

    snapshot -> view -> item -> its place in the target -> verified bytes -> file

`original` writes the source's own files again, where and as they were: paths, bytes, times, modes, empty folders.
`eml` writes one file per message, named by date and subject, in its folders. `mbox` writes one mbox per folder.
Items that are no messages are written as files in all three.

Every item's digest is checked before its file gets its name. An item that fails is reported and left out; the others
go on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from backupd.domain.formats import ExportFormat
from backupd.errors import Integrity
from backupd.runs.exporting import mail_file
from backupd.runs.exporting.target import ExportTarget, Place
from backupd.runs.ordering import Original, Pieces, Whole, as_item, by_file
from backupd.runs.surroundings import Pulse, Surroundings
from backupd.vault.entries import Content, Version
from backupd.vault.snapshot import SnapshotInfo
from backupd.vault.vault import Vault
from backupd.vault.view import View
from connectors.sdk.errors import Skippable
from connectors.sdk.records import ItemKind, Placement
from connectors.sdk.safe_paths import PortableNames, safe_relative_path

Found = TypeVar("Found")

IN_MEMORY_BYTES = 8 << 20
_COPY_BYTES = 1 << 20


class ExportJob(NamedTuple):
    """One stream to export, as of one snapshot.

    `folder` is where it goes in the target (empty: its root); `account` the source's id of the account, which is not
    repeated below `folder`; `original` the connector's way from an item to its original place.
    """

    vault: Vault
    snapshot: SnapshotInfo
    label: str
    folder: tuple[str, ...]
    account: str
    original: Original


class ExportFailure(NamedTuple):
    """An item that could not be exported, and why."""

    stream: str
    item_id: str
    message: str


@dataclass(slots=True)
class ExportResult:
    """What an export wrote. `as_of_ms` tells each stream's point in time; `stopped`: it was ended early."""

    items: int = 0
    bytes: int = 0
    files: int = 0
    failures: list[ExportFailure] = field(default_factory=list)
    as_of_ms: dict[str, int] = field(default_factory=dict)
    stopped: bool = False


def export(
    jobs: list[ExportJob], target: ExportTarget, export_format: ExportFormat, surroundings: Surroundings
) -> ExportResult:
    """Export the streams one after the other and finish the target.

    Damaged items end up in the result's failures. Raises `StoreFull`, `StoreDenied`, `StoreUnavailable`,
    `KeyDenied`; the target is abandoned then, with nothing half-written in it.
    """
    result = ExportResult()
    pulse = Pulse(surroundings)
    names = PortableNames()
    try:
        for job in jobs:
            result.as_of_ms[job.snapshot.stream] = job.snapshot.as_of_ms
            view = job.vault.view(job.snapshot.stream, job.snapshot.seq)
            writer = _WRITERS[export_format](job, view, target, names, result, pulse, surroundings)
            writer.write_all()
            if surroundings.stop.is_set():
                result.stopped = True
                break
        target.finish()
    except BaseException:
        target.abandon()
        raise
    pulse.end()
    return result


class _Writer:
    """Writes the items of one stream; what the three formats share."""

    def __init__(
        self,
        job: ExportJob,
        view: View,
        target: ExportTarget,
        names: PortableNames,
        result: ExportResult,
        pulse: Pulse,
        surroundings: Surroundings,
    ) -> None:
        self._job = job
        self._view = view
        self._target = target
        self._names = names
        self._result = result
        self._pulse = pulse
        self._stop = surroundings.stop

    def write_all(self) -> None:
        """Write every current item of the view, in id order, which is the order they lie in the vault."""
        for version in self._view.versions():
            if self._stop.is_set():
                return
            self._attempt(version.id, self._one, version)
        self._rest()

    def _attempt(self, item_id: str, write: Callable[[Found], None], found: Found) -> None:
        """Write one item; one that is damaged, or that the target cannot hold, is reported and the others go on."""
        try:
            write(found)
        except Integrity as error:
            self._failed(item_id, error.message)
        except Skippable as error:
            self._failed(item_id, str(error))

    def _one(self, version: Version) -> None:
        raise NotImplementedError

    def _rest(self) -> None:
        """Write what could only be written once all items were seen."""

    def _write(self, place: Place, version: Version) -> None:
        """Write one item's bytes as one file."""
        content = version.content
        if content is None:
            return
        if content.size <= IN_MEMORY_BYTES:
            self._target.write(place, (self._job.vault.reader.whole(content),))
        elif self._target.takes_back:
            self._target.write(place, self._job.vault.read(content))
        else:
            self._target.write(place, verified(self._job.vault, content))
        self._wrote(version)
        self._result.files += 1

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
        self._write(Place(parts, version.modified_ms * 1_000_000), version)


class _Originals(_Writer):
    """Format `original`."""

    def write_all(self) -> None:
        """Write the source's files, those that were split into items joined again."""
        for found in by_file(self._view.versions(), self._job.original):
            if self._stop.is_set():
                return
            if isinstance(found, Pieces):
                self._attempt(found.place.parts[-1], self._join, found)
            else:
                self._attempt(found.version.id, self._whole, found)

    def _whole(self, found: Whole) -> None:
        version, place = found
        if place is None:
            self._write_as_file(version)
        elif version.kind == ItemKind.FOLDER:
            self._target.folder(self._place(place))
            self._wrote(version)
        else:
            self._write(self._place(place), version)

    def _join(self, pieces: Pieces) -> None:
        self._target.write(self._place(pieces.place), self._joined(pieces))
        self._result.files += 1

    def _joined(self, pieces: Pieces) -> Iterator[bytes]:
        """Yield the pieces' bytes; a damaged one is reported and left out, the rest of the file is still worth having."""
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
        place = self._placement(version)
        if content.size <= IN_MEMORY_BYTES:
            message = mail_file.as_message(vault.reader.whole(content), place)
            path = self._path(version, message)
            self._target.write(Place(path, version.modified_ms * 1_000_000), (message,))
            self._wrote(version)
            self._result.files += 1
        else:
            # Too large to rewrite in memory: a piece of an mbox keeps its `From ` line, as mail programs accept.
            self._write(
                Place(self._path(version, next(vault.read(content))), version.modified_ms * 1_000_000),
                version,
            )

    def _path(self, version: Version, message: bytes) -> tuple[str, ...]:
        head = mail_file.header(message)
        sent = mail_file.sent(head, version.modified_ms).strftime("%Y-%m-%d %H%M%S")
        title = mail_file.subject(head) or "no subject"
        return self._names.claim((*self._folder(version), f"{sent} {title}.eml"))


class _Mboxes(_Writer):
    """Format `mbox`. Ids are collected by folder first: a folder's messages need not follow each other in id order."""

    def write_all(self) -> None:
        """Write files at once and messages folder by folder."""
        self._folders: dict[tuple[str, ...], list[str]] = {}
        super().write_all()

    def _one(self, version: Version) -> None:
        if version.kind == ItemKind.FOLDER:
            return
        if version.kind == ItemKind.MESSAGE and version.content is not None:
            self._folders.setdefault(self._folder(version), []).append(version.id)
        else:
            self._write_as_file(version)

    def _rest(self) -> None:
        for folder, ids in self._folders.items():
            above, name = folder, "messages"
            if len(folder) > len(self._job.folder):
                above, name = folder[:-1], folder[-1].removesuffix(".mbox")
            path = self._names.claim((*above, f"{name}.mbox"))
            newest_ms = max(
                (version.modified_ms for version in map(self._view.get, ids) if version), default=0
            )
            self._target.write(Place(path, newest_ms * 1_000_000), self._entries(ids))
            self._result.files += 1

    def _entries(self, ids: list[str]) -> Iterator[bytes]:
        for item_id in ids:
            version = self._view.get(item_id)
            if version is None or version.content is None:
                continue
            try:
                data = b"".join(self._job.vault.read(version.content))
            except Integrity as error:
                self._failed(item_id, error.message)
                continue
            message = mail_file.as_message(data, self._placement(version))
            yield mail_file.as_mbox_entry(
                message, mail_file.sent(mail_file.header(message), version.modified_ms)
            )
            self._wrote(version)


_WRITERS: dict[ExportFormat, type[_Writer]] = {
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
