"""What every command shares: the region's settings, the database, and how results and errors are told."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from regions.loader import RegionError
from statuspage.desk.commands import Actor
from statuspage.desk.fleet import Outcome
from statuspage.domain.statuses import ComponentStatus
from statuspage.errors import StatusError
from statuspage.settings import Settings, from_environment
from statuspage.web.wiring import Site
from statuspage.wiring import build_site, utc_now

REFUSED, PARTLY = 1, 3


@dataclass
class Session:
    """One invocation: which region, how to print, who acts."""

    region: str | None
    as_json: bool
    environment: Mapping[str, str] | None = None
    clock: Callable[[], datetime] = utc_now
    opened: Site | None = None

    def settings(self) -> Settings:
        """The settings of the region in question."""
        return from_environment(self.environment, self.region)

    def site(self) -> Site:
        """The region's parts, built when first needed; the schema must fit."""
        if self.opened is None:
            self.opened = build_site(self.settings(), self.clock)
            self.opened.database.check_schema()
        return self.opened

    def actor(self) -> Actor:
        """Who acts, for the audit: the account on this machine."""
        return Actor(f"cli:{getpass.getuser()}")

    def tell(self, data: Any, text: str) -> None:
        """A result: as JSON for machines, as a sentence for people."""
        click.echo(json.dumps(data, ensure_ascii=False, default=str) if self.as_json else text)

    def table(self, title: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        """Rows: as a JSON list of objects, or as a table."""
        if self.as_json:
            click.echo(
                json.dumps(
                    [dict(zip(columns, row, strict=True)) for row in rows], ensure_ascii=False, default=str
                )
            )
            return
        shown = Table(title=title, title_justify="left")
        for column in columns:
            shown.add_column(column, overflow="fold")
        for row in rows:
            shown.add_row(*(str(value) for value in row))
        console = Console()
        # Piped, a table must not be folded to the eighty columns that rich assumes.
        (console if console.is_terminal else Console(width=200)).print(shown)

    def outcomes(self, outcomes: list[Outcome]) -> None:
        """How each region took an action; leaves with 1 when all failed, 3 when some did."""
        self.table(
            "Outcome by region",
            ("region", "state", "incident", "message"),
            [(one.region, one.state, one.incident_id, one.message) for one in outcomes],
        )
        failed = [one for one in outcomes if one.state == "failed"]
        if failed:
            click.echo(
                "Repeat the same command with the same --action-id: what is done stays done.", err=True
            )
            raise SystemExit(REFUSED if len(failed) == len(outcomes) else PARTLY)


pass_session = click.make_pass_decorator(Session)


class Group(click.Group):
    """Turns our errors into one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command."""
        try:
            return super().invoke(ctx)
        except (StatusError, RegionError) as error:
            click.echo(f"backupd-status: {error}", err=True)
            ctx.exit(REFUSED)


if TYPE_CHECKING:
    # Generic for the type checker in newer versions of click only.
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType


class Texts(_ParamType):
    """``text`` or ``de=Text``: a text in one language, English where none is named."""

    name = "[LANGUAGE=]TEXT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Language and text."""
        if isinstance(value, tuple):
            return value
        language, equals, text = value.partition("=")
        return (language, text) if equals and language in ("en", "de", "fr", "ja") else ("en", value)


class Affected(_ParamType):
    """``backups=degraded_performance``: a component and its state."""

    name = "COMPONENT=STATE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ComponentStatus]:
        """Component and state."""
        if isinstance(value, tuple):
            return value
        component, _, state = value.partition("=")
        try:
            return component, ComponentStatus(state)
        except ValueError:
            self.fail(f"{value!r}: the state is one of {', '.join(ComponentStatus)}", param, ctx)


class When(_ParamType):
    """An ISO 8601 instant; without an offset it is UTC."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant."""
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2026-11-23T14:00+01:00", param, ctx)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


TEXTS, AFFECTED, WHEN = Texts(), Affected(), When()
