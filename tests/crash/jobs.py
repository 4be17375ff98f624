"""The jobs that are killed: what is in the vault before, what the job does, and what is there after it.

A job may be done again after a kill, as a run would be; it ends in the same state however often that happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest import mock

from backupd.domain.retention import DAY_MS, Retention
from backupd.vault.entries import Failure
from backupd.vault.maintenance.pruning import prune
from backupd.vault.maintenance.rebuild import rebuild_index
from backupd.vault.maintenance.retention import set_retention
from backupd.vault.vault import Vault
from tests.vault_model.backing_up import STREAM, Change, back_up
from tests.vault_model.items import message, noise, prose
from tests.vault_model.place import Place
from tests.vault_model.reference import Reference

RUN = "the run that is killed"
OTHER = "connection/account/drive"
DAY_S = DAY_MS / 1000


class Job(NamedTuple):
    """One job: `prepare` makes the vault, `act` is killed, `after` says what is there at the end."""

    name: str
    prepare: Callable[[Place], Reference]
    act: Callable[[Vault], object]
    after: Callable[[Reference], Reference]


CHANGE = Change(
    {
        "a": b"changed",
        "m new": message([noise(50, 6_000), noise(1, 6_000)]),
        "f new": noise(51, 9_000),
        "g new": prose(52, 9_000),
        "h new": noise(53, 12_000),
        "i new": noise(54, 12_000),
        "none": None,
    },
    ["m1"],
    {"b": Failure("gone", "it could not be opened")},
    as_of_ms=9_000,
    cursor=b"after the run",
)


@contextmanager
def small_objects() -> Iterator[None]:
    """Packs, frames and embedded indexes so small that a few items make several of each."""
    with (
        mock.patch("backupd.vault.packer.TARGET_BYTES", 16_000),
        mock.patch("backupd.vault.packer.FRAME_BYTES", 7_000),
        mock.patch("backupd.vault.maintenance.condemn.SMALL_BYTES", 4_000),
        mock.patch("backupd.vault.maintenance.merging.SMALL_AT_LEAST", 3),
    ):
        yield


@contextmanager
def indexes_of_their_own() -> Iterator[None]:
    """No pack is described in a snapshot, so every slice writes an index."""
    with mock.patch("backupd.vault.slice.EMBEDDED_BLOBS", 0):
        yield


def first_backup(place: Place) -> Reference:
    """Make a vault with two snapshots of one stream and one of another."""
    vault, reference = place.create(), Reference()
    paper = noise(1, 6_000)
    with small_objects():
        back_up(vault, Change({"a": b"one", "b": paper, "m1": message([paper])}), STREAM, reference)
        back_up(vault, Change({"a": b"two", "c": b""}, as_of_ms=2_000), STREAM, reference)
        back_up(vault, Change({"a": b"two", "d": noise(2, 9_000)}, as_of_ms=2_000), OTHER, reference)
    place.close()
    return reference


def worn_vault(place: Place) -> Reference:
    """Make a vault in which most of what was stored is expired by now: days apart, replaced and deleted."""
    reference = Reference()
    place.create()
    place.close()
    for number in range(5):
        with small_objects(), mock.patch("backupd.vault.slice.EMBEDDED_BLOBS", 1024 if number % 2 else 0):
            vault = place.open()
            now_ms = int(place.clock() * 1000)
            upserts: dict[str, bytes | None] = {
                f"kept {number}": noise(number, 3_000),
                "replaced": noise(100 + number, 9_000),
                f"going {number}": noise(200 + number, 5_000),
            }
            deletes = [f"going {number - 1}"]
            back_up(vault, Change(upserts, deletes, as_of_ms=now_ms), STREAM, reference)
            back_up(vault, Change({"r": noise(300 + number, 8_000)}, as_of_ms=now_ms), OTHER, reference)
        place.close()
        place.clock.advance(DAY_S)
    vault = place.open()
    vault.timeline(STREAM).write_base(3)
    set_retention(vault, Retention(days=2))
    place.close()
    place.clock.advance(DAY_S / 2)
    return reference


def condemned_vault(place: Place) -> Reference:
    """Make a worn vault whose first prune is long enough ago for a sweep, with one condemned blob needed again."""
    reference = worn_vault(place)
    vault = place.open()
    late = vault.slice(OTHER, "began before the prune")
    change = Change({"r again": noise(300, 8_000)}, as_of_ms=int(place.clock() * 1000))
    change.say(late)
    with small_objects():
        report = prune(place.open(cache="pruning"))
    assert report.packs_condemned
    late.commit(change.cursor, complete=True, as_of_ms=change.as_of_ms)
    reference.commit(OTHER, change.after(reference.head(OTHER)))
    place.close()
    place.clock.advance(2 * 600 + 1)
    return pruned(reference)


def pruned(before: Reference) -> Reference:
    """Return what retention leaves of a worn vault: what was superseded less than two days ago."""
    after = before.copy()
    for snapshots in after.streams.values():
        for seq in list(snapshots):
            if seq < 4:
                del snapshots[seq]
    return after


def same(before: Reference) -> Reference:
    """Return what was there: the job changes nothing that can be seen."""
    return before


def slice_committed(before: Reference) -> Reference:
    """Return what is there after the slice."""
    after = before.copy()
    after.commit(STREAM, CHANGE.after(after.head(STREAM)))
    return after


def run_slice(vault: Vault) -> None:
    """Run the slice, unless it was committed before the kill."""
    head = vault.head(STREAM)
    if head is None or head.run_id != RUN:
        with small_objects():
            back_up(vault, CHANGE, STREAM, run_id=RUN)


def run_slice_with_indexes(vault: Vault) -> None:
    """The same with an index object."""
    with indexes_of_their_own():
        run_slice(vault)


def write_bases(vault: Vault) -> None:
    """Write a base and a roll-up."""
    vault.timeline(STREAM).write_base(2)
    vault.timeline(STREAM).write_base(2, 1)


def run_prune(vault: Vault) -> None:
    """Prune once."""
    with small_objects():
        prune(vault)


JOBS = [
    Job("slice", first_backup, run_slice, slice_committed),
    Job("slice with indexes", first_backup, run_slice_with_indexes, slice_committed),
    Job("bases", first_backup, write_bases, same),
    Job("expire, compact, condemn", worn_vault, run_prune, pruned),
    Job("rescue, sweep", condemned_vault, run_prune, same),
    Job("rebuild of the indexes", worn_vault, rebuild_index, same),
]
