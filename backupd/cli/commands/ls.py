"""`backupd ls`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from backupd.cli import options
from backupd.cli.context import Context
from backupd.cli.wording import count, iso, size, table, when
from backupd.errors import NotFound

if TYPE_CHECKING:
    from backupd.cli.naming import Meant
    from backupd.vault.entries import Version
    from backupd.vault.snapshot import SnapshotInfo
    from backupd.vault.vault import Vault

_PER_PAGE = 100


class _Listing(NamedTuple):
    """One stream at one point in time: all folders with counts, and one page of items."""

    meant: Meant
    as_of_ms: int
    seq: int
    folders: dict[str, list[int]]  # path -> [items, bytes]
    items: list[Version]
    matching: int


@click.command("ls")
@options.account
@click.argument("folder", required=False)
@options.at
@click.option("--all", "everything", is_flag=True, help="List the items of all folders.")
@click.option(
    "--page", type=click.IntRange(1), default=1, metavar="N", help="Which page of items. [default: 1]"
)
@click.option(
    "--per-page",
    type=click.IntRange(1, 100_000),
    default=_PER_PAGE,
    show_default=True,
    help="Items on a page.",
)
@options.organization
@click.pass_obj
def command(
    context: Context,
    account: str,
    folder: str | None,
    at: str | None,
    everything: bool,
    page: int,
    per_page: int,
    organization: str | None,
) -> None:
    """List what an account holds: its folders, and the items of FOLDER (or of all folders with --all).

    A small account's items are listed at once.
    """
    from backupd.cli.naming import choose_streams, points

    workspace = context.workspace
    chosen = choose_streams(workspace.catalog, (account,), organization)
    listings = [
        _list(workspace.vault(meant.organization), meant, info, folder, page, per_page)
        for meant, info in points(workspace, chosen, options.point(context, at))
    ]
    if folder is not None and not any(listing.matching for listing in listings):
        raise NotFound(
            f"{account} has no folder {folder!r} at that time.", hint="'backupd ls ACCOUNT' lists them."
        )
    lines: list[str] = []
    for listing in listings:
        items_shown = folder is not None or everything or listing.matching <= _PER_PAGE
        lines += _lines(listing, folder, page, per_page, items_shown)
    context.report({"streams": [_document(listing, page, per_page) for listing in listings]}, lines)


def _list(
    vault: Vault, meant: Meant, info: SnapshotInfo, folder: str | None, page: int, per_page: int
) -> _Listing:
    folders: dict[str, list[int]] = {}
    items: list[Version] = []
    matching, first = 0, (page - 1) * per_page
    wanted = None if folder is None else folder.strip("/")
    for version in vault.view(meant.stream.name, info.seq).versions():
        if version.kind == "folder":
            path = f"{version.folder}/{version.name}" if version.folder else version.name
            folders.setdefault(path, [0, 0])
            continue
        counts = folders.get(version.folder)
        if counts is None:
            counts = folders[version.folder] = [0, 0]
        counts[0] += 1
        counts[1] += version.size
        if wanted is None or version.folder == wanted:
            matching += 1
            if first < matching <= first + per_page:
                items.append(version)
    return _Listing(meant, info.as_of_ms, info.seq, folders, items, matching)


def _lines(listing: _Listing, folder: str | None, page: int, per_page: int, items_shown: bool) -> list[str]:
    total = sum(counts[0] for counts in listing.folders.values())
    total_bytes = sum(counts[1] for counts in listing.folders.values())
    head = (
        f"{listing.meant.label} as of {when(listing.as_of_ms)}: {count(total, 'item')}, {size(total_bytes)}"
    )
    lines = [head, ""]
    if folder is None:
        rows = [
            (_indented(path), f"{counts[0]:,}", size(counts[1])) for path, counts in _tree(listing.folders)
        ]
        lines += [*table(("FOLDER", "ITEMS", "SIZE"), rows, right="ITEMS SIZE", widest=80), ""]
    if items_shown and listing.items:
        found = [(when(one.modified_ms), size(one.size), one.name, one.id) for one in listing.items]
        lines += [*table(("DATE", "SIZE", "NAME", "ITEM"), found, right="SIZE", widest=90), ""]
        pages = -(-listing.matching // per_page)
        if pages > 1:
            more = f"; the next: --page {page + 1}" if page < pages else ""
            lines += [f"Page {page} of {pages:,}{more}.", ""]
    elif not items_shown:
        lines += [
            f"The items of one folder: backupd ls {listing.meant.label} FOLDER; of all folders: --all.",
            "",
        ]
    return lines


def _tree(folders: dict[str, list[int]]) -> list[tuple[str, list[int]]]:
    """Return every folder with [items, bytes] in it and below it, each after the one above it."""
    every: dict[str, list[int]] = {}
    for path, (items, size_bytes) in folders.items():
        place = path
        while True:
            counts = every.setdefault(place, [0, 0])
            counts[0] += items
            counts[1] += size_bytes
            if "/" not in place:
                break
            place = place.rpartition("/")[0]
    return sorted(every.items(), key=lambda entry: entry[0].split("/"))


def _indented(path: str) -> str:
    above, _, name = path.rpartition("/")
    return "  " * (above.count("/") + 1 if above else 0) + (name or ".") + "/"


def _document(listing: _Listing, page: int, per_page: int) -> dict[str, Any]:
    return {
        "organization": listing.meant.organization.name,
        "account": listing.meant.account.name,
        "service": listing.meant.stream.service,
        "stream": listing.meant.stream.name,
        "as_of": iso(listing.as_of_ms),
        "seq": listing.seq,
        "folders": [
            {
                "path": path,
                "items": listing.folders.get(path, [0, 0])[0],
                "items_below": below[0],
                "bytes_below": below[1],
            }
            for path, below in _tree(listing.folders)
        ],
        "items": [item_document(version) for version in listing.items],
        "matching": listing.matching,
        "page": page,
        "pages": -(-listing.matching // per_page),
    }


def item_document(version: Version) -> dict[str, Any]:
    """Return the JSON shape of one item version."""
    return {
        "item": version.id,
        "kind": version.kind,
        "folder": version.folder,
        "name": version.name,
        "modified": iso(version.modified_ms),
        "bytes": version.size,
        "digest": version.content.digest.hex() if version.content is not None else None,
    }
