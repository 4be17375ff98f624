"""Contents: every item version, put together from its blobs, has the digest it was stored with."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from blake3 import blake3

from backupd.vault.entries import Content
from backupd.vault.maintenance.checks.examination import BAD, Examination, sentence_of
from backupd.vault.maintenance.checks.whereabouts import Whereabouts
from backupd.vault.maintenance.reports import Affected, Finding, FindingKind
from backupd.vault.snapshot import LayerReplaced
from backupd.vault.timeline import Timeline


class _Wanted(NamedTuple):
    content: Content
    affected: Affected


def read_contents(exam: Examination, percent: float, seed: int) -> None:
    """Read the contents of all kept item versions, each once, or a seeded share of them."""
    findings: dict[str, Finding] = {}
    total = exam.report.item_versions
    chance = random.Random(seed)
    reads = exam.spread(lambda wanted: _fault(exam, wanted.content), _wanted(exam, percent, chance))
    for wanted, fault in reads:
        exam.progress("reading items", exam.report.contents_read, total)
        exam.report.contents_read += 1
        if fault:
            stream = wanted.affected.stream
            if stream not in findings:
                findings[stream] = exam.found(FindingKind.CONTENT, _place(exam, stream), fault)
            findings[stream].touches(wanted.affected)


def _wanted(exam: Examination, percent: float, chance: random.Random) -> Iterator[_Wanted]:
    for key in exam.vault.stream_keys():
        try:
            timeline = exam.vault.timeline_of_key(key)
            seqs = [info.seq for info in timeline.snapshots()]
        except BAD:
            continue  # Reported with the streams.
        for seq, since in zip(seqs, [0, *seqs], strict=False):
            try:
                yield from _of_snapshot(exam, timeline, seq, since, percent, chance)
            except (*BAD, LayerReplaced):
                continue  # The same.


def _of_snapshot(
    exam: Examination, timeline: Timeline, seq: int, since: int, percent: float, chance: random.Random
) -> Iterator[_Wanted]:
    where = Whereabouts(exam, timeline.stream, _place(exam, timeline.stream))
    for entry in timeline.changes(seq, since).changes():
        if entry.version is None or entry.version.content is None:
            continue
        content = entry.version.content
        exam.ledger.execute(
            "INSERT OR IGNORE INTO contents VALUES(?)", (blake3(msgspec.msgpack.encode(content)).digest(),)
        )
        fresh = exam.ledger.changes()
        if not fresh or chance.random() * 100 >= percent or _is_proven(exam, content):
            continue
        if all(where.fault(blob_id) is None for blob_id in content.blobs):
            yield _Wanted(content, Affected(timeline.stream, seq, entry.id))


def _is_proven(exam: Examination, content: Content) -> bool:
    """Return whether the content is a single blob that was read already: its digest is then the blob's id."""
    if content.parts or content.blobs != [content.digest]:
        return False
    at = exam.index.find(content.digest)
    if at is None or at.length != content.size:
        return False
    row = exam.ledger.execute("SELECT read FROM packs WHERE id = ?", (at.pack,)).fetchone()
    return row is not None and bool(row[0])


def _fault(exam: Examination, content: Content) -> str:
    try:
        for _ in exam.reader.content(content):
            pass
    except BAD as error:
        return sentence_of(error, "content")
    except (ValueError, IndexError):
        return "The content's parts do not fit together."
    return ""


def _place(exam: Examination, stream: str) -> str:
    return f"snapshots/{exam.vault.names.name('stream', stream)}/"
