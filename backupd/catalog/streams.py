"""Streams: what is remembered of each one's newest snapshot, and the newer cursor of runs that found nothing."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, LargeBinary, String, Table, insert, select

from backupd.catalog.schema import METADATA

TABLE = Table(
    "streams",
    METADATA,
    Column("name", String, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("service", String(20), nullable=False),
    Column("head_seq", BigInteger),
    Column("head_hash", LargeBinary),
    Column("newer_cursor", LargeBinary),
    Column("proven_ms", BigInteger),
    Column("last_state", String(20)),
    Column("last_run_ms", BigInteger),
)


class Stream(NamedTuple):
    """One stream.

    `head_seq` and `head_hash` name the newest snapshot this catalog has seen; an older head in the vault is a rollback.
    `newer_cursor` goes on from that very head: unchanged runs store it here and write nothing to the vault.
    `proven_ms` is when the stream was last read to its end; `last_state` and `last_run_ms` tell of the last run.
    """

    name: str
    account_id: str
    service: str
    head_seq: int | None = None
    head_hash: bytes | None = None
    newer_cursor: bytes | None = None
    proven_ms: int | None = None
    last_state: str | None = None
    last_run_ms: int | None = None

    @property
    def head(self) -> tuple[int, bytes] | None:
        """The remembered head, or None before the first snapshot."""
        if self.head_seq is None or self.head_hash is None:
            return None
        return self.head_seq, self.head_hash


def add(tx: Connection, stream: Stream) -> None:
    """Insert a newly discovered stream."""
    tx.execute(insert(TABLE).values(stream._asdict()))


def get(tx: Connection, name: str) -> Stream | None:
    """Return the stream of that name."""
    row = tx.execute(select(TABLE).where(TABLE.c.name == name)).one_or_none()
    return None if row is None else Stream(*row)


def of_accounts(tx: Connection, account_ids: list[str]) -> list[Stream]:
    """Return the streams of these accounts, by name."""
    query = select(TABLE).where(TABLE.c.account_id.in_(account_ids)).order_by(TABLE.c.name)
    return [Stream(*row) for row in tx.execute(query)]


def remember_head(tx: Connection, name: str, seq: int, snapshot_hash: bytes) -> None:
    """Remember a newer head. An older cursor than the head's own is dropped with the head it belonged to."""
    tx.execute(
        TABLE.update()
        .where(TABLE.c.name == name, (TABLE.c.head_seq.is_(None)) | (TABLE.c.head_seq < seq))
        .values(head_seq=seq, head_hash=snapshot_hash, newer_cursor=None)
    )


def remember_cursor(tx: Connection, name: str, head_seq: int | None, cursor: bytes) -> None:
    """Remember the cursor of a run that found nothing new, unless another run has moved the head meanwhile."""
    at_head = TABLE.c.head_seq.is_(None) if head_seq is None else TABLE.c.head_seq == head_seq
    tx.execute(TABLE.update().where(TABLE.c.name == name, at_head).values(newer_cursor=cursor))


def note_run(tx: Connection, name: str, state: str, ended_ms: int, proven_ms: int | None) -> None:
    """Note how the last run of the stream ended; `proven_ms` None leaves the last proof as it was."""
    values: dict[str, object] = {"last_state": state, "last_run_ms": ended_ms}
    if proven_ms is not None:
        values["proven_ms"] = proven_ms
    tx.execute(TABLE.update().where(TABLE.c.name == name).values(values))
