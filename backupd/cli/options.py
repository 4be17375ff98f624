"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from backupd.cli.context import Context
from backupd.domain.points import parse_point

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

organization: Decorator = click.option(
    "--organization", metavar="NAME", help="Look only in this organization."
)
at: Decorator = click.option(
    "--at",
    metavar="TIME",
    help="As of a point in time: 2026-03-01, '2026-03-01 14:05', yesterday, '2h ago'. [default: the newest]",
)
accounts: Decorator = click.argument("accounts", nargs=-1, metavar="[ACCOUNT[/STREAM]]...")
account: Decorator = click.argument("account", metavar="ACCOUNT[/STREAM]")


def point(context: Context, text: str | None) -> int | None:
    """Return the point in time of `--at` in Unix milliseconds, None for the newest."""
    return None if text is None else parse_point(text, context.now_ms())
