"""Processes: what dies is started again, what belongs together ends together, and a broken region stops only itself."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import statuspage
from regions.loader import FOLDER
from statuspage.supervising import Plan, Process, Supervisor, processes
from tests.statuspage.world import World

ROOT = Path(statuspage.__file__).parents[1]


def test_what_dies_is_started_again_and_all_end_together(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys, time; pathlib.Path(sys.argv[1], str(os.getpid())).touch(); "
        "time.sleep(float(sys.argv[2]))"
    )
    wanted = [
        Process(name, (sys.executable, "-c", script, str(tmp_path / name), seconds), dict(os.environ))
        for name, seconds in (("brief", "0.1"), ("steady", "60"))
    ]
    for one in wanted:
        (tmp_path / one.name).mkdir()
    stop = threading.Event()
    thread = threading.Thread(target=Supervisor(wanted).run, args=(stop,))
    thread.start()
    until = time.monotonic() + 30
    while len(list((tmp_path / "brief").iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert len(list((tmp_path / "brief").iterdir())) >= 2
    (steady,) = (tmp_path / "steady").iterdir()
    assert not Path(f"/proc/{steady.name}").exists()


def test_each_region_has_processes_and_an_address_of_its_own() -> None:
    plan = Plan(("amer", "emea"), 8100, 1, True)
    found = processes(plan, {"PATH": "/usr/bin"})
    assert [one.name for one in found] == [
        "amer worker",
        "amer web",
        "amer probe frankfurt",
        "amer probe singapore",
        "emea worker",
        "emea web",
        "emea probe virginia",
        "emea probe singapore",
    ]
    assert found[4].environment["REGION"] == "emea"
    assert found[4].environment["STATUS_BASE_URL_EMEA"] == "http://127.0.0.1:8101"


def test_a_broken_region_file_stops_that_regions_start_with_the_line(tmp_path: Path) -> None:
    folder = tmp_path / "regions"
    folder.mkdir()
    for name in ("emea", "amer"):
        (folder / f"{name}.toml").write_text((FOLDER / f"{name}.toml").read_text())
    broken = (folder / "amer.toml").read_text().replace("America/New_York", "America/Nowhere")
    (folder / "amer.toml").write_text(broken)
    line = broken[: broken.index("America/Nowhere")].count("\n") + 1
    codes = {}
    for name in ("emea", "amer"):
        environment = {
            **os.environ,
            "REGION": name,
            "STATUS_REGIONS": str(folder),
            "STATUS_DATA": str(tmp_path / "data"),
        }
        done = subprocess.run(
            [sys.executable, "-c", "import statuspage.wsgi"],
            env=environment,
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        codes[name] = done.returncode
        if name == "amer":
            assert f"amer.toml:{line}: time_zone" in done.stderr and "Traceback" not in done.stderr
    assert codes == {"emea": 0, "amer": 4}


def test_the_status_sites_import_regions_and_nothing_else_of_ours() -> None:
    ours = {"backupd", "connectors", "portal", "simulators", "tests", "bench", "templates"}
    for package, forbidden in (("statuspage", ours), ("regions", ours | {"statuspage"})):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                assert not {name.split(".")[0] for name in names} & forbidden, file


def test_the_fast_path_answers_as_flask_does(world: World) -> None:
    world.open()
    for path in ("/", "/de/", "/api/v2/summary.json", "/history.atom", "/widget"):
        for headers in ({}, {"Accept-Encoding": "gzip"}, {"Accept-Language": "fr"}):
            first, second = (world.client.get(path, headers=headers) for _ in range(2))
            assert (first.status_code, first.data) == (second.status_code, second.data)
            ignored = {"Date"}
            assert {k: v for k, v in first.headers.items() if k not in ignored} == {
                k: v for k, v in second.headers.items() if k not in ignored
            }
