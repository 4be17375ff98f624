"""A store that is full, refuses or does not answer: a typed error, nothing half-written, and the next run succeeds."""

from __future__ import annotations

import pytest

from backupd.errors import BackupdError, StoreDenied, StoreFull, StoreUnavailable
from backupd.vault.stores.faulty import Fault, FaultyStore, Moment
from tests.vault_model.backing_up import STREAM, Change, back_up
from tests.vault_model.items import noise
from tests.vault_model.place import Place
from tests.vault_model.reference import Reference, assert_same

CHANGE = Change({f"f{n}": noise(n, 3000) for n in range(40)})


@pytest.mark.parametrize("error", [StoreFull, StoreDenied, StoreUnavailable])
@pytest.mark.parametrize("moment", list(Moment))
def test_at_every_write(
    place: Place, monkeypatch: pytest.MonkeyPatch, error: type[BackupdError], moment: Moment
) -> None:
    monkeypatch.setattr("backupd.vault.slice.EMBEDDED_BLOBS", 10)
    monkeypatch.setattr("backupd.vault.packer.TARGET_BYTES", 20_000)
    monkeypatch.setattr("backupd.vault.packer.FRAME_BYTES", 9_000)
    place.create().close()
    at = 0
    while True:
        at += 1
        stream = f"{STREAM} {at}"
        store = FaultyStore(place.store, [Fault(at, moment, error("no"))], counts=lambda m, _: m == "create")
        vault, reference = place.open(store, cache=f"{at}"), Reference()
        try:
            back_up(
                vault, Change({f"{at} {k}": v and bytes([at]) + v for k, v in CHANGE.upserts.items()}), stream
            )
            break
        except error:
            pass
        assert list(place.spool_dir.iterdir()) == []
        seen = place.open(cache="another machine")
        assert (seen.head(stream) is None) or moment is Moment.AFTER
        if seen.head(stream) is None:
            change = Change({f"{at} {k}": v and bytes([at]) + v for k, v in CHANGE.upserts.items()})
            back_up(vault, change, stream, reference)
            items = {v.id: v.content for v in place.open(cache="a third").view(stream).versions()}
            assert len(items) == len(change.upserts)
            for item_id, content in items.items():
                assert content is not None
                assert b"".join(seen.read(content)) == change.upserts[item_id]
    assert at > 6, f"only {at - 1} writes"


def test_a_source_that_fails_in_the_middle_of_an_item(place: Place) -> None:
    import io

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 40 << 20:
                raise ConnectionResetError
            return super().read(size)

    from tests.vault_model.backing_up import item_of

    vault, reference = place.create(), Reference()
    running = vault.slice(STREAM, "run")
    with pytest.raises(ConnectionResetError):
        running.upsert(item_of("large", b""), Broken(bytes(60 << 20)))
    change = Change({"a": b"1"})
    change.say(running)
    running.commit(change.cursor, complete=True, as_of_ms=change.as_of_ms)
    reference.commit(STREAM, change.after(reference.head(STREAM)))
    assert_same(vault, reference)
