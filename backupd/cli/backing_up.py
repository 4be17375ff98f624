"""Backing up streams from the command line: what `import` and `backup` share."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from backupd.catalog import accounts
from backupd.catalog.connections import SourceConnection
from backupd.catalog.organizations import Organization
from backupd.cli.context import Context
from backupd.cli.interrupting import stop_on_interrupt
from backupd.cli.progress import Display, wanted
from backupd.cli.wiring import Workspace, source_errors
from backupd.cli.wording import count, duration, size
from backupd.domain.runs import RunState
from backupd.errors import Partial, SourceFailed
from backupd.runs.backup import BackupOrder, BackupResult, back_up
from backupd.runs.discover import Protected, discover
from backupd.runs.surroundings import Surroundings
from connectors.sdk.contract import Connection
from connectors.sdk.errors import ConnectorError
from connectors.sdk.records import Service

INTERRUPTED = 130
_GONE_SHOWN = 8


@dataclass(slots=True)
class Done:
    """One stream's backup, and whose it is."""

    organization: Organization
    protected: Protected
    result: BackupResult
    seconds: float

    @property
    def label(self) -> str:
        """The stream as people name it."""
        return f"{self.protected.account.name}/{self.protected.stream.service}"


@dataclass(slots=True)
class Summary:
    """All that one command backed up."""

    done: list[Done] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    stopped: bool = False
    gone: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return the JSON shape of docs/cli.md."""
        return {
            "streams": [_stream_document(one) for one in self.done],
            "totals": {
                "streams": len(self.done),
                **{
                    name: self._total(name)
                    for name in ("items", "deletes", "failures", "bytes_in", "bytes_stored")
                },
                "seconds": round(time.monotonic() - self.began, 3),
            },
            "stopped": self.stopped,
            "gone": self.gone,
        }

    def lines(self) -> list[str]:
        """Return what a person reads: streams with something to tell, then one line for all."""
        lines = [_stream_line(one) for one in self.done if _is_news(one)]
        seconds = time.monotonic() - self.began
        read, stored = self._total("bytes_in"), self._total("bytes_stored")
        unchanged = sum(not one.result.snapshots and one.result.state.succeeded for one in self.done)
        parts = [f"{count(len(self.done), 'stream')} in {duration(seconds)}"]
        if unchanged:
            parts.append(f"{unchanged:,} unchanged")
        parts.append(
            f"{count(self._total('items'), 'item')} stored, {size(read)} read, {size(stored)} written"
        )
        if self._total("deletes"):
            parts.append(f"{count(self._total('deletes'), 'item')} deleted at the source")
        if read:
            parts.append(f"{size(read / max(seconds, 0.001))}/s")
        lines.append("; ".join(parts) + ".")
        if self._total("failures"):
            what = count(self._total("failures"), "item is", "items are")
            lines.append(f"{what} pending: 'backupd failures' says why. Each is tried again at every backup.")
        if self.gone:
            whose = count(len(self.gone), "account is", "accounts are")
            names = ", ".join(self.gone[:_GONE_SHOWN]) + (" ..." if len(self.gone) > _GONE_SHOWN else "")
            lines.append(f"{whose} no longer at the source: {names}. What is backed up of them stays.")
        if self.stopped:
            lines.append(
                "Stopped before the end. What was committed stays; the next backup goes on from there."
            )
        return lines

    def exit_code(self) -> int:
        """Return the worst of what happened."""
        if self.stopped:
            return INTERRUPTED
        if any(not one.result.state.succeeded for one in self.done):
            return SourceFailed.exit_code
        return Partial.exit_code if self._total("failures") else 0

    def _total(self, name: str) -> int:
        return sum(getattr(one.result, name) for one in self.done)


def back_up_connection(
    context: Context,
    workspace: Workspace,
    organization: Organization,
    row: SourceConnection,
    summary: Summary,
    chosen: set[str] | None = None,
) -> None:
    """Discover the connection's accounts and back up its streams (only the `chosen` ones, by name), one by one."""
    import secrets

    vault = workspace.vault(organization)
    stop = threading.Event()
    with workspace.connection(row) as source, source_errors(row):
        now_ms = workspace.now_ms()
        listed = discover(
            source, row, vault, workspace.catalog, randomness=secrets.token_bytes, now_ms=now_ms
        )
        _tell_who_is_gone(workspace, row, bool(listed), now_ms, summary)
        listed = [one for one in listed if chosen is None or one.stream.name in chosen]
        with (
            stop_on_interrupt(stop, context.say),
            Display(row.name, shown=wanted(context.as_json), total_bytes=None) as display,
        ):
            _expect_size(display, row, context)
            surroundings = Surroundings(sleep=stop.wait, stop=stop, progress=display.update)
            for protected in listed:
                if stop.is_set():
                    break
                display.begin_part(f"{protected.account.name}/{protected.stream.service}")
                done = _back_up_one(workspace, organization, source, protected, surroundings)
                summary.done.append(done)
                display.end_part(done.result.items, done.result.bytes_in)
    summary.stopped = summary.stopped or stop.is_set()


