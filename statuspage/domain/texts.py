"""Texts written by operators: per language, cleaned on the way in, with a stated fallback on the way out."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import nh3

from statuspage.errors import Invalid

NAME_LIMIT, BODY_LIMIT = 200, 20_000
# Overrides of the writing direction can make a text read as something else than it is.
_BIDI = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
_TAG_LIKE = re.compile(r"<(?=[A-Za-z/!?])")


@dataclass(frozen=True, slots=True)
class Text:
    """A text together with the language it is in, which may not be the language that was asked for."""

    text: str
    language: str


def clean(text: str, limit: int, *, single_line: bool) -> str:
    """A text without markup, control characters and direction overrides; safe as text and inside HTML.

    Clients of the public API put bodies into pages unescaped, so no tag may survive here, escaped once or twice.
    """
    text = unicodedata.normalize("NFC", text).translate(_BIDI).replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(
        char for char in text if char == "\n" or char == "\t" or unicodedata.category(char) != "Cc"
    )
    if single_line:
        text = " ".join(text.split())
    if "<" in text or "&" in text:
        # Comparison signs stay: only what a browser would take for a tag is taken out.
        for _ in range(3):
            text = html.unescape(nh3.clean(text, tags=set(), attributes={}))
        text = _TAG_LIKE.sub("\u2039", text)
    text = text.strip()
    if len(text) > limit:
        raise Invalid(f"A text is longer than {limit} characters.")
    return text


def clean_all(
    texts: Mapping[str, str], limit: int, languages: tuple[str, ...], *, single_line: bool, field: str
) -> dict[str, str]:
    """All languages of one text, cleaned; empty ones left out. At least one language must remain."""
    unknown = set(texts) - set(languages)
    if unknown:
        raise Invalid(f"This region has no language {sorted(unknown)[0]!r}.", {field: "unknown language"})
    found = {language: clean(text, limit, single_line=single_line) for language, text in texts.items()}
    found = {language: text for language, text in found.items() if text}
    if not found:
        raise Invalid(f"The {field} is empty.", {field: "must not be empty"})
    return found


def pick(texts: Mapping[str, str], language: str, languages: tuple[str, ...]) -> Text:
    """The text in ``language``, else in the first of the region's languages that has one, else in any."""
    for candidate in (language, *languages, *texts):
        if candidate in texts:
            return Text(texts[candidate], candidate)
    return Text("", language)
