"""Whatever the size, the source and its size hint: what went in comes out, in bounded memory."""

from __future__ import annotations

import io
import tracemalloc

import pytest

from backupd.vault.entries import Content
from backupd.vault.intake import IN_MEMORY_LIMIT_BYTES
from backupd.vault.vault import Vault
from tests.vault_model.backing_up import STREAM, item_of
from tests.vault_model.items import SampleItem, message, noise
from tests.vault_model.place import Place


class Trickle(io.BytesIO):
    """Gives less than it is asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(50_021, size) if size is not None and size >= 0 else 50_021)


class Endless(io.RawIOBase):
    """A source of so many bytes that holds none of them."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.left = size
        self.block = noise(1, 1 << 20)

    def read(self, size: int = -1, /) -> bytes:
        given = self.block[: min(self.left, size)]
        self.left -= len(given)
        return given


def stored(vault: Vault, item: SampleItem, source: object) -> Content:
    running = vault.slice(STREAM, "run")
    running.upsert(item, source)  # type: ignore[arg-type]
    running.commit(b"", complete=True, as_of_ms=1)
    content = next(vault.view(STREAM).versions()).content
    assert content is not None
    return content


@pytest.mark.parametrize("hint", [-1, 0, 10, 5_000_000, 1 << 40])
@pytest.mark.parametrize("source", [io.BytesIO, Trickle])
@pytest.mark.parametrize("kind", ["file", "message"])
def test_size_hints_are_hints(place: Place, hint: int, source: type[io.BytesIO], kind: str) -> None:
    data = message([noise(1, 300_000)]) + noise(2, 1_000_000)
    vault = place.create()
    content = stored(vault, SampleItem("x", kind, size_bytes=hint), source(data))
    assert b"".join(vault.read(content)) == data
    assert content.size == len(data)


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_around_the_bound_of_memory(place: Place, extra: int) -> None:
    data = message([noise(1, 20 << 20)])
    data += bytes(IN_MEMORY_LIMIT_BYTES + extra - len(data))
    vault = place.create()
    content = stored(vault, item_of("m", data), io.BytesIO(data))
    assert b"".join(vault.read(content)) == data
    assert bool(content.parts) == (extra <= 0)


def test_a_large_source_stays_out_of_memory(place: Place) -> None:
    vault, size = place.create(), 150 << 20
    tracemalloc.start()
    try:
        content = stored(vault, SampleItem("m", "message", size_bytes=size), Endless(size))
        read = sum(len(piece) for piece in vault.read(content))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (content.size, read) == (size, size)
    assert peak < size


def test_the_same_bytes_by_stream_and_in_memory_have_one_digest(place: Place) -> None:
    data = noise(1, IN_MEMORY_LIMIT_BYTES + 10)
    vault = place.create()
    content = stored(vault, item_of("a", data), data)
    assert content.digest == vault.names.blob_id(data)
