"""Nothing that came with a mail or a file name may reach the terminal as a command."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.cli.reading_mail import readable
from backupd.cli.terminal import clean, clean_block, fit, width
from backupd.cli.wording import table

HOSTILE = [
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\r",
    "\x08",
    "\x00",
    "\u202egpj.exe",
    "\u2066",
    "\ud800",
    "\x7f",
]


@given(st.text())
def test_no_control_character_survives(text: str) -> None:
    shown = clean(text)
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [
        char for char in shown if char in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
    ]
    assert shown.encode().decode() == shown  # no half of a surrogate pair


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_replaced_stays_visible(text: str) -> None:
    shown = clean("a" + text + "b")
    assert shown != "a" + text + "b" and len(shown) > 2 and shown.startswith("a") and shown.endswith("b")


@given(st.text())
def test_harmless_text_stays_itself(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert clean("Grüße 佐藤 🙂") == "Grüße 佐藤 🙂"


def test_a_block_keeps_its_lines_only() -> None:
    assert clean_block("a\r\nb\rc\n\x1b[31md") == "a\nb\nc\n␛[31md"


def test_columns_stay_aligned_with_wide_letters() -> None:
    lines = table(("NAME", "SIZE"), [("佐藤", "1 B"), ("ana", "10 B")], right="SIZE")
    assert len({width(line) for line in lines}) == 1


def test_long_names_are_cut_by_columns() -> None:
    assert fit("佐藤花子", 5) == "佐藤…"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 100,
        b"Subject: =?x-unknown?q?=41?=\n\nbody",
        b"Subject: \xff\xfe\n\n\xff\xfe",
        b"Content-Type: text/plain; charset=nonsense\n\nbody",
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n" + b"--x\n\n" * 10_000,
        b"From: \x1b[2J <a@b>\nDate: never\n\n\x1b[2J",
        b"Content-Type: text/html\n\n<script>alert(1)</script><p>Hi &amp; bye</p>" + b"<" * 50_000,
        b"Content-Type: message/rfc822\n\n" * 50,
        b"To: " + b"a@b.c, " * 20_000 + b"\n\nx",
    ],
)
def test_the_most_broken_mail_can_be_shown(data: bytes) -> None:
    shown = readable(data)
    assert all(len(value) <= 2_000 for _, value in shown.headers)
    for text in (
        shown.text,
        *(value for _, value in shown.headers),
        *(part.name for part in shown.attachments),
    ):
        assert "\x1b" not in clean_block(text)


def test_markup_is_shown_as_text() -> None:
    shown = readable(b"Content-Type: text/html\n\n<style>p{}</style><p>Hi &amp; bye</p><script>x()</script>")
    assert shown.text == "Hi & bye"
