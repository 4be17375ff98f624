"""`backupd retention`."""

from __future__ import annotations

import click

from backupd.cli import options
from backupd.cli.context import Context


@click.command("retention")
@click.argument("period", required=False)
@options.organization
@click.pass_obj
def command(context: Context, period: str | None, organization: str | None) -> None:
    """Show or set how long superseded and deleted item versions are kept: 90d, 12 weeks, 7y, forever.

    Current items, legal holds and the newest point in time are always kept. 'backupd prune' applies it.
    """
    from backupd.catalog import organizations
    from backupd.cli.naming import one_organization
    from backupd.domain.retention import Retention
    from backupd.vault.maintenance.retention import retention_of, set_retention

    workspace = context.workspace
    one = one_organization(workspace.catalog, organization)
    vault = workspace.vault(one)
    rule = retention_of(vault) if period is None else Retention.parse(period)
    if period is not None:
        set_retention(vault, rule)
        with workspace.catalog.writing() as tx:
            organizations.set_retention(tx, one.id, str(rule))
    context.report(
        {"organization": one.name, "retention": str(rule), "days": rule.days},
        [f"{one.name}: superseded and deleted versions are kept {'for ' * (rule.days is not None)}{rule}."],
    )
