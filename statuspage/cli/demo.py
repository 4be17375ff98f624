"""``backupd-status demo``: grows three sites with a believable past, through the public commands and API only."""

from __future__ import annotations

import json
import random
import secrets
import tempfile
import threading
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import httpx
from werkzeug.serving import make_server

import regions.loader
from statuspage.cli.context import Session, pass_session
from statuspage.cli.story import MAINTENANCE, OPEN, PAST, TEMPLATE, localized
from statuspage.outbox.posting import sign
from statuspage.settings import from_environment, inherited
from statuspage.supervising import Plan, Supervisor, processes
from statuspage.web.factory import create_app
from statuspage.wiring import utc_now

WORKLOADS = (
    ("backups", "mail", 900),
    ("backups", "drive", 2_400),
    ("backups", "books", 1_500),
    ("restores", "restore", 60),
)
DAYS_MEASURED, ORGANIZATIONS = 30, 240


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".demo/status"),
    show_default=True,
    help="Where the demonstration lives.",
)
@click.option("--port", default=8100, show_default=True, help="The first site's port.")
@click.option("--serve", is_flag=True, help="Run the sites afterwards, until interrupted.")
@pass_session
def demo(session: Session, data: Path, port: int, serve: bool) -> None:
    """Grow demonstration data for all regions; run again, it adds nothing twice."""
    names = regions.loader.names()
    plan = Plan(tuple(names), port, 1, False)
    environment = demo_environment(data, plan)
    for name in names:
        grown = data / f"grown-{name}"
        if not grown.exists():
            grow(name, environment, utc_now())
            grown.touch()
        click.echo(f"{name}: {plan.addresses()[name]}/")
    if not serve:
        return
    from statuspage.cli.running import log_to_stderr, stop_on_signals

    log_to_stderr()
    Supervisor(processes(plan, environment)).run(stop_on_signals())


_MAIL_SETTINGS = ("STATUS_SMTP_", "STATUS_DKIM_", "STATUS_MAIL_", "STATUS_ESCALATE_")


def demo_environment(data: Path, plan: Plan) -> dict[str, str]:
    """The environment the demonstration's processes run in; its secret is made once and kept."""
    data.mkdir(parents=True, exist_ok=True)
    kept = data / "ingest.secret"
    if not kept.exists():
        kept.write_text("whsec_" + b64encode(secrets.token_bytes(24)).decode())
        kept.chmod(0o600)
    mail = {name: value for name, value in inherited().items() if name.startswith(_MAIL_SETTINGS)}
    return {
        **mail,  # With a mail server named, signing up works in the demonstration as well.
        "STATUS_DATA": str(data.absolute()),
        "STATUS_INGEST_SECRETS": kept.read_text(),
        **{f"STATUS_BASE_URL_{name.upper()}": address for name, address in plan.addresses().items()},
    }


def grow(name: str, environment: dict[str, str], now: datetime) -> None:
    """Everything one region has, through its commands and its ingest endpoint."""
    run(name, environment, "migrate")
    region = regions.loader.load(name)
    dice = random.Random(name)
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(past(name, now, dice), file)
        file.flush()
        run(name, environment, "incident", "backfill", file.name)
    run(
        name,
        environment,
        "template",
        "save",
        "slow-provider",
        *texts("--name", TEMPLATE[0]),
        *texts("--text", TEMPLATE[1]),
        "--affects",
        "backups=degraded_performance",
    )
    start = (now + timedelta(days=3)).replace(hour=2, minute=0, second=0, microsecond=0)
    run(
        name,
        environment,
        "maintenance",
        "announce",
        *texts("--name", MAINTENANCE[0]),
        *texts("--text", MAINTENANCE[1]),
        "--affects",
        "restores",
        "--from",
        start.isoformat(),
        "--until",
        (start + timedelta(hours=2)).isoformat(),
        "--action-id",
        "demo-maintenance",
    )
    send(name, environment, measurements(now, dice))
    if name == regions.loader.names()[0]:
        run(
            name,
            environment,
            "incident",
            "open",
            *texts("--name", OPEN[0]),
            *texts("--text", OPEN[1]),
            "--affects",
            "backups=degraded_performance",
            "--action-id",
            "demo-open",
            "--yes",
        )
    assert region.name == name


def run(region: str, environment: dict[str, str], *arguments: str) -> None:
    """One ``backupd-status`` command, as a shell would call it."""
    from statuspage.cli.main import main

    main.main(["--region", region, "--json", *arguments], standalone_mode=False, obj=environment)


def texts(option: str, languages: dict[str, str]) -> list[str]:
    """A text in all its languages as repeated options."""
    return [part for language, text in languages.items() for part in (option, f"{language}={text}")]


def past(name: str, now: datetime, dice: random.Random) -> list[dict[str, Any]]:
    """Incidents of the last ninety days, as the backfill command takes them."""
    entries = []
    for index, (component, status, title, updates, post_mortem) in enumerate(PAST):
        start = (
            now
            - timedelta(
                days=8 + index * 25 + dice.randrange(5), hours=dice.randrange(20), minutes=dice.randrange(60)
            )
        ).replace(microsecond=0)
        step = timedelta(minutes=dice.randrange(12, 55))
        said = [
            {"status": word, "bodies": localized(text), "display_at": (start + step * (at + 1)).isoformat()}
            for at, (word, text) in enumerate(updates[1:])
        ]
        if post_mortem:
            said.append(
                {
                    "status": "postmortem",
                    "bodies": localized(post_mortem),
                    "display_at": (start + timedelta(days=2)).isoformat(),
                }
            )
        entries.append(
            {
                "incident": {
                    "names": localized(title),
                    "bodies": localized(updates[0][1]),
                    "components": {component: status},
                    "started_at": start.isoformat(),
                    "action_id": f"demo-{name}-{index}",
                },
                "updates": said,
            }
        )
    return entries


def measurements(now: datetime, dice: random.Random) -> list[dict[str, Any]]:
    """A month of hours, and the present minute; mostly good, never perfect."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    found = []
    for component, workload, lag_s in WORKLOADS:
        for back in [*range(DAYS_MEASURED * 24, 0, -1), 0]:
            attempts = dice.randrange(400, 900)
            bad_hour = dice.random() < 0.01
            share = dice.uniform(0.004, 0.03) if bad_hour else dice.uniform(0.0, 0.002)
            at = hour - timedelta(hours=back) if back else now
            found.append(
                measured(
                    component,
                    workload,
                    at,
                    attempts,
                    int(attempts * share),
                    lag_s * dice.uniform(0.6, 3.5 if bad_hour else 1.4),
                )
            )
    found.append(measured("website", "website", now, 1, 0, None))
    return found


def measured(
    component: str, workload: str, at: datetime, attempts: int, failures: int, lag_s: float | None
) -> dict[str, Any]:
    """One measurement as the ingest protocol has it."""
    return {
        "component": component,
        "workload": workload,
        "measured_at": at.astimezone(UTC).isoformat(),
        "attempts": attempts,
        "failures": failures,
        "lag_s": lag_s,
        "organizations_affected": 1 if failures else 0,
        "organizations_total": ORGANIZATIONS,
    }


def send(name: str, environment: dict[str, str], rows: list[dict[str, Any]]) -> None:
    """Sends measurements over HTTP to the site itself, on a port of the moment."""
    server = make_server("127.0.0.1", 0, create_app(from_environment(environment, name)), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        body = json.dumps({"region": name, "measurements": rows}).encode()
        at_s, message_id = int(utc_now().timestamp()), f"demo_{secrets.token_hex(8)}"
        answer = httpx.post(
            f"http://127.0.0.1:{server.server_port}/ingest/v1/measurements",
            content=body,
            headers={
                "webhook-id": message_id,
                "webhook-timestamp": str(at_s),
                "webhook-signature": sign(environment["STATUS_INGEST_SECRETS"], message_id, at_s, body),
            },
            timeout=60,
        )
        answer.raise_for_status()
    finally:
        server.shutdown()
        thread.join(5)
