"""Operators' texts: nothing that a browser would take for markup survives, in any form it may be written."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statuspage.domain.texts import clean, clean_all, pick
from statuspage.errors import Invalid
from statuspage.pages.markdown import Markdown

TAG_LIKE = re.compile(r"<[A-Za-z/!?]")
pieces = st.lists(
    st.sampled_from(
        [
            "<",
            ">",
            "&lt;",
            "&gt;",
            "&amp;",
            "script",
            "/",
            "!--",
            " ",
            "a",
            "&#60;",
            "&#x3c;",
            "img src=x onerror=alert(1)",
            '"',
            "\x00",
            "\u202e",
            "<b>",
            "</b>",
        ]
    ),
    max_size=12,
)


@given(pieces.map("".join))
def test_no_tag_survives_even_unescaped_twice(text: str) -> None:
    cleaned = clean(text, 10_000, single_line=False)
    assert not TAG_LIKE.search(cleaned)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", cleaned)


@pytest.mark.parametrize("times", range(6))
def test_no_tag_survives_however_often_it_is_escaped(times: int) -> None:
    text = "<img src=x onerror=alert(1)>"
    for _ in range(times):
        text = html.escape(text)
    assert not TAG_LIKE.search(clean(text, 10_000, single_line=False))


@given(pieces.map("".join))
def test_markdown_of_a_cleaned_text_has_only_allowed_tags(text: str) -> None:
    found = Markdown().html(clean(text, 10_000, single_line=False))
    assert set(re.findall(r"<([a-z0-9]+)", found)) <= {
        "p",
        "br",
        "strong",
        "em",
        "a",
        "ul",
        "ol",
        "li",
        "code",
        "pre",
        "blockquote",
        "h3",
        "h4",
        "hr",
    }


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ("5 < 6 & 7 > 3", "5 < 6 & 7 > 3"),
        ("a &lt;b&gt; c", "a  c"),
        ("x <script>alert(1)</script> y", "x  y"),
        ("café", "café"),
        ("line\r\nline", "line\nline"),
    ],
)
def test_plain_words_stay(given_: str, wanted: str) -> None:
    assert clean(given_, 100, single_line=False) == wanted


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "vbscript:x"])
def test_links_that_run_code_are_no_links(link: str) -> None:
    assert "href" not in Markdown().html(f"[x]({link})")


def test_a_heading_of_an_operator_never_outranks_the_pages_own() -> None:
    found = Markdown().html("# One\n\n## Two")
    assert "<h3>One" in found and "<h4>Two" in found
    assert html.escape("<h1>") not in found


def test_a_name_is_one_line() -> None:
    assert clean("a\r\nBcc: x@y.example", 100, single_line=True) == "a Bcc: x@y.example"


def test_empty_and_unknown_languages_are_refused() -> None:
    with pytest.raises(Invalid, match="empty"):
        clean_all({"en": " "}, 10, ("en",), single_line=True, field="name")
    with pytest.raises(Invalid, match="no language 'it'"):
        clean_all({"it": "x"}, 10, ("en",), single_line=True, field="name")


def test_a_missing_language_falls_back_and_says_so() -> None:
    assert pick({"en": "late", "de": "spät"}, "ja", ("en", "de")).language == "en"
    assert pick({"de": "spät"}, "ja", ("en", "de")).language == "de"
