"""`backupd show`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from backupd.cli import options
from backupd.cli.commands.ls import item_document
from backupd.cli.context import Context
from backupd.cli.terminal import clean, clean_block
from backupd.cli.wording import iso, size, when
from backupd.errors import NotFound, UsageError

if TYPE_CHECKING:
    from backupd.cli.naming import Meant
    from backupd.vault.entries import Version
    from backupd.vault.vault import Vault

_IN_MEMORY_BYTES = 32 << 20
_SHOWN_CHARS = 20_000


@click.command("show")
@click.argument("words", nargs=-1, required=True, metavar="[ACCOUNT[/STREAM]] ITEM")
@options.at
@click.option("--raw", is_flag=True, help="Write the item's bytes to standard output, unchanged.")
@click.option("--history", is_flag=True, help="List the item's versions instead.")
@options.organization
@click.pass_obj
def command(
    context: Context,
    words: tuple[str, ...],
    at: str | None,
    raw: bool,
    history: bool,
    organization: str | None,
) -> None:
    """Show one item: a message's header and text, or what is known of a file.

    ITEM is what 'backupd ls' shows in the column ITEM, or FOLDER/NAME, or a NAME that is there once. Without ACCOUNT
    all accounts are searched.
    """
    from backupd.cli.naming import choose_streams

    if len(words) > 2:
        raise UsageError(
            "Name one account and one item.", hint="An item with spaces in its name needs quotes."
        )
    *account, item = words
    workspace = context.workspace
    streams = choose_streams(workspace.catalog, tuple(account), organization)
    if history:
        _show_history(context, streams, item)
        return
    meant, version, as_of_ms = _find(context, streams, item, options.point(context, at))
    vault = workspace.vault(meant.organization)
    if raw:
        for piece in vault.read(version.content) if version.content is not None else ():
            sys.stdout.buffer.write(piece)
        return
    message = None
    if version.kind == "message" and version.content is not None and version.size <= _IN_MEMORY_BYTES:
        from backupd.cli.reading_mail import readable

        message = readable(vault.reader.whole(version.content))
    document: dict[str, Any] = {"stream": meant.stream.name, "as_of": iso(as_of_ms), **item_document(version)}
    lines = [f"{meant.label}, as of {when(as_of_ms)}", f"Item:    {version.id}"]
    if message is None:
        lines += [
            f"Name:    {version.name}",
            f"Folder:  {version.folder or '.'}",
            f"Changed: {when(version.modified_ms)}",
            f"Size:    {size(version.size)}",
            "",
            "--raw writes its bytes to standard output.",
        ]
    else:
        document["message"] = message.document()
        lines += [
            f"Folder:  {version.folder or '.'}",
            *(f"{name + ':':<9}{value}" for name, value in message.headers),
        ]
        lines += [
            f"Attached: {part.name} ({part.type}, {size(part.size_bytes)})" for part in message.attachments
        ]
    context.report(document, lines)
    if message is not None and not context.as_json:
        text = clean_block(message.text[:_SHOWN_CHARS])
        sys.stdout.write("\n" + text.rstrip("\n") + "\n")
        if len(message.text) > _SHOWN_CHARS:
            sys.stdout.write("\n[cut here; --raw writes all of it]\n")


def _find(context: Context, streams: list[Meant], item: str, at_ms: int | None) -> tuple[Meant, Version, int]:
    """Return the item by id, else by folder and name, else by a name that is there once; and its point in time."""
    from backupd.cli.naming import points

    by_name: list[tuple[Meant, Version, int]] = []
    views = [
        (meant, info, context.workspace.vault(meant.organization).view(meant.stream.name, info.seq))
        for meant, info in points(context.workspace, streams, at_ms)
    ]
    for meant, info, view in views:
        version = view.get(item)
        if version is not None:
            return meant, version, info.as_of_ms
    for meant, info, view in views:
        for version in view.versions():
            if item in (version.name, f"{version.folder}/{version.name}"):
                by_name.append((meant, version, info.as_of_ms))
    if len(by_name) == 1:
        return by_name[0]
    if by_name:
        raise UsageError(
            f"{clean(item)!r} is the name of {len(by_name)} items.",
            hint="Write the id: " + " or ".join(version.id for _, version, _ in by_name[:4]),
        )
    known = any(_versions(context, meant, item) for meant in streams)
    raise NotFound(
        f"There is no item {clean(item)!r} at that time.",
        hint="It existed at other times: 'show ... --history' lists them."
        if known
        else "'backupd ls' lists the items.",
    )


def _versions(context: Context, meant: Meant, item: str) -> list[dict[str, Any]]:
    vault: Vault = context.workspace.vault(meant.organization)
    found = []
    for info, entry in vault.history(meant.stream.name, item):
        what = "deleted" if entry.deleted else "could not be had" if entry.version is None else "stored"
        found.append(
            {
                "stream": meant.stream.name,
                "seq": info.seq,
                "as_of": iso(info.as_of_ms),
                "as_of_text": when(info.as_of_ms),
                "what": what,
                "bytes": entry.version.size if entry.version is not None else None,
                "message": entry.failure.message if entry.failure is not None else "",
            }
        )
    return found


def _show_history(context: Context, streams: list[Meant], item: str) -> None:
    found = [version for meant in streams for version in _versions(context, meant, item)]
    if not found:
        raise NotFound(
            f"There never was an item {clean(item)!r}.", hint="Write the id that 'backupd ls' shows."
        )
    lines = [
        f"{one['as_of_text']}  snapshot {one['seq']}: {one['what']}"
        + (f", {size(one['bytes'])}" if one["bytes"] is not None else "")
        + (f" ({one['message']})" if one["message"] else "")
        for one in found
    ]
    versions = [{key: value for key, value in one.items() if key != "as_of_text"} for one in found]
    context.report({"item": item, "versions": versions}, lines)
