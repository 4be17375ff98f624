"""A layer answers as a plain dictionary does, whatever the ids, the pages and the question."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backupd.errors import Integrity
from backupd.vault import snapshot as snapshot_module
from backupd.vault.entries import Entry, Failure, PageRef, Version
from backupd.vault.sealing import Kind
from backupd.vault.snapshot import BaseHeader, Layer, PageWriter, base_name, read_base
from backupd.vault.stores.memory import MemoryStore
from tests.vault_model.place import Seeded, keyring

NAME = base_name("ab" * 16, 3, 0)
IDS = st.text(alphabet=st.sampled_from("abéz~\x00\U0001f600/"), max_size=4)
SAFE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def entry(item_id: str, meta: bytes = b"") -> Entry:
    version = Version(item_id, "file", item_id.encode(), "folder", "name", 1, 2, meta, None)
    return Entry(item_id, version, False, Failure("r", item_id) if len(item_id) % 2 else None)


def written(folder: Path, entries: list[Entry]) -> tuple[MemoryStore, Layer, list[PageRef]]:
    store = MemoryStore()
    writer = PageWriter(keyring(), Kind.BASE, NAME, Seeded(), folder)
    writer.add(entries)
    assert writer.items == len(entries)
    writer.create(store, BaseHeader("s", 3, 0, b"", writer.items, writer.pages))
    header, layer = read_base(store, keyring(), NAME)
    return store, layer, header.pages


@SAFE
@given(st.sets(IDS, max_size=40), IDS, st.integers(1, 7))
def test_as_a_dictionary(tmp_path: Path, ids: set[str], asked: str, page_entries: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot_module, "PAGE_ENTRIES", page_entries)
        _, layer, pages = written(tmp_path, [entry(item_id) for item_id in sorted(ids)])
    plain = {item_id: entry(item_id) for item_id in sorted(ids)}
    assert len(pages) == -(-len(ids) // page_entries)
    assert list(layer.entries()) == list(plain.values())
    for item_id in {asked, *ids}:
        assert layer.get(item_id) == plain.get(item_id)
        after = [found for found in plain.values() if found.id > item_id] if item_id else list(plain.values())
        assert list(layer.entries(item_id)) == after


def test_many_pages(tmp_path: Path) -> None:
    ids = sorted(f"{n:x}" for n in range(5000))
    _, layer, pages = written(tmp_path, [entry(item_id) for item_id in ids])
    assert [page.count for page in pages] == [512] * 9 + [392]
    assert [found.id for found in layer.entries(ids[3000])] == ids[3001:]
    assert layer.get("zzz") is None


def test_pages_of_large_metadata_stay_small(tmp_path: Path) -> None:
    _, layer, pages = written(tmp_path, [entry(f"{n:03}", bytes(1 << 20)) for n in range(20)])
    assert max(page.count for page in pages) == 4
    assert sum(1 for _ in layer.entries()) == 20


def test_pages_that_change_places(tmp_path: Path) -> None:
    ids = sorted(f"{n:x}" for n in range(1200))
    store, _, pages = written(tmp_path, [entry(item_id) for item_id in ids])
    header, layer = read_base(store, keyring(), NAME)
    swapped = Layer(layer._reader, [header.pages[1], header.pages[0], header.pages[2]])
    with pytest.raises(Integrity):
        list(swapped.entries())
    with pytest.raises(Integrity):
        list(Layer(layer._reader, header.pages[1:]).entries())
    for wrong in (
        [PageRef("", page.last, page.offset, page.length, page.count) for page in pages],
        [PageRef(page.first, "~", page.offset, page.length, page.count) for page in pages],
        [PageRef(page.first, page.last, page.offset, page.length, page.count - 1) for page in pages],
    ):
        with pytest.raises(Integrity):
            list(Layer(layer._reader, wrong).entries())


def test_no_entries(tmp_path: Path) -> None:
    _, layer, pages = written(tmp_path, [])
    assert (list(layer.entries()), layer.get("x"), pages) == ([], None, [])
