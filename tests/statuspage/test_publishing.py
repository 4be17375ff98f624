"""The published copy: whole, switched at once, and still there when everything else is gone."""

from __future__ import annotations

import errno
import json
import os
import threading
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import moto
import pytest
from lxml import html

from statuspage.clockwork import Clockwork
from statuspage.publishing import folder as folder_module
from statuspage.publishing.bucket import Bucket
from statuspage.publishing.copying import Target
from statuspage.wiring import build_target
from tests.statuspage.world import Clock, World, make_world, settings_for


def publish(world: World, target: Target | None = None) -> Path:
    clockwork = Clockwork(world.site, target or build_target(world.site.settings))
    clockwork.publish()
    return world.site.settings.published / "current"


class Quiet(SimpleHTTPRequestHandler):
    """The plainest web server there is."""

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


@pytest.fixture
def served(world: World) -> Iterator[str]:
    """The copy behind a plain file server, the site itself stopped."""
    found = world.open()
    world.clock.forward(hours=1)
    world.update(found, "resolved")
    world.announce()
    root = publish(world)
    world.site.database.close()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_copy_is_complete_by_itself(served: str) -> None:
    seen, waiting = set[str](), ["/", "/de/", "/ja/history/", "/api/v2/summary.json"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        with urllib.request.urlopen(served + path, timeout=10) as answer:
            body = answer.read()
        if path.endswith(".json"):
            json.loads(body)
            continue
        if b"<html" not in body[:200]:
            continue
        page = html.fromstring(body.decode())
        for link in page.xpath("//a/@href | //link/@href | //script/@src | //img/@src"):
            if link.startswith("/") and not link.startswith("//"):
                waiting.append(link.split("#")[0])
    assert len(seen) > 60


def test_where_a_form_would_be_is_a_plain_word(served: str) -> None:
    with urllib.request.urlopen(f"{served}/en/subscribe/", timeout=10) as answer:
        page = html.fromstring(answer.read().decode())
    assert not page.xpath("//form")
    assert "published copy" in page.xpath("//p[@role='note']")[0].text_content()


def test_an_unchanged_page_is_not_published_again(world: World) -> None:
    world.open()
    clockwork = Clockwork(world.site, build_target(world.site.settings))
    clockwork.publish()
    first = (world.site.settings.published / "current").resolve()
    clockwork.publish()
    assert (world.site.settings.published / "current").resolve() == first


def test_what_did_not_change_keeps_its_file(world: World) -> None:
    old = world.open()
    world.clock.forward(hours=1)
    world.update(old, "resolved")
    publish(world)
    current = world.site.settings.published / "current"
    before = os.stat(current / "incidents" / old / "index.html")
    world.open(component="website")
    publish(world)
    assert os.stat(current / "incidents" / old / "index.html").st_ino == before.st_ino
    assert "website" in (current / "api/v2/summary.json").read_text().lower()


def test_a_full_disk_leaves_the_last_copy_serving(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(world)
    current = world.site.settings.published / "current"
    before = (current / "index.html").read_bytes()
    world.open("major_outage")
    written = 0

    def full(path: Path, body: bytes) -> None:
        nonlocal written
        written += 1
        if written > 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_bytes(body)

    with monkeypatch.context() as patch:
        patch.setattr(folder_module, "_write", full)
        Clockwork(world.site, build_target(world.site.settings)).tick()  # logs it and goes on
    assert written > 20
    assert (current / "index.html").read_bytes() == before
    assert len(list((world.site.settings.published / "releases").iterdir())) == 1
    publish(world)
    assert (current / "index.html").read_bytes() != before


def test_a_reader_never_sees_a_half_copy(world: World) -> None:
    root = publish(world)
    stop, torn = threading.Event(), list[str]()

    def read() -> None:
        while not stop.is_set():
            body = (root / "api/v2/summary.json").read_bytes()
            try:
                json.loads(body)
            except ValueError:
                torn.append(repr(body[:60]))

    thread = threading.Thread(target=read)
    thread.start()
    for _ in range(5):
        world.open()
        publish(world)
    stop.set()
    thread.join()
    assert torn == []


def test_only_a_few_old_copies_are_kept(world: World) -> None:
    for _ in range(6):
        world.open()
        publish(world)
    assert len(list((world.site.settings.published / "releases").iterdir())) == folder_module.RELEASES_KEPT


def test_the_heartbeat_is_written_alone(world: World) -> None:
    clockwork = Clockwork(world.site, build_target(world.site.settings))
    clockwork.publish()
    current = world.site.settings.published / "current"
    page = (current / "index.html").stat().st_mtime_ns
    world.clock.forward(seconds=31)
    world.ingest(world.measured())
    clockwork.beat()
    told = json.loads((current / "heartbeat.json").read_text())
    assert told["components"]["backups"] == world.clock().isoformat()
    assert (current / "index.html").stat().st_mtime_ns == page


def test_the_site_answers_from_the_copy_when_it_starts_without_a_database(
    world: World, tmp_path: Path
) -> None:
    found = world.open()
    publish(world)
    world.site.database.close()
    file = Path(world.site.settings.own_database_url.removeprefix("sqlite:///"))
    file.write_bytes(b"rubbish, not a database at all" * 100)
    again = make_world(settings_for(tmp_path), Clock(world.clock.now))
    assert again.get("/").status_code == 200 and found in again.get("/").text
    assert again.json("/api/v2/summary.json")["incidents"][0]["id"] == found
    assert again.get("/api/v2/../../../etc/passwd").status_code == 404
    again.site.database.close()


def test_a_bucket_gets_the_same_copy_and_loses_what_is_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    world.open()
    with moto.mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="status")
        client.put_object(Bucket="status", Key="emea/.manifest.json", Body=b'{"gone.html": ["", "x"]}')
        client.put_object(Bucket="status", Key="emea/gone.html", Body=b"old")
        local = publish(world)
        publish(world, Bucket(client, "s3://status/emea"))
        listed = client.get_paginator("list_objects_v2").paginate(Bucket="status")
        keys = {item["Key"] for part in listed for item in part["Contents"]}
        files = {
            f"emea/{path.relative_to(local.resolve())}"
            for path in local.resolve().rglob("*")
            if path.is_file()
        }
        assert keys == files
        index = client.get_object(Bucket="status", Key="emea/index.html")
        assert index["Body"].read() == (local / "index.html").read_bytes()
        assert (index["ContentType"], index["CacheControl"]) == (
            "text/html; charset=utf-8",
            "public, max-age=30, stale-if-error=86400",
        )
        stamp = client.head_object(Bucket="status", Key="emea/index.html")["LastModified"]
        publish(world, Bucket(client, "s3://status/emea"))
        assert client.head_object(Bucket="status", Key="emea/index.html")["LastModified"] == stamp
