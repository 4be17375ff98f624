"""A packer that lost blobs never finishes: a caller who took the error for one item's must not be able to commit."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from backupd.errors import BackupdError, StoreDenied, StoreFull, StoreUnavailable
from backupd.vault import packer as packer_module
from backupd.vault.pack import FRAME_BYTES
from backupd.vault.packer import Packer, Workshop
from backupd.vault.stores.faulty import Fault, FaultyStore, Moment
from backupd.vault.stores.memory import MemoryStore
from tests.vault_model.items import noise
from tests.vault_model.packs import blob_id, packer


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    made = Workshop()
    yield made
    made.close()


class FullFile(io.BytesIO):
    """A spooled file on a disk that has room for so many bytes only."""

    room = 0

    def write(self, data: object, /) -> int:
        if self.tell() + len(data) > self.room:  # type: ignore[arg-type]
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)  # type: ignore[arg-type]


def fill(made: Packer, blobs: int) -> int:
    """Add blobs as a careless caller would, who takes every error for that of one item; return the errors."""
    errors = 0
    for number in range(blobs):
        try:
            made.add(blob_id(number), noise(number, FRAME_BYTES), binary=False)
        except BackupdError:
            errors += 1
    return errors


@pytest.mark.parametrize("room", [0, 100, FRAME_BYTES + 1000])
def test_the_spool_folder_is_full(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr(FullFile, "room", room)
    monkeypatch.setattr("backupd.vault.packer.tempfile.TemporaryFile", lambda **_: FullFile())
    store = MemoryStore()
    made = packer(store, workshop, tmp_path)
    assert fill(made, 20) > 0
    with pytest.raises((StoreFull, StoreUnavailable)):
        made.finish()
    made.abort()
    assert list(store.list()) == []


def test_the_spool_folder_is_full_at_the_end(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FullFile, "room", 500)
    monkeypatch.setattr("backupd.vault.packer.tempfile.TemporaryFile", lambda **_: FullFile())
    made = packer(MemoryStore(), workshop, tmp_path)
    made.add(blob_id(1), noise(1, 1000), binary=False)
    with pytest.raises(StoreFull):
        made.finish()


def test_the_spool_folder_is_missing(workshop: Workshop, tmp_path: Path) -> None:
    made = packer(MemoryStore(), workshop, tmp_path / "gone")
    made.add(blob_id(1), b"data", binary=False)
    with pytest.raises((StoreUnavailable, StoreDenied)):
        made.finish()


@pytest.mark.parametrize("moment", list(Moment))
@pytest.mark.parametrize("upload", [1, 3])
def test_the_store_is_full_in_the_middle(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, upload: int, moment: Moment
) -> None:
    monkeypatch.setattr(packer_module, "TARGET_BYTES", FRAME_BYTES)
    inner = MemoryStore()
    store = FaultyStore(inner, [Fault(upload, moment, StoreFull("full"))])
    made = packer(store, workshop, tmp_path)
    fill(made, 12)
    with pytest.raises((StoreFull, StoreUnavailable)):
        made.finish()
    made.abort()
    assert list(tmp_path.iterdir()) == []


def test_aborting_leaves_nothing(workshop: Workshop, tmp_path: Path) -> None:
    store = MemoryStore()
    made = packer(store, workshop, tmp_path)
    fill(made, 5)
    made.abort()
    assert (list(store.list()), list(tmp_path.iterdir())) == ([], [])
    made.abort()


def test_aborting_after_a_crash_in_an_upload(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packer_module, "TARGET_BYTES", FRAME_BYTES)
    made = packer(
        FaultyStore(MemoryStore(), [Fault(1, Moment.BEFORE, StoreFull("full"))]), workshop, tmp_path
    )
    made.add(blob_id(1), noise(1, FRAME_BYTES), binary=False)
    made.abort()
    assert list(tmp_path.iterdir()) == []