def _tell_who_is_gone(
    workspace: Workspace, row: SourceConnection, is_any_there: bool, now_ms: int, summary: Summary
) -> None:
    """Note the accounts that are no longer at the source; raises `SourceFailed` where none is left."""
    with workspace.catalog.reading() as tx:
        known = accounts.of_connection(tx, row.id)
    summary.gone += [account.name for account in known if account.gone_ms == now_ms]
    if known and not is_any_there:
        raise SourceFailed(
            f"{row.name}: nothing of what was backed up before is there any more.",
            hint="Is its disk mounted? Nothing was recorded as deleted.",
        )


def _back_up_one(
    workspace: Workspace,
    organization: Organization,
    source: Connection,
    protected: Protected,
    surroundings: Surroundings,
) -> Done:
    settings, began = workspace.settings, time.monotonic()
    order = BackupOrder(
        run_id=workspace.new_run_id(),
        organization_id=organization.id,
        stream=protected.stream.name,
        label=f"{protected.account.name}/{protected.stream.service}",
        locks=settings.locks,
        slice_s=settings.slice_s,
        slice_entries=settings.slice_entries,
    )
    try:
        stream = source.stream(protected.account.source_id, Service(protected.stream.service))
    except ConnectorError as error:
        result = BackupResult(order.run_id, order.stream, RunState.FAILED, str(error))
    else:
        result = back_up(order, stream, workspace.vault(organization), workspace.catalog, surroundings)
    return Done(organization, protected, result, time.monotonic() - began)


def _expect_size(display: Display, row: SourceConnection, context: Context) -> None:
    """On a terminal, measure an import folder beside the run, so that the bar can tell the time left."""
    folder = row.settings.get("path")
    if folder is None or not wanted(context.as_json):
        return
    from backupd.cli.measuring import folder_bytes

    threading.Thread(target=lambda: display.expect(folder_bytes(folder)), daemon=True).start()


def _is_news(done: Done) -> bool:
    return bool(done.result.snapshots or done.result.failures or not done.result.state.succeeded)


def _stream_line(done: Done) -> str:
    result = done.result
    line = f"{done.label}: {count(result.items, 'item')} stored"
    if result.deletes:
        line += f", {result.deletes:,} deleted"
    if result.failures:
        line += f", {result.failures:,} pending"
    line += f" ({size(result.bytes_in)} read, {size(result.bytes_stored)} written, {duration(done.seconds)})"
    if not result.state.succeeded:
        line += f" - {result.state}: {result.message}"
    return line


def _stream_document(done: Done) -> dict[str, Any]:
    result = done.result
    return {
        "organization": done.organization.name,
        "account": done.protected.account.name,
        "service": done.protected.stream.service,
        "stream": result.stream,
        "run": result.run_id,
        "state": str(result.state),
        "message": result.message,
        "items": result.items,
        "deletes": result.deletes,
        "failures": result.failures,
        "bytes_in": result.bytes_in,
        "bytes_stored": result.bytes_stored,
        "snapshots": result.snapshots,
        "seconds": round(done.seconds, 3),
    }
