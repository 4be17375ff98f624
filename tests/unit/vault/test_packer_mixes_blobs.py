"""Blobs come back as they were, like is grouped with like, and packs end at their size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backupd.vault import packer as packer_module
from backupd.vault.pack import FRAME_BYTES, PackRecord, read_record
from backupd.vault.packer import Workshop
from backupd.vault.stores.memory import MemoryStore
from tests.vault_model.items import noise
from tests.vault_model.packs import blob_id, blobs_of, packer
from tests.vault_model.place import keyring


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    made = Workshop()
    yield made
    made.close()


def packed(
    workshop: Workshop, folder: Path, blobs: list[tuple[bytes, bool]]
) -> tuple[MemoryStore, list[PackRecord]]:
    store = MemoryStore()
    made = packer(store, workshop, folder)
    for number, (data, binary) in enumerate(blobs):
        made.add(blob_id(number), data, binary=binary)
    return store, made.finish()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.binary(max_size=300), st.booleans()), max_size=40))
def test_any_blobs(workshop: Workshop, tmp_path: Path, blobs: list[tuple[bytes, bool]]) -> None:
    store, records = packed(workshop, tmp_path, blobs)
    assert blobs_of(store, records) == {blob_id(n): data for n, (data, _) in enumerate(blobs)}


def test_text_and_binaries_are_in_frames_of_their_own(workshop: Workshop, tmp_path: Path) -> None:
    _, (record,) = packed(workshop, tmp_path, [(b"text %d" % n, n % 2 == 1) for n in range(10)])
    assert [frame.blobs for frame in record.directory.frames] == [5, 5]
    assert record.directory.ids[: 5 * 32] == b"".join(blob_id(n) for n in range(0, 10, 2))


def test_a_frame_holds_half_a_mebibyte(workshop: Workshop, tmp_path: Path) -> None:
    _, (record,) = packed(workshop, tmp_path, [(bytes(FRAME_BYTES // 4), False)] * 9)
    assert [frame.blobs for frame in record.directory.frames] == [4, 4, 1]


@pytest.mark.parametrize("size", [FRAME_BYTES, FRAME_BYTES + 1, 5 << 20])
def test_a_large_blob_has_a_frame_of_its_own(workshop: Workshop, tmp_path: Path, size: int) -> None:
    store, records = packed(
        workshop, tmp_path, [(b"small", False), (noise(1, size), False), (b"other", False)]
    )
    assert sorted(frame.blobs for frame in records[0].directory.frames) == [1, 2]
    assert blobs_of(store, records)[blob_id(1)] == noise(1, size)


def test_packs_end_at_their_size(workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packer_module, "TARGET_BYTES", 1 << 20)
    store, records = packed(workshop, tmp_path, [(noise(n, FRAME_BYTES), False) for n in range(12)])
    assert len(records) == 6
    assert len(blobs_of(store, records)) == 12
    assert {info.name: info.size_bytes for info in store.list()} == {r.name: r.size for r in records}


def test_packs_end_at_their_number_of_blobs(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packer_module, "MAX_PACK_BLOBS", 2)
    blobs = [(bytes([n]) * FRAME_BYTES, False) for n in range(8)]
    store, records = packed(workshop, tmp_path, blobs)
    assert [len(record.directory.lengths) for record in records] == [2, 2, 2, 2]
    assert len(blobs_of(store, records)) == 8


def test_a_pack_describes_itself(workshop: Workshop, tmp_path: Path) -> None:
    store, records = packed(workshop, tmp_path, [(noise(n, 1000), n > 5) for n in range(20)])
    assert [read_record(store, keyring(), record.name) for record in records] == records


def test_nothing_makes_no_pack(workshop: Workshop, tmp_path: Path) -> None:
    store, records = packed(workshop, tmp_path, [])
    assert (records, list(store.list()), list(tmp_path.iterdir())) == ([], [], [])
