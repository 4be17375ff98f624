"""A small vault with at least one object of every kind, and everything that can be asked of a vault."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from backupd.errors import BackupdError, Integrity, KeyDenied, NotFound, UnsupportedFormat
from backupd.vault.condemned import CondemnedList, write_condemned
from backupd.vault.entries import Failure
from backupd.vault.index import index_names
from backupd.vault.pack import pack_id_of
from backupd.vault.snapshot import LayerReplaced
from backupd.vault.stores.base import Store
from backupd.vault.vault import Vault
from tests.vault_model.backing_up import STREAM, Change, back_up
from tests.vault_model.items import message, noise
from tests.vault_model.place import Place

OTHER = "connection/account/drive"
POINTS = (None, 500, 1_000, 2_500, 3_000, 9_000)
DAMAGE: tuple[type[BackupdError], ...] = (Integrity, UnsupportedFormat, KeyDenied)

Answers = dict[Hashable, Any]


class Wrong(AssertionError):
    """A question had another answer than it should have, or ended with an error that is none of damage."""


def fill(place: Place) -> dict[str, tuple[int, bytes]]:
    """Make the sample; return the heads that a catalog would remember."""
    place.keys = place.keys.with_new_data_key(random=place.random, now_ms=1)
    vault = place.create()
    paper = noise(1, 770)
    back_up(vault, Change({"a": b"one", "m1": message([paper])}))
    back_up(vault, Change({"a": b"two", "b": b""}, as_of_ms=2_000, complete=False))
    back_up(vault, Change({"c": None}, ["b"], {"d": Failure("gone", "it is gone")}, as_of_ms=3_000))
    vault.timeline(STREAM).write_base(2)
    _with_an_index(vault)
    vault.records.put("holds", "a hold", b"until it is lifted")
    vault.records.put("names", STREAM, b"mail of somebody")
    for generation in (1, 2):
        packs = [pack_id_of(info.name) for info in place.store.list("packs/")][:1]
        write_condemned(place.store, place.keys, CondemnedList(generation, 0, packs), place.random)
    heads = {stream: vault.head(stream) for stream in (STREAM, OTHER)}
    place.close()
    return {stream: (head.seq, head.hash) for stream, head in heads.items() if head is not None}


def _with_an_index(vault: Vault) -> None:
    with mock.patch("backupd.vault.slice.EMBEDDED_BLOBS", 0):
        back_up(vault, Change({"x": noise(2, 600), "y": b"text"}), OTHER)
    assert list(index_names(vault.store))


def questions(vault: Vault) -> Iterator[tuple[Hashable, Callable[[], Any]]]:
    """Yield all that can be asked of the sample, each question with a way to its answer."""
    yield "streams", vault.streams
    for kind in ("holds", "names", "pins", "policy"):
        yield ("records", kind), partial(_records, vault, kind)
    yield ("record", "holds"), partial(vault.records.get, "holds", "a hold")
    for stream, seqs in ((STREAM, (1, 2, 3)), (OTHER, (1,))):
        yield ("head", stream), partial(vault.head, stream)
        yield ("snapshots", stream), partial(vault.snapshots, stream)
        for item_id in ("a", "b", "x", "unknown"):
            yield ("history", stream, item_id), partial(vault.history, stream, item_id)
        for at_ms in POINTS:
            yield ("at", stream, at_ms), partial(_at, vault, stream, at_ms)
        for seq in (None, *seqs):
            yield ("view", stream, seq), partial(_view, vault, stream, seq)
            yield ("bytes", stream, seq), partial(_bytes, vault, stream, seq)


def _records(vault: Vault, kind: str) -> object:
    return sorted(vault.records.list(kind))


def _view(vault: Vault, stream: str, seq: int | None) -> object:
    return [(entry.id, entry.version, entry.failure) for entry in vault.view(stream, seq).entries()]


def _bytes(vault: Vault, stream: str, seq: int | None) -> object:
    return {
        version.id: None if version.content is None else b"".join(vault.read(version.content))
        for version in vault.view(stream, seq).versions()
    }


def _at(vault: Vault, stream: str, at_ms: int | None) -> object:
    try:
        return vault.at(stream, at_ms)
    except NotFound:
        return "no point in time"


def answers(place: Place, store: Store, cache_path: Path) -> Answers:
    """Ask an undamaged vault everything."""
    vault = open_sample(place, store, cache_path)
    try:
        return {question: ask() for question, ask in questions(vault)}
    finally:
        vault.close()


def open_sample(place: Place, store: Store, cache_path: Path) -> Vault:
    """Open the vault without keeping it in the place."""
    return Vault.open(
        store,
        place.keys,
        cache_path=cache_path,
        spool_dir=place.spool_dir,
        clock=place.clock,
        random=place.random,
    )


def detected(place: Place, store: Store, cache_path: Path, right: Answers) -> bool:
    """Ask a damaged vault everything; return whether the damage was noticed by an error.

    Raises Wrong for an answer that is not the right one (something silently missing above all), and for an error
    that does not say that something is damaged.
    """
    try:
        vault = open_sample(place, store, cache_path)
    except LayerReplaced as error:
        raise Wrong("opening said that it was replaced") from error
    except DAMAGE:
        return True
    noticed = False
    try:
        for question, ask in questions(vault):
            try:
                answer = ask()
            except DAMAGE:
                noticed = True
                continue
            except Exception as error:
                raise Wrong(f"{question} ended with {error!r}") from error
            if answer != right[question]:
                raise Wrong(f"{question} was answered with {answer!r}")
    finally:
        vault.close()
    return noticed
