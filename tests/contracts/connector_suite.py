"""The suite that every connector passes; `connectors.sdk.contract` in executable form.

A connector's own test subclasses `ConnectorSuite` and gives it a `world`: one stream of the source, which the tests may
change as its user would.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Protocol

import pytest

from connectors.sdk.contract import Connection, Connector, Stream
from connectors.sdk.errors import Permanent, Skippable
from connectors.sdk.records import (
    Checkpoint,
    Delete,
    OnConflict,
    RestoreOutcome,
    Service,
    Target,
    Upsert,
)
from tests.contracts.committed import Committed, read, stored, without_checkpoints

MANY = 2_300
"""Items that no connector may yield without a checkpoint in between."""

HOSTILE_NAMES = (
    "..",
    "...",
    "../../etc/passwd",
    "/etc/passwd",
    "line\nbreak",
    "\x1b[31mred\x07",
    "\u202egpj.exe",
    "trailing. ",
    " leading",
    "CON",
    "a" * 300,
    "\U0010fe41 private",
    "\U0010ffff" * 4,
    "café",
    "cafe\u0301",
    "semi;colon&$(touch x)`y`'\"",
    "%2e%2e%2f",
    "\udcff\udc80 undecodable",
)


class World(Protocol):
    """One stream of a source with a known truth. Keys are the test's names for items, free of any meaning."""

    connector: Connector
    settings: dict[str, str]
    account: str
    service: Service

    def add(self, key: str, content: bytes) -> None:
        """Make an item. The source may give it a legal name where `key` is not one."""

    def change(self, key: str, content: bytes) -> None:
        """Give an item other content."""

    def remove(self, key: str) -> None:
        """Delete an item."""

    def move(self, key: str, to: str) -> None:
        """Move an item to another folder or name; from now on its key is `to`."""

    def contents(self) -> Counter[bytes]:
        """Return the bytes of all items, as the connector is to deliver them."""

    def target(self) -> Target:
        """Return a place to restore into, empty at first."""

    def restored(self) -> Counter[bytes]:
        """Return the bytes of what was restored there."""


