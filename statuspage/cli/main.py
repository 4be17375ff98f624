"""The command group, and the commands about the site itself."""

from __future__ import annotations

import secrets
from base64 import b64encode

import click

import regions.loader
from statuspage.cli import demo, events, people, running
from statuspage.cli.context import Group, Session, pass_session
from statuspage.wiring import build_site


@click.group(cls=Group)
@click.option("--region", metavar="NAME", help="The region to act on; REGION is used otherwise.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.version_option(package_name="backupd", prog_name="backupd-status", message="%(prog)s")
@click.pass_context
def main(ctx: click.Context, region: str | None, as_json: bool) -> None:
    """Operate the regional status sites."""
    # A caller inside this program (the demonstration) may hand in an environment of its own.
    ctx.obj = Session(region, as_json, ctx.obj)


@main.command()
@pass_session
def check(session: Session) -> None:
    """Check the region's file and the settings, without touching a database."""
    settings = session.settings()
    region = regions.loader.load(settings.region, settings.regions_folder)
    session.tell(
        {"region": region.name, "host": region.host, "time_zone": region.time_zone},
        f"{region.name}: {settings.base_url}, {region.time_zone}, {', '.join(region.languages)}",
    )


@main.command()
@pass_session
def migrate(session: Session) -> None:
    """Create the database, or bring it to this program's schema."""
    site = build_site(session.settings(), session.clock)
    site.database.migrate(site.region, site.now())
    session.tell(
        {"region": site.region.name, "schema": "current"}, f"{site.region.name}: the schema is current."
    )


@main.command("new-secret")
@pass_session
def new_secret(session: Session) -> None:
    """Make a secret for a sender of measurements (STATUS_INGEST_SECRETS)."""
    secret = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
    session.tell({"secret": secret}, secret)


main.add_command(events.incident)
main.add_command(events.maintenance)
main.add_command(events.template)
main.add_command(people.operator)
main.add_command(people.subscriber)
main.add_command(people.audit)
main.add_command(people.bounce)
main.add_command(people.import_export)
main.add_command(running.serve)
main.add_command(running.worker)
main.add_command(running.probe)
main.add_command(running.publish)
main.add_command(demo.demo)
