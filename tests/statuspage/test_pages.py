"""The public pages: complete without scripts, in four languages, with nothing hidden in colour alone."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from lxml import html

from tests.statuspage.world import World

LANGUAGES = ("en", "de", "fr", "ja")


def tree(world: World, path: str) -> html.HtmlElement:
    answer = world.get(path)
    assert answer.status_code == 200, path
    return html.fromstring(answer.data.decode())


def test_every_listed_document_exists_in_every_language(world: World) -> None:
    over = world.open()
    world.clock.forward(minutes=3)
    world.update(over, "resolved")
    world.update(over, "postmortem")
    world.announce()
    world.ingest(world.measured(1, 1))
    world.site.publication.refresh()
    for path in world.site.publication.site().paths():
        for prefix in ("", "/en", "/de", "/fr", "/ja"):
            answer = world.get(prefix + path)
            assert answer.status_code == 200, prefix + path
            if answer.content_type.startswith("text/html") and prefix:
                assert f'<html lang="{prefix[1:]}">' in answer.text


def test_the_language_follows_the_path_then_the_browser(world: World) -> None:
    assert "Alle Systeme in Betrieb" in world.get("/de/", Accept_Language="fr").text
    negotiated = world.get("/", Accept_Language="it, ja;q=0.8, en;q=0.5")
    assert "すべて正常です" in negotiated.text
    assert "Accept-Language" in negotiated.headers["Vary"] and negotiated.headers["Content-Language"] == "ja"
    assert "All systems operational" in world.get("/", Accept_Language="x" * 5_000).text


def test_a_text_without_a_translation_falls_back_and_is_marked(world: World) -> None:
    world.open(names={"en": "Late", "de": "Verspätet"}, bodies={"en": "Only English."})
    page = tree(world, "/de/")
    assert page.xpath("//article//h3/a/text()") == ["Verspätet"]
    assert [one.text_content().strip() for one in page.xpath("//*[@class='prose'][@lang='en']")] == [
        "Only English."
    ]


def test_incident_text_cannot_break_out_of_the_page(world: World) -> None:
    world.open(
        names={"en": 'x"><img src=q onerror=alert(1)>'},
        bodies={"en": "<script>alert(1)</script>[a](javascript:b)"},
    )
    for path in ("/", "/history", "/history.atom", "/history.rss"):
        text = world.get(path).text
        assert (
            "<script>alert" not in text
            and "onerror=" not in text
            and "javascript:b" not in re.findall(r'href="([^"]*)"', text)
        )


def test_times_are_for_machines_the_region_and_utc(world: World) -> None:
    world.open()
    stamp = tree(world, "/en/").xpath("//article//time")[0]
    assert stamp.get("datetime") == "2026-03-10T12:00:00Z"
    assert stamp.text_content() == "March 10, 2026, 13:00 CET (2026-03-10 12:00 UTC)"


def test_ninety_days_have_a_picture_and_a_table_that_agree(world: World) -> None:
    world.clock.forward(days=3)
    found = world.open("major_outage", component="website")
    world.clock.forward(hours=1)
    world.update(found, "resolved")
    page = tree(world, "/en/")
    bars = page.xpath("//svg[@role='img']")[0]
    assert len(bars.xpath(".//rect")) == 90 and "1 with an event" in bars.get("aria-label")
    rows = tree(world, "/en/uptime").xpath("//tbody/tr")
    assert len(rows) == 90
    assert "Major outage 60 minutes" in rows[0].text_content() and "Not known" in rows[10].text_content()


def test_a_state_is_told_by_a_word_and_a_sign(world: World) -> None:
    world.open("major_outage")
    state = tree(world, "/en/").xpath("//li[contains(@class,'component')][2]//p[contains(@class,'state')]")[0]
    assert state.text_content().strip() == "Major outage" and state.xpath(".//svg/path")


def test_measurements_have_a_graph_and_a_table(world: World) -> None:
    world.ingest(world.measured(10, 5, lag_s=1200.0))
    page = tree(world, "/en/performance")
    assert "90.00%" in page.xpath("//tbody/tr[last()]")[0].text_content()
    assert page.xpath("//tbody/tr[last()]/td[1]/@data-value") == ["0.9"]
    assert page.xpath("//div[@class='graph']/@data-table") == page.xpath("//table/@id")


def test_history_is_by_month_of_the_region(world: World) -> None:
    world.clock.now = world.clock.now.replace(month=3, day=31, hour=22, minute=30)  # already April in Berlin
    found = world.open()
    assert found in world.get("/history/2026-04").text
    assert world.get("/history/2026-03").status_code == 404
    assert world.get("/history/2026-13").status_code == 404


def test_a_permalink_has_the_post_mortem_first(world: World) -> None:
    found = world.open()
    world.clock.forward(hours=1)
    world.update(found, "resolved")
    world.update(found, "postmortem", "# Why\n\nA limit was lowered.")
    page = tree(world, f"/en/incidents/{found}")
    headings = [one.text_content() for one in page.xpath("//h2")]
    assert headings.index("Post-mortem") < headings.index("Updates")
    assert page.xpath("//section[@class='postmortem']//h3/text()") == ["Why"]


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/de/nope",
        "/incidents/aaaaaaaaaaaa",
        "/history/2020-01",
        "/badge/x.svg",
        "/components/aaaaaaaaaaaa/history.rss",
        "/assets/x/y.css",
        "/history/..%2f..%2fetc",
    ],
)
def test_an_unknown_path_is_a_real_404(world: World, path: str) -> None:
    assert world.get(path).status_code == 404


def test_every_page_forbids_foreign_scripts_and_frames(world: World) -> None:
    policy = world.get("/").headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "frame-ancestors *" in world.get("/widget").headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" in world.get("/").headers


def test_no_page_needs_anything_from_elsewhere(world: World) -> None:
    world.ingest(world.measured())
    for path in ("/", "/performance", "/subscribe", "/widget"):
        page = tree(world, path)
        for source in page.xpath("//script/@src | //link[@rel='stylesheet']/@href | //img/@src"):
            assert source.startswith("/") and not source.startswith("//")
            assert world.get(source).status_code == 200
        assert not page.xpath("//script[not(@src)] | //@style | //@onclick")


def test_feeds_are_found_from_the_page(world: World) -> None:
    page = tree(world, "/de/")
    found = page.xpath("//link[@rel='alternate'][@type='application/atom+xml']/@href")
    assert len(found) == 4 and all(world.get(path).status_code == 200 for path in found)


def test_an_asset_is_kept_for_ever_under_the_name_of_its_content(world: World) -> None:
    url = world.site.kit.assets.url("status.css")
    assert "immutable" in world.get(url).headers["Cache-Control"]
    assert world.get(url.replace(url.split("/")[2], "0" * 12)).status_code == 404


def test_unverified_keeps_its_validator_while_time_passes(world: World) -> None:
    for component in ("website", "backups", "restores"):
        world.ingest(world.measured(component=component))
    world.clock.forward(seconds=world.site.region.unverified_after_s - 1)
    assert "Not currently verified" not in world.get("/en/").text
    world.clock.forward(seconds=2)
    answer = world.get("/en/")
    assert "Not currently verified" in answer.text and "2026-03-10 12:00 UTC" in answer.text
    world.clock.forward(minutes=20)
    assert world.get("/en/", If_None_Match=answer.headers["ETag"]).status_code == 304


def test_the_heartbeat_moves_without_the_pages(world: World) -> None:
    world.ingest(world.measured())
    etag = world.get("/").headers["ETag"]
    before = world.json("/heartbeat.json")["components"]["backups"]
    world.clock.forward(minutes=1)
    world.ingest(world.measured())
    assert world.json("/heartbeat.json")["components"]["backups"] > before
    assert world.get("/").headers["ETag"] == etag


def test_the_last_reading_is_served_when_the_database_is_lost(world: World) -> None:
    found = world.open()
    assert world.get("/").status_code == 200
    world.site.database.close()
    world.site.database.engine.pool = world.site.database.engine.pool.recreate()
    path = world.site.database.engine.url.database
    assert path
    with open(path, "r+b") as file:
        file.write(b"not a database any more")
    world.clock.forward(seconds=timedelta(minutes=1).total_seconds())
    assert found in world.get("/").text
    assert world.get("/healthz").status_code == 503
