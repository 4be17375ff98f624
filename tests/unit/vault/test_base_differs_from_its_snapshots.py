"""A base or roll-up says what the snapshots before it say together; it is compared before anybody leans on it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backupd.errors import Integrity
from backupd.vault import timeline as timeline_module
from backupd.vault.entries import Entry, Failure
from backupd.vault.snapshot import PageWriter, base_name
from backupd.vault.stores.base import ObjectExists
from tests.vault_model.backing_up import STREAM, Change, back_up
from tests.vault_model.place import Place
from tests.vault_model.reference import Reference, assert_same

IDS = "abcde"


def filled(place: Place, snapshots: int = 6) -> Reference:
    vault, reference = place.create(), Reference()
    for seq in range(1, snapshots + 1):
        upserts: dict[str, bytes | None] = {IDS[seq % 5]: b"%d" % seq, IDS[seq * 2 % 5]: b"x%d" % seq}
        deletes = [IDS[seq * 3 % 5]] if seq % 2 else []
        failures = {IDS[seq * 4 % 5]: Failure("f", str(seq))}
        back_up(vault, Change(upserts, deletes, failures, as_of_ms=seq), reference=reference)
    return reference


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 5)), max_size=5))
def test_any_bases_leave_the_history_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, int]]
) -> None:
    place = Place(tmp_path_factory.mktemp("place"))
    reference = filled(place)
    vault = place.open()
    for seq, since in spans:
        if since < seq:
            vault.timeline(STREAM).write_base(seq, since)
    assert_same(vault, reference)
    back_up(vault, Change({"new": b"1"}, ["a"], as_of_ms=9), reference=reference)
    assert_same(vault, reference)
    place.close()


def test_the_view_really_leans_on_the_base(place: Place) -> None:
    reference = filled(place)
    vault = place.open()
    vault.timeline(STREAM).write_base(5)
    for info in list(place.store.list("snapshots/"))[:4]:
        place.store.delete(info.name)
    seen = {version.id for version in vault.view(STREAM, 6).versions()}
    assert seen == set(reference.head(STREAM).items)


class Forgetful(PageWriter):
    """Writes all entries but the last one."""

    def add(self, entries: Iterable[Entry]) -> None:
        super().add(list(entries)[:-1])


@pytest.mark.parametrize("since", [0, 2])
def test_a_base_that_reads_back_wrong_is_removed(
    place: Place, monkeypatch: pytest.MonkeyPatch, since: int
) -> None:
    reference = filled(place)
    vault = place.open()
    monkeypatch.setattr(timeline_module, "PageWriter", Forgetful)
    with pytest.raises(Integrity):
        vault.timeline(STREAM).write_base(5, since)
    assert list(place.store.list("bases/")) == []
    assert_same(vault, reference)


def test_a_base_left_uncompared_by_a_crash_is_compared(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(place)
    timeline = place.open().timeline(STREAM)

    class Crash(BaseException):
        pass

    def die(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(timeline_module, "PageWriter", Forgetful)
        patch.setattr(timeline_module, "zip_longest", die)
        with pytest.raises(Crash):
            timeline.write_base(5)
    assert timeline.bases() == {5: [0]}
    with pytest.raises(Integrity):
        timeline.write_base(5)
    assert timeline.bases() == {}


def test_writing_it_twice(place: Place) -> None:
    reference = filled(place)
    timeline = place.open().timeline(STREAM)
    name = timeline.write_base(5)
    before = place.store.get(name)
    assert timeline.write_base(5) == name
    assert place.store.get(name) == before
    with pytest.raises(ObjectExists):
        place.store.create(name, b"")
    assert_same(place.open(), reference)


def test_a_base_under_another_name(place: Place) -> None:
    filled(place)
    vault = place.open()
    timeline = vault.timeline(STREAM)
    name = timeline.write_base(3)
    for seq, since in ((4, 0), (3, 1)):
        other = base_name(timeline.key, seq, since)
        place.store.put(other, place.store.get(name))
        with pytest.raises(Integrity):
            timeline.base(seq, since)


def test_when_a_base_pays(place: Place) -> None:
    vault = place.create()
    for seq in range(1, 30):
        timeline = vault.timeline(STREAM)
        head = vault.head(STREAM)
        wanted = timeline.wants_base(head.seq if head else 0)
        if wanted:
            timeline.write_base(seq - 1)
        assert not timeline.wants_base(seq - 1)
        back_up(vault, Change({f"{seq}": b"x"}, as_of_ms=seq))
    assert list(vault.timeline(STREAM).bases()) == [8, 16]
