"""`backupd demo`: shows the main job from end to end, by calling the command line as a person would."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from backupd.cli.context import Context
from backupd.cli.wording import count, duration, size
from backupd.errors import BackupdError, UsageError

ORGANIZATION = "Harbour Example Ltd"
_SEED = 20_250_101
_SHOWN = 5


class DemoFailed(BackupdError):
    """The demonstration did not end as it has to."""


@click.command("demo")
@click.option(
    "--dir", "folder", metavar="DIR", help="Where to play: a new or empty folder. [default: a temporary one]"
)
@click.option("--keep", is_flag=True, help="Leave everything in place afterwards, to look around.")
@click.option("--messages", type=click.IntRange(40, 200_000), default=4_000, show_default=True, metavar="N")
@click.option("--serve", is_flag=True, help="Afterwards serve the three status sites, until Ctrl-C.")
@click.option(
    "--port",
    type=click.IntRange(1, 65_533),
    default=8100,
    show_default=True,
    help="The first status site's port.",
)
@click.pass_obj
def command(context: Context, folder: str | None, keep: bool, messages: int, serve: bool, port: int) -> None:
    """Make up a company, import it, damage its originals, restore them from before, and compare every byte.

    Then grow what the three status sites show. Uses a home folder of its own: nothing of yours is touched. Ends with
    exit code 1 if anything differs.
    """
    place = Path(folder).expanduser().absolute() if folder else Path(tempfile.mkdtemp(prefix="backupd-demo-"))
    if folder and place.exists() and any(place.iterdir()):
        raise UsageError(f"{place} is not empty.", hint="Name a new folder.")
    place.mkdir(parents=True, exist_ok=True)
    try:
        summary = _Demo(place, as_json=context.as_json, say=context.say).play(messages)
        if keep:
            home, company = place / "home", place / "company"
            context.say(
                f"Everything is in {place}: try  backupd --home {home} ls ana.lopes  (originals: {company})"
            )
        context.report(summary, _lines(summary))
        _show_status_sites(context, place / "status", port, serve)
    finally:
        if not keep:
            shutil.rmtree(place, ignore_errors=True)


def _show_status_sites(context: Context, data: Path, port: int, serve: bool) -> None:
    from backupd.cli.demo import status_sites

    context.say("")
    if not status_sites.are_installed():
        context.say("The status sites are not installed here: pip install 'backupd[status]' brings them.")
    elif serve:
        context.say(f"$ backupd-status demo --data {data} --port {port} --serve")
        sys.stdout.flush()
        status_sites.serve(data, port)
    else:
        context.say(f"$ backupd-status demo --data {data}")
        status_sites.grow(data, port)
        context.say("'backupd demo --serve' shows the three status sites, each in a process of its own.")


class _Demo:
    """One showing."""

    def __init__(self, place: Path, *, as_json: bool, say: Callable[[str], None]) -> None:
        self._company = place / "company"
        self._home = place / "home"
        self._export = place / "export"
        self._as_json = as_json
        self._say = say

    def play(self, messages: int) -> dict[str, Any]:
        """Play all acts; raises `DemoFailed` if one does not end as it has to."""
        from backupd.cli.demo.disaster import compare, fingerprints, strike

        began = time.monotonic()
        self._say(f"Making up {ORGANIZATION}: 8 people, {messages:,} messages, office files ...")
        self._make(messages)
        before = fingerprints(self._company)
        bytes_in = sum(path.stat().st_size for path in self._company.rglob("*") if path.is_file())
        kit = str(self._home.with_name("recovery-kit.txt"))
        import_s = self._backupd(
            "import", str(self._company), "--organization", ORGANIZATION, "--recovery-kit", kit
        )
        stored = self._json("stats")["organizations"][0]
        self._backupd("ls", "ana.lopes/mail")
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
        time.sleep(1.1)  # the restore below names this moment; what follows must come after it
        damage = strike(self._company, _SEED)
        self._say("")
        self._say(
            f"A bad night: {count(damage.overwritten, 'file')} overwritten with noise, {damage.truncated:,} cut "
            f"in half, {damage.deleted:,} deleted, and all of {damage.folder} is gone."
        )
        self._backupd("backup", allow=(0, 12))
        self._backupd("restore", "--all", "--at", moment, "--dry-run")
        self._backupd("restore", "--all", "--at", moment, "--on-conflict", "replace")
        restored = compare(before, fingerprints(self._company))
        self._verdict("The restored originals", restored)
        self._backupd("export", "--all", "--at", moment, "--to", str(self._export))
        self._verdict("The export", compare(before, fingerprints(self._export)))
        self._backupd("check", "--read-data")
        return {
            "ok": True,
            "items": stored["items"],
            "files": len(before),
            "bytes_in": bytes_in,
            "bytes_stored": stored["bytes_stored"],
            "ratio": round(bytes_in / stored["bytes_stored"], 2),
            "import_seconds": round(import_s, 3),
            "import_bytes_per_s": round(bytes_in / import_s),
            "damage": damage._asdict(),
            "seconds": round(time.monotonic() - began, 3),
        }

    def _make(self, messages: int) -> None:
        from backupd.cli.demo.company import make_company
        from backupd.cli.progress import Display, wanted
        from backupd.runs.surroundings import Progress

        with Display("making up", shown=wanted(self._as_json), total_bytes=None) as display:
            make_company(
                self._company, messages, _SEED, lambda done, _: display.update(Progress(done, 0, "company"))
            )

    def _verdict(self, what: str, difference: Any) -> None:
        if not difference:
            self._say(f"{what}: every file is as it was, byte for byte.")
            return
        examples = (difference.missing + difference.changed + difference.extra)[:_SHOWN]
        raise DemoFailed(
            f"{what} differ: {len(difference.missing)} files missing, {len(difference.changed)} changed, "
            f"{len(difference.extra)} too many ({', '.join(examples)})."
        )

    def _backupd(self, *arguments: str, allow: tuple[int, ...] = (0,)) -> float:
        """Run one command as a person would, show what it says, and return how long it took, in seconds."""
        self._say("")
        shown = " ".join(f"'{word}'" if " " in word else word for word in arguments)
        self._say(f"$ backupd {shown}")
        began = time.monotonic()
        hide = subprocess.DEVNULL if self._as_json else None
        # Standard output goes where messages go, so that the demonstration's own output is its summary alone.
        done = subprocess.run(self._call(*arguments), stdout=hide or sys.stderr, stderr=hide, check=False)
        if done.returncode not in allow:
            raise DemoFailed(f"'backupd {shown}' ended with exit code {done.returncode}.")
        return time.monotonic() - began

    def _json(self, *arguments: str) -> dict[str, Any]:
        done = subprocess.run(self._call("--json", *arguments), stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise DemoFailed(f"'backupd {' '.join(arguments)}' ended with exit code {done.returncode}.")
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def _call(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "backupd.cli", "--home", str(self._home), *arguments]


def _lines(summary: dict[str, Any]) -> list[str]:
    return [
        "",
        "All of it came back, byte for byte.",
        f"  items         {summary['items']:,} in {summary['files']:,} files and folders",
        f"  bytes in      {size(summary['bytes_in'])}",
        f"  bytes stored  {size(summary['bytes_stored'])}",
        f"  ratio         {summary['ratio']:.1f} : 1",
        f"  import rate   {size(summary['import_bytes_per_s'])}/s ({duration(summary['import_seconds'])})",
        f"  all of it     {duration(summary['seconds'])}",
    ]
