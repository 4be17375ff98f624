"""A place to go from import to restore in: a small company on disk, a home folder, and the command line."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backupd.cli.main import run

ORGANIZATION = "Harbour Ltd"


class _Captured(io.TextIOWrapper):
    """Standard output or error in memory, with its bytes."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="")

    def data(self) -> bytes:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue()

    def text(self) -> str:
        return self.data().decode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Ended:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(frozen=True)
class Place:
    """`source` is imported, `home` holds keys, catalog and vaults."""

    root: Path

    @property
    def source(self) -> Path:
        return self.root / "source"

    @property
    def home(self) -> Path:
        return self.root / "home"

    def call(self, *arguments: str | Path) -> Ended:
        """Run one command, in this process: starting Python a hundred times would take longer than all the rest."""
        out, err = _Captured(), _Captured()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(["--home", str(self.home), *map(str, arguments)])
        ended = Ended(code, out.text(), err.text())
        assert "Traceback" not in ended.err
        return ended

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start one command in a process of its own."""
        command = [sys.executable, "-m", "backupd.cli", "--home", str(self.home), *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ok(self, *arguments: str | Path) -> Ended:
        """Run a command that has to succeed."""
        ended = self.call(*arguments)
        assert ended.code == 0, ended.err
        return ended

    def json(self, *arguments: str | Path) -> dict[str, Any]:
        """Run a command that has to succeed and return its document."""
        return self.ok("--json", *arguments).document

    def imported(self) -> None:
        """Make the sample company and import it."""
        make_source(self.source)
        self.ok("import", self.source, "--organization", ORGANIZATION)

    def moment(self) -> str:
        """Return a point in time after everything before, and before everything after."""
        time.sleep(0.05)
        now_ns = time.time_ns()
        time.sleep(0.05)
        return (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_ns // 10**9))
            + f".{now_ns // 10**6 % 1000:03}Z"
        )

    def vault(self) -> Path:
        """Return the folder of the only vault."""
        (found,) = (self.home / "vaults").iterdir()
        return found


def make_source(root: Path) -> None:
    """Write three accounts: .eml files, a Maildir, an mbox; and files with names and contents that hurt."""
    ana = root / "ana"
    (ana / "Inbox").mkdir(parents=True)
    for number in range(12):
        text = f"From: a@b.example\r\nSubject: Letter {number}\r\n\r\nText {number}.\r\n" * (number + 1)
        (ana / "Inbox" / f"{number:03}.eml").write_bytes(text.encode())
    (ana / "Inbox" / "hostile.eml").write_bytes(
        b"Subject: \x1b[2Jcls\x07\r\n\r\n\x1b]0;owned\x07\x9bbody\r\n"
    )
    (ana / "Inbox" / "broken.eml").write_bytes(b"\x00\xff no header\rlone\nbare")
    bob = root / "bob" / "Maildir"
    for name in ("cur", "new", "tmp"):
        (bob / name).mkdir(parents=True)
    (bob / "cur" / "1.M1P1.host:2,S").write_bytes(b"Subject: one\n\none\n")
    (bob / "new" / "2.M2P1.host").write_bytes(b"Subject: two\n\ntwo\n")
    carl = root / "carl"
    carl.mkdir()
    letters = b"".join(
        b"From x Sat Mar  1 14:05:09 2025\nSubject: %d\n\n>From here\nbody\n\n" % n for n in range(9)
    )
    (carl / "Archive.mbox").write_bytes(letters)
    files = root / "ana" / "Documents"
    (files / "Empty").mkdir(parents=True)
    (files / "zero").write_bytes(b"")
    (files / "big.bin").write_bytes(os.urandom(3_000_000))
    (files / "Grüße 佐藤.txt").write_text("hello")
    (files / "con").write_text("reserved elsewhere")
    for entry in (files / "zero", ana / "Inbox" / "000.eml"):
        os.utime(entry, (1_600_000_000, 1_600_000_000))


def tree(root: Path) -> dict[str, bytes | None]:
    """Return path -> bytes; None for a folder."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in sorted(root.rglob("*"))
    }
