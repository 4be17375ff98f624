"""Commands that run processes: serve, worker, probe, publish."""

from __future__ import annotations

import logging
import signal
import threading

import click
import httpx

import regions.loader
from statuspage.cli.context import Session, pass_session
from statuspage.clockwork import Clockwork, drain_forever
from statuspage.detection.probing import Prober
from statuspage.errors import SettingsError
from statuspage.settings import from_environment, inherited
from statuspage.supervising import Plan, Supervisor, processes
from statuspage.wiring import build_drain, build_site, build_target, utc_now


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def log_to_stderr() -> None:
    """Plain log lines for a supervisor to collect."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)


@click.command()
@click.option("--all", "everything", is_flag=True, help="All regions that have a file.")
@click.option("--port", default=8100, show_default=True, help="The first region's port; the others follow.")
@click.option("--workers", default=1, show_default=True, help="Web processes per region.")
@click.option("--probes", is_flag=True, help="Also run the region's probe processes here.")
@pass_session
def serve(session: Session, everything: bool, port: int, workers: int, probes: bool) -> None:
    """Run web and worker of one region, or of all, each as processes of their own; restart what dies."""
    log_to_stderr()
    names = regions.loader.names() if everything else [session.settings().region]
    plan = Plan(tuple(names), port, workers, probes)
    supervisor = Supervisor(processes(plan, inherited()))
    for name, address in plan.addresses().items():
        click.echo(f"{name}: {address}/")
    supervisor.run(stop_on_signals())


@click.command()
@pass_session
def worker(session: Session) -> None:
    """Run a region's clock and sender: maintenance, reminders, outbox, published copy."""
    log_to_stderr()
    site = build_site(session.settings())
    site.database.migrate(site.region, site.now())
    stop = stop_on_signals()
    drain = build_drain(site)
    threads = [
        threading.Thread(target=drain_forever, args=(batch, stop), daemon=True)
        for batch in (drain.mail_batch, drain.post_batch)
    ]
    for thread in threads:
        thread.start()
    Clockwork(site, build_target(site.settings)).run(stop)
    for thread in threads:
        thread.join(10)
    drain.close()


@click.command()
@click.option("--vantage", required=True, help="Where this probe stands, as the region's file names it.")
@click.option("--to", "ingest_url", help="The site's ingest address; its own public one otherwise.")
@click.option("--every", "every_s", default=30.0, show_default=True, help="Seconds between rounds.")
@pass_session
def probe(session: Session, vantage: str, ingest_url: str | None, every_s: float) -> None:
    """Probe a region's endpoints from one vantage point, and send what was found."""
    log_to_stderr()
    settings = from_environment(region=session.region)
    if not settings.ingest_secrets:
        raise SettingsError("STATUS_INGEST_SECRETS is not set: a probe signs what it sends.")
    region = regions.loader.load(settings.region, settings.regions_folder)
    if vantage not in region.vantages:
        raise SettingsError(
            f"{vantage!r} is not a vantage point of {region.name}: {', '.join(region.vantages)}."
        )
    with httpx.Client(timeout=15, trust_env=False) as client:
        Prober(
            region,
            vantage,
            ingest_url or f"{settings.base_url}/ingest/v1/measurements",
            settings.ingest_secrets[0],
            utc_now,
            client,
        ).run(stop_on_signals(), every_s)


@click.command()
@pass_session
def publish(session: Session) -> None:
    """Publish the static copy now."""
    site = session.site()
    target = build_target(site.settings)
    Clockwork(site, target).publish()
    where = site.settings.publish_to or str(site.settings.published / "current")
    session.tell({"published_to": where}, f"{site.region.name} is published to {where}.")
