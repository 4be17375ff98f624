"""A message whose parts are nested beyond what the parser can follow: its head is shown, and why no more."""

from __future__ import annotations

from backupd.cli.reading_mail import readable


def test_thousands_of_parts_inside_each_other() -> None:
    levels = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (number, number)
        for number in range(5_000)
    )
    shown = readable(b"From: a@example.org\nSubject: deep\n" + levels)
    assert dict(shown.headers)["Subject"] == "deep"
    assert "--raw" in shown.text
    assert not shown.attachments