class ConnectorSuite:
    """What every connector's stream does."""

    @pytest.fixture
    def connection(self, world: World) -> Connection:
        return world.connector.connect(world.settings, b"")

    @pytest.fixture
    def stream(self, world: World, connection: Connection) -> Stream:
        return connection.stream(world.account, world.service)

    @pytest.fixture
    def committed(self) -> Committed:
        return Committed()

    def test_accounts_come_in_order_under_different_names_and_offer_the_stream(
        self, world: World, connection: Connection
    ) -> None:
        world.add("one", b"1")
        accounts = list(connection.discover())
        ids = [account.id for account in accounts]
        assert ids == sorted(set(ids))
        assert len({account.name for account in accounts}) == len(accounts)
        assert world.service in next(one for one in accounts if one.id == world.account).services

    def test_a_service_that_the_source_does_not_have_is_refused(
        self, world: World, connection: Connection
    ) -> None:
        with pytest.raises(Permanent):
            list(connection.stream(world.account, Service.BOOKS).changes(None, Committed()))

    def test_the_first_read_is_the_truth(self, world: World, stream: Stream, committed: Committed) -> None:
        for number in range(7):
            world.add(f"item {number}", b"content %d" % number)
        committed.back_up(stream)
        assert committed.complete
        assert committed.contents() == world.contents()

    def test_an_unchanged_source_yields_only_the_complete_checkpoint(
        self, world: World, stream: Stream, committed: Committed
    ) -> None:
        for number in range(7):
            world.add(f"item {number}", b"content %d" % number)
        committed.back_up(stream)
        (last,) = committed.back_up(stream)
        assert isinstance(last, Checkpoint) and last.complete
        cursor = last.cursor
        committed.back_up(stream)
        assert committed.cursor == cursor

    def test_what_was_added_changed_moved_and_removed_is_seen(
        self, world: World, stream: Stream, committed: Committed
    ) -> None:
        for key in ("stays", "changes", "goes", "moves"):
            world.add(key, key.encode() * 3)
        committed.back_up(stream)
        before = committed.copy()
        world.add("new", b"new")
        world.change("changes", b"changed, and longer than before")
        world.remove("goes")
        world.move("moves", "moved")
        said = committed.back_up(stream)
        assert committed.contents() == world.contents()
        untouched = {
            item_id for item_id, (_, data) in before.items.items() if data and b"staysstaysstays" in data
        }
        assert untouched and untouched <= committed.items.keys()
        again = {c.item.id for c in said if isinstance(c, Upsert) and c.item.tag == before.tag(c.item.id)}
        assert not again & untouched

    def test_stopping_at_any_checkpoint_and_going_on_gives_the_same(
        self, world: World, stream: Stream, committed: Committed
    ) -> None:
        for number in range(MANY):
            world.add(f"item {number}", b"content %d" % number)
        whole = Committed()
        checkpoints = [c for c in whole.back_up(stream) if isinstance(c, Checkpoint)]
        assert len(checkpoints) > MANY // 1000
        for _ in range(len(checkpoints) + 1):
            committed.back_up(stream, stop_at=1)
            if committed.complete:
                break
            # Each slice goes on with what the ones before left; nothing is taken back.
            assert committed.contents() <= world.contents()
        assert committed.complete
        assert committed.items == whole.items
        assert committed.contents() == world.contents()
        assert committed.cursor == whole.cursor

    def test_changes_between_two_slices_are_seen_at_the_latest_by_the_next_read(
        self, world: World, stream: Stream, committed: Committed
    ) -> None:
        for number in range(MANY):
            world.add(f"item {number:04d}", b"content %d" % number)
        committed.back_up(stream, stop_at=1)
        for number in range(0, MANY, MANY // 20):
            world.change(f"item {number:04d}", b"content %d, changed" % number)
            world.remove(f"item {number + 1:04d}")
        while not committed.complete:
            committed.back_up(stream, stop_at=1)
        committed.back_up(stream)
        assert committed.contents() == world.contents()

    @pytest.mark.parametrize(
        "cursor", [b"", b"\x00", b"garbage", b"\x95\x00\xa0\xa0\x00\x80", b"{}", b"\xff" * 99]
    )
    def test_a_cursor_that_is_not_understood_starts_over_and_deletes_nothing(
        self, world: World, stream: Stream, committed: Committed, cursor: bytes
    ) -> None:
        for number in range(5):
            world.add(f"item {number}", b"content %d" % number)
        committed.back_up(stream)
        before = committed.contents()
        said = committed.back_up(stream, cursor=cursor)
        assert not [change for change in said if isinstance(change, Delete)]
        assert committed.contents() == before == world.contents()

    def test_an_older_cursor_beside_newer_state_does_no_harm(
        self, world: World, stream: Stream, committed: Committed
    ) -> None:
        for number in range(5):
            world.add(f"item {number}", b"content %d" % number)
        committed.back_up(stream)
        older = committed.cursor
        world.add("new", b"new")
        world.change("item 1", b"changed once and for all")
        world.remove("item 2")
        committed.back_up(stream)
        committed.back_up(stream, cursor=older)
        assert committed.contents() == world.contents()

    def test_content_opens_as_often_as_asked_with_the_same_bytes(self, world: World, stream: Stream) -> None:
        world.add("one", b"first line\n" * 100_000)
        upserts = [
            c for c in stream.changes(None, Committed()) if isinstance(c, Upsert) and c.open is not None
        ]
        contents = []
        for upsert in upserts:
            first = read(upsert)
            assert first == read(upsert)
            assert first is not None and len(first) == upsert.item.size_bytes
            assert upsert.open is not None
            with upsert.open() as opened:
                assert opened.read() == first
            contents.append(first)
        assert Counter(contents) == world.contents()

    def test_an_item_that_vanishes_before_it_is_opened_is_skipped_and_forgotten(
        self, world: World, stream: Stream, committed: Committed
    ) -> None:
        world.add("stays", b"stays")
        world.add("vanishes", b"vanishes while it is read")
        upserts = [
            c for c in stream.changes(None, Committed()) if isinstance(c, Upsert) and c.open is not None
        ]
        world.remove("vanishes")
        outcomes: list[str] = []
        for upsert in upserts:
            try:
                outcomes.append("read" if read(upsert) in world.contents() else "wrong bytes")
            except Skippable as error:
                outcomes.append("skipped")
                committed.failures[upsert.item.id] = error.reason
        assert sorted(outcomes) == ["read", "skipped"]
        committed.back_up(stream)
        assert not committed.failures
        assert committed.contents() == world.contents()

    def test_a_pending_failure_is_tried_again_although_nothing_changed(
        self, world: World, stream: Stream, committed: Committed
    ) -> None:
        for number in range(5):
            world.add(f"item {number}", b"content %d" % number)
        committed.back_up(stream)
        for item_id in sorted(committed.items)[1::2]:
            committed.failures[item_id] = "unavailable"
        assert committed.failures
        committed.back_up(stream)
        assert not committed.failures
        assert committed.contents() == world.contents()
        assert without_checkpoints(committed.back_up(stream)) == []

    def test_hostile_names_survive(self, world: World, stream: Stream, committed: Committed) -> None:
        for number, name in enumerate(HOSTILE_NAMES):
            world.add(name, b"hostile %d" % number)
        said = committed.back_up(stream)
        assert committed.contents() == world.contents()
        assert len(committed.contents()) >= len(HOSTILE_NAMES)
        for change in said:
            if isinstance(change, Upsert):
                for text in (change.item.id, change.item.folder, change.item.name):
                    assert text.encode().decode() == text
                    assert not any(ord(char) < 32 for char in text)
        assert without_checkpoints(committed.back_up(stream)) == []

    def test_restoring_gives_back_the_bytes_once_however_often_it_is_asked(
        self, world: World, stream: Stream, committed: Committed
    ) -> None:
        for number, name in enumerate(("plain", *HOSTILE_NAMES)):
            world.add(name, b"content %d\n\n" % number)
        committed.back_up(stream)
        target = world.target()
        for repeat in range(2):
            outcomes = set()
            for item, data in committed.items.values():
                outcomes.add(stream.restore(item, stored(data), target, OnConflict.COPY).outcome)
            assert outcomes == {RestoreOutcome.ALREADY_RESTORED if repeat else RestoreOutcome.WRITTEN}
            assert world.restored() == world.contents()

    def test_restoring_an_item_of_another_source_is_refused(
        self, world: World, stream: Stream, committed: Committed
    ) -> None:
        world.add("one", b"1")
        committed.back_up(stream)
        ((item, data),) = [pair for pair in committed.items.values() if pair[1] is not None]
        for meta in (b"", b"\x00", b"{}", b"not ours"):
            foreign = dataclasses.replace(item, meta=meta)
            with pytest.raises(Skippable):
                stream.restore(foreign, stored(data), world.target(), OnConflict.REPLACE)
        assert not world.restored()
