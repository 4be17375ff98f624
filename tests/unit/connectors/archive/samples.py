"""Mail made for tests."""

from __future__ import annotations

from pathlib import Path

A = b"From a@x Mon Feb  3 04:05:06 2020\nSubject: a\n\nfirst\n\n"
B = b"From b@x Mon Feb  3 04:05:07 2020\nSubject: b\n\nsecond\n\n"
C = b"From c@x Mon Feb  3 04:05:08 2020\nSubject: c\n\nthird\n"

SHAPES = {
    "three": A + B + C,
    "empty": b"",
    "junk before": b"junk\nmore junk\n\n" + A + B,
    "junk only": b"junk",
    "empty line before": b"\n" + A,
    "crlf": (A + B + C).replace(b"\n", b"\r\n"),
    "no newline at the end": A + B.rstrip(b"\n"),
    "equal messages": A + A + B + A,
    "from in a body": A + b"From here on\n\n>From there\n\nFrom nowhere\n",
    "nul and 8-bit": A + b"\0\xff\xfe\n\nFrom \xff\n\n\0",
}


def sample(root: Path) -> None:
    """Make a company's import folder with a bit of everything."""
    for name in (
        "alice/inbox",
        "alice/empty",
        "bob/Maildir/cur",
        "bob/Maildir/new",
        "bob/Maildir/tmp",
        "carol",
    ):
        (root / name).mkdir(parents=True)
    for number in range(20):
        (root / "alice" / "inbox" / f"{number}.eml").write_bytes(b"Subject: %d\n\nbody\n" % number)
        (root / "bob" / "Maildir" / "cur" / f"{number}.M.h:2,S").write_bytes(b"Subject: %d\n\n" % number)
    (root / "bob" / "Maildir" / "new" / "99.M.h").write_bytes(b"\0\r\n\rbroken")
    (root / "carol" / "Inbox").write_bytes(b"From a@x Mon Feb  3 04:05:06 2020\r\n\r\nx\r\n\r\nFrom b\r\n")
    (root / "carol" / "report.docx").write_bytes(bytes(range(256)) * 50)
    (root / "carol" / "script.sh").write_bytes(b"#!/bin/sh\n")
    (root / "carol" / "script.sh").chmod(0o4750)
    (root / "loose.mbox").write_bytes(b"no From line")
