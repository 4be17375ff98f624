"""`python -m bench.status`: measure the status sites; print a table with each bar, write `.bench/status.json`.

Rates are measured beside nginx serving the very same bytes in the same run, and printed as a ratio to it: what else the
machine is doing then weighs on both.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import status_load, status_mail, status_site

RESULTS = Path(__file__).resolve().parents[1] / ".bench" / "status.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure and the bar it is held against (None: shown for itself)."""

    what: str
    value: float
    unit: str
    bar: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the bar was reached."""
        if self.bar is None:
            return None
        return self.value <= self.bar if self.at_most else self.value >= self.bar


def serving(work: Path, seconds: int) -> list[Row]:
    """Summary page and summary.json on one gunicorn core, beside nginx with the same bytes."""
    rows: list[Row] = []
    with status_site.running(work) as site:
        nginx_root = work / "same"
        for name, path in (("page", "/en/"), ("summary.json", "/api/v2/summary.json")):
            body, etag = site.fetch(path)
            nginx_root.mkdir(exist_ok=True)
            (nginx_root / "file").write_bytes(body)
            ours = status_load.load(site.url + path, seconds)
            again = status_load.load(site.url + path, seconds, {"If-None-Match": etag})
            with status_load.nginx(work, nginx_root) as peer:
                theirs = status_load.load(f"{peer}/file", seconds)
            note = f"{len(body)} bytes"
            rows += [
                Row(f"{name}: full responses", ours.per_s, "requests/s", 1_500, note=note),
                Row(f"{name}: p99", ours.p99_ms, "ms", 20, at_most=True),
                Row(
                    f"{name}: ratio to nginx",
                    ours.per_s / theirs.per_s,
                    "x",
                    note=f"nginx {theirs.per_s:.0f}/s",
                ),
                Row(f"{name}: 304", again.per_s, "requests/s", note=f"p99 {again.p99_ms:.1f} ms"),
                Row(f"{name}: cold after publish", site.cold_ms(path), "ms", note="median of 9 changes"),
            ]
    return rows


def static_copy(work: Path, seconds: int) -> list[Row]:
    """The published copy behind nginx, beside a plain file of that size behind nginx."""
    published = status_site.published(work)
    size = (published / "index.html").stat().st_size
    (published / "plain.bin").write_bytes(os.urandom(size))
    with status_load.nginx(work, published) as server:
        pairs = [
            (
                status_load.load(f"{server}/index.html", seconds).per_s,
                status_load.load(f"{server}/plain.bin", seconds).per_s,
            )
            for _ in range(3)
        ]
    ratio = sorted(copy / plain for copy, plain in pairs)[1]
    return [
        Row("static copy: ratio to a plain file", ratio, "x", 0.95, note=f"{size} bytes, median of 3 pairs")
    ]


def history(work: Path) -> list[Row]:
    """Five years and 2,000 incidents, every page made anew."""
    return [
        Row(f"history, 2,000 incidents: {path}", ms, "ms", 50, at_most=True, note=note)
        for path, ms, note in status_site.history_ms(work)
    ]


def mail(work: Path, subscribers: int, drained: int) -> list[Row]:
    """The outbox for many subscribers, drained into a relay on this machine."""
    found = status_mail.measure(work, subscribers, drained)
    return [
        Row(f"outbox: built for {subscribers:,}", found.build_s, "s", 10, at_most=True),
        Row("outbox: drained, DKIM-signed", found.per_s, "mails/s", 500, note=f"{found.sent:,} mails"),
        Row("outbox: memory of the sender", found.peak_mb, "MB", 200, at_most=True),
    ]


def table(rows: list[Row]) -> str:
    """The rows as plain text."""
    lines = []
    for row in rows:
        bar = "" if row.bar is None else f"{'<=' if row.at_most else '>='} {row.bar:,.4g}"
        mark = {True: "ok", False: "MISSED", None: ""}[row.reached]
        lines.append(f"{row.what:<44}{row.value:>12,.2f} {row.unit:<11}{bar:<12}{mark:<7}{row.note}")
    return "\n".join(lines)


def main() -> None:
    """Measures, prints, keeps; leaves with 1 when a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="length of each load, 1 to 30")
    parser.add_argument("--subscribers", type=int, default=100_000)
    parser.add_argument("--drained", type=int, default=10_000, help="how many of the mails are drained")
    parser.add_argument("--only", choices=("serving", "static", "history", "mail"))
    options = parser.parse_args()
    seconds = max(1, min(30, options.seconds))
    stages: dict[str, Callable[[Path], list[Row]]] = {
        "serving": lambda work: serving(work, seconds),
        "static": lambda work: static_copy(work, seconds),
        "history": history,
        "mail": lambda work: mail(work, options.subscribers, options.drained),
    }
    rows: list[Row] = []
    for name, stage in stages.items():
        if options.only in (None, name):
            with tempfile.TemporaryDirectory(prefix="status-bench-") as folder:
                rows += stage(Path(folder))
    load = os.getloadavg()[0]
    print(table(rows))
    print(f"{os.cpu_count()} cores, load average {load:.1f}; one core serves, the other asks")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps(
            {"load": load, "rows": [{**asdict(row), "reached": row.reached} for row in rows]}, indent=1
        )
    )
    sys.exit(1 if any(row.reached is False for row in rows) else 0)


if __name__ == "__main__":
    main()
