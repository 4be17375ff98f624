"""Packs: indexes open and agree with the packs' own directories; packs are there and as long as they should be."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, cast

import msgspec
from blake3 import blake3

from backupd.vault.index import index_names, read_index
from backupd.vault.maintenance.checks.examination import BAD, Examination, sentence_of
from backupd.vault.maintenance.reports import FindingKind
from backupd.vault.pack import PackRecord, locations, pack_id_of, pack_name, read_record
from backupd.vault.sealing import Extent, Kind, ObjectSeal, expand
from backupd.vault.snapshot import read_snapshot
from backupd.vault.stores.base import ObjectNotFound


class _There(NamedTuple):
    """A pack that the store has: its length there, and the digest and length that an index has for it."""

    id: bytes
    stored: int
    described: bytes | None
    size: int | None


Known = Callable[[PackRecord, str], None]


def check_packs(exam: Examination) -> None:
    """Read every index and every pack's directory; fill the examination's index with all that can be located."""
    # Descriptions first, packs after them: a backup that runs meanwhile goes the other way.
    _each_description(exam, lambda record, name: _describe(exam, record, name), report_bad=True)
    for info in exam.vault.store.list("packs/"):
        pack_id = _pack_id(info.name)
        if pack_id is not None:
            exam.report.packs += 1
            exam.ledger.execute(
                "INSERT INTO packs(id, stored) VALUES(?, ?) ON CONFLICT(id) DO UPDATE SET stored = excluded.stored",
                (pack_id, info.size_bytes),
            )
    _compare_directories(exam)
    _fill_index(exam)


def read_packs(exam: Examination, percent: float, seed: int) -> None:
    """Open every frame of the chosen packs and compute the id of every blob anew."""
    chosen = _sampled(exam, percent, seed)
    total = len(chosen)
    reads = exam.spread(lambda each: _problems(exam, each), _records(exam, chosen))
    for number, (record, problems) in enumerate(reads):
        exam.progress("reading packs", number, total)
        exam.report.packs_read += 1
        exam.report.blobs_read += len(record.directory.lengths)
        exam.report.bytes_read += record.size
        if problems:
            _note_bad_blobs(exam, record, problems)
            continue
        exam.ledger.execute("UPDATE packs SET read = 1 WHERE id = ?", (record.id,))


def _each_description(exam: Examination, known: Known, *, report_bad: bool) -> None:
    """Give every pack record in snapshots and indexes to `known`, with the name of the object it stands in."""
    vault = exam.vault
    for info in vault.store.list("snapshots/"):
        try:
            header, _ = read_snapshot(vault.store, vault.keys, info.name, "")
        except BAD:
            continue  # The streams' part reports it.
        for record in header.packs:
            known(record, info.name)
    for name in index_names(vault.store):
        exam.progress("reading indexes", 0, 0)
        try:
            records = read_index(vault.store, vault.keys, name)
        except ObjectNotFound:
            continue  # Merged into another one, by a prune that runs meanwhile.
        except BAD as error:
            if report_bad:
                sentence = f"{sentence_of(error, name)} rebuild-index makes it anew from the packs."
                exam.found(FindingKind.DAMAGED, name, sentence)
            continue
        for record in records:
            known(record, name)


def _describe(exam: Examination, record: PackRecord, name: str) -> None:
    digest = _digest(record)
    row = exam.ledger.execute("SELECT described FROM packs WHERE id = ?", (record.id,)).fetchone()
    if row is None:
        exam.ledger.execute(
            "INSERT INTO packs(id, described, size) VALUES(?, ?, ?)", (record.id, digest, record.size)
        )
    elif row[0] != digest:
        exam.found(
            FindingKind.INDEX, name, f"{name} describes the pack {record.name} otherwise than another object."
        )


def _compare_directories(exam: Examination) -> None:
    rows = exam.ledger.execute(
        "SELECT id, stored, described, size FROM packs WHERE stored IS NOT NULL ORDER BY id"
    ).fetchall()
    there = [_There(*cast(tuple[bytes, int, bytes | None, int | None], row)) for row in rows]
    reads = exam.spread(lambda pack: _directory(exam, pack.id), there)
    for number, ((pack_id, stored, described, size), answer) in enumerate(reads):
        exam.progress("opening packs", number, len(rows))
        name = pack_name(pack_id)
        if size is not None and size != stored:
            sentence = f"The pack {name} has {stored} bytes; it should have {size}."
            exam.pack_faults[pack_id] = exam.found(FindingKind.LENGTH, name, sentence)
        elif isinstance(answer, str):
            exam.pack_faults[pack_id] = exam.found(FindingKind.DAMAGED, name, answer)
        elif described is None:
            sentence = (
                f"No index mentions the pack {name}; unless something needs it, the next prunes remove it."
            )
            exam.pack_faults[pack_id] = exam.found(FindingKind.UNINDEXED, name, sentence)
        elif _digest(answer) != described:
            sentence = f"An index describes the pack {name} otherwise than its own directory."
            exam.pack_faults[pack_id] = exam.found(FindingKind.INDEX, name, sentence)


def _directory(exam: Examination, pack_id: bytes) -> PackRecord | str:
    name = pack_name(pack_id)
    try:
        return read_record(exam.vault.store, exam.vault.keys, name)
    except BAD as error:
        return sentence_of(error, name)


def _fill_index(exam: Examination) -> None:
    """Learn where blobs lie; packs that are gone or faulty count only for what is nowhere else."""

    def add(record: PackRecord, _name: str) -> None:
        exam.index.add([record], condemned=() if _is_sound(exam, record.id) else (record.id,))

    _each_description(exam, add, report_bad=False)
    for pack_id, finding in exam.pack_faults.items():
        if finding.kind is FindingKind.UNINDEXED:
            record = _directory(exam, pack_id)
            if isinstance(record, PackRecord):
                exam.index.add([record], condemned=(pack_id,))


def _is_sound(exam: Examination, pack_id: bytes) -> bool:
    row = exam.ledger.execute("SELECT stored FROM packs WHERE id = ?", (pack_id,)).fetchone()
    return row is not None and row[0] is not None and pack_id not in exam.pack_faults


def _sampled(exam: Examination, percent: float, seed: int) -> list[bytes]:
    """Return the chosen packs: a seeded share of those that are there, at least one."""
    ids = [row[0] for row in exam.ledger.execute("SELECT id FROM packs WHERE stored IS NOT NULL ORDER BY id")]
    if percent >= 100 or not ids:
        return ids
    chance = random.Random(seed)
    return sorted(chance.sample(ids, max(1, round(len(ids) * percent / 100))))


def _records(exam: Examination, chosen: Iterable[bytes]) -> Iterator[PackRecord]:
    """Yield the chosen packs' records; where a directory is damaged, an index may still know the frames."""
    unreadable = set()
    for pack_id in chosen:
        record = _directory(exam, pack_id)
        if isinstance(record, PackRecord):
            yield record
        else:
            unreadable.add(pack_id)
    if unreadable:
        found: list[PackRecord] = []

        def keep(record: PackRecord, _name: str) -> None:
            if record.id in unreadable:
                unreadable.discard(record.id)
                found.append(record)

        _each_description(exam, keep, report_bad=False)
        yield from found


