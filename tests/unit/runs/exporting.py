"""Exporting the house's stream in a test."""

from __future__ import annotations

from pathlib import Path

from backupd.domain.formats import ExportFormat
from backupd.runs.export import ExportJob, ExportResult, export
from backupd.runs.exporting.folder import FolderTarget
from backupd.runs.exporting.target import ExportTarget
from backupd.runs.ordering import Original
from connectors.sdk.records import Item, Placement
from tests.unit.runs.house import STREAM, House


def nowhere(item: Item) -> Placement | None:
    return None


def by_id(item: Item) -> Placement | None:
    """The item's id is its path; `path#offset` is a piece of a file."""
    path, _, offset = item.id.partition("#")
    return Placement(
        tuple(path.split("/")), int(offset) if offset else None, 0o640, 1_600_000_000_000_000_000
    )


def job(house: House, original: Original = nowhere, folder: tuple[str, ...] = ()) -> ExportJob:
    return ExportJob(house.vault, house.vault.at(STREAM, None), "Alice/mail", folder, "alice", original)


def run_export(
    house: House,
    to: Path | ExportTarget,
    export_format: ExportFormat = ExportFormat.ORIGINAL,
    original: Original = nowhere,
) -> ExportResult:
    target = FolderTarget(to) if isinstance(to, Path) else to
    return export([job(house, original)], target, export_format, house.surroundings)


def tree(root: Path) -> dict[str, bytes]:
    """Return path -> bytes of all files."""
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }
