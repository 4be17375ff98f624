"""axe-core on every page, light and dark, wide and narrow, in a real browser; no page is wider than its screen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from statuspage.desk.operators import OperatorDesk
from tests.statuspage.world import World, make_world, settings_for

PASSWORD = "correct horse battery"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = which("chromium") or which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield made
        made.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, World]]:
    """A site with everything on it, on a port."""
    tmp_path: Path = tmp_path_factory.mktemp("site")
    world = make_world(settings_for(tmp_path, STATUS_BASE_URL="http://127.0.0.1"))
    over = world.open("major_outage", names={"en": "Sign-in", "de": "Anmeldung"}, component="website")
    world.clock.forward(hours=2)
    world.update(over, "resolved")
    world.update(over, "postmortem", "# Why\n\nA [limit](https://x.example) was lowered.\n\n- one\n- two")
    for state, component in (("partial_outage", "backups"), ("degraded_performance", "restores")):
        world.open(state, component=component)
    world.open(draft=True)
    world.announce("website")
    for key in ("website", "backups"):
        world.ingest(*[world.measured(1, 1, component=key, lag_s=600.0)])
    world.subscribe("kim@example.org", "backups")
    world.subscribe("https://hooks.example.org/x", channel="webhook", owner="kim@example.org")
    world.clock.forward(seconds=world.site.region.unverified_after_s + 5)  # restores were never proven
    server = make_server("127.0.0.1", 0, world.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", world
    server.shutdown()
    thread.join(5)
    world.site.database.close()


def paths(world: World) -> list[str]:
    view = world.site.publication.site().view
    manage = world.site.links.manage("kim@example.org")
    token = world.site.links.unsubscribe(1, "kim@example.org")
    return [
        "/en/",
        "/ja/",
        "/de/uptime",
        "/fr/performance",
        "/en/history",
        f"/en/history/{view.months[0][0]:%Y-%m}",
        "/en/history/all",
        *(f"/en/incidents/{event.id}" for event in view.events),
        "/en/subscribe",
        "/widget",
        f"/en/subscription/manage/{manage}",
        f"/en/subscription/unsubscribe/{token}",
        "/en/subscription/link",
        "/nope",
    ]


def complaints(page: Page, path: str) -> list[str]:
    found: Any = Axe().run(page, options=WCAG).response
    said = [
        f"{path}: {one['id']}: {node['html'][:160]}"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]
    width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return said + ([f"{path}: {width} px wider than the screen"] if width > 0 else [])


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_on_any_public_page(
    browser: Browser, address: tuple[str, World], width: int, scheme: Any
) -> None:
    url, world = address
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    found = []
    for path in paths(world):
        page.goto(url + path)
        found += complaints(page, path)
    context.close()
    assert found == [] and errors == []


def test_axe_finds_nothing_on_any_operator_page(browser: Browser, address: tuple[str, World]) -> None:
    url, world = address
    with world.site.database.write() as session:
        secret = (
            OperatorDesk(session, world.clock()).add("anna@backupd.example", PASSWORD, "test").totp_secret
        )
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{url}/operator/sign-in")
    found = complaints(page, "sign-in")
    page.fill("#email", "anna@backupd.example")
    page.fill("#password", PASSWORD)
    page.fill("#code", pyotp.TOTP(secret).at(world.clock()))
    page.click("main button")
    page.wait_for_url("**/operator/")
    event = world.site.publication.site().view.events[0].id
    for path in (
        "",
        "incidents/new",
        "maintenances/new",
        f"incidents/{event}",
        "templates",
        "subscribers",
        "audit",
    ):
        page.goto(f"{url}/operator/{path}")
        found += complaints(page, path)
    context.close()
    assert found == []


def test_the_page_is_whole_without_scripts_and_better_with_them(
    browser: Browser, address: tuple[str, World]
) -> None:
    url, _ = address
    for scripts in (False, True):
        context = browser.new_context(
            java_script_enabled=scripts, timezone_id="America/New_York", locale="en-US"
        )
        page = context.new_page()
        page.goto(f"{url}/en/")
        assert page.locator("h1").inner_text() and page.locator(".component").count() == 3
        stamp = page.locator("article time").first.inner_text()
        # Without scripts the region's time; with them the reader's own. UTC stands beside either.
        assert ("EDT" in stamp or "EST" in stamp) if scripts else "CET" in stamp
        assert "UTC" in stamp
        page.goto(f"{url}/en/performance")
        assert page.locator("canvas").count() == (2 if scripts else 0)
        assert page.locator(".scroll table").count() == 2
        context.close()