def _problems(exam: Examination, record: PackRecord) -> list[tuple[bytes, str]]:
    """Return (blob id, sentence) of every blob in the pack that does not read as what it should be."""
    vault = exam.vault
    problems: list[tuple[bytes, str]] = []
    seal = ObjectSeal(vault.keys, Kind.PACK, record.name, record.key_version, record.salt)
    opened: Extent | None = None
    plain, fault, end = b"", "", 0
    for blob_id, at in locations(record):
        if at.extent != opened:
            opened, plain, fault, end = at.extent, b"", "", 0
            try:
                plain = expand(seal.open(at.frame, vault.store.read(record.name, *at.extent)), record.name)
            except BAD as error:
                fault = sentence_of(error, record.name)
        end = at.offset + at.length
        if fault:
            problems.append((blob_id, fault))
        elif end > len(plain) or vault.names.blob_id(plain[at.offset : end]) != blob_id:
            problems.append((blob_id, f"A blob in {record.name} is not the one its id was made from."))
    return problems


def _note_bad_blobs(exam: Examination, record: PackRecord, problems: list[tuple[bytes, str]]) -> None:
    sentence = f"{len(problems)} of {len(record.directory.lengths)} blobs cannot be had: {problems[0][1]}"
    exam.bad_packs[record.id] = exam.found(FindingKind.BLOB, record.name, sentence)
    exam.ledger.executemany(
        "INSERT OR IGNORE INTO bad VALUES(?, ?)", ((blob_id, record.id) for blob_id, _ in problems)
    )


def _digest(record: PackRecord) -> bytes:
    return blake3(msgspec.msgpack.encode(record)).digest()


def _pack_id(name: str) -> bytes | None:
    try:
        return pack_id_of(name)
    except BAD:
        return None  # A stray, reported as such.
