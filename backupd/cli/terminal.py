"""Text that is safe to show. Names, subjects and mail come from strangers; a terminal obeys control characters.

Everything a command prints passes `clean`: no escape sequence, no cursor movement, no text direction trick and no
half of a surrogate pair reaches the terminal; what is replaced stays visible.
"""

from __future__ import annotations

import re
import unicodedata

# C0 and C1 controls, DEL, line and paragraph separators, bidirectional and other invisible format controls, surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\U000e0001\U000e0020-\U000e007f\ud800-\udfff]"
)
_VISIBLE = {"\t": " ", "\n": "␤", "\r": "␍", "\x1b": "␛", "\0": "␀"}


def clean(text: str) -> str:
    """Return `text` as one line with nothing in it that a terminal would obey."""
    return _UNSAFE.sub(_shown, text) if _UNSAFE.search(text) else text


def clean_block(text: str) -> str:
    """Return a text of several lines, each cleaned; line ends become plain newlines, tabs spaces."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(clean(line.expandtabs(8)) for line in lines)


def width(text: str) -> int:
    """Return how many columns a cleaned text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def fit(text: str, columns: int) -> str:
    """Return a cleaned text cut to `columns`, its end marked with an ellipsis if anything was cut."""
    if width(text) <= columns:
        return text
    taken, room = [], columns - 1
    for char in text:
        room -= _columns(char)
        if room < 0:
            break
        taken.append(char)
    return "".join(taken) + "…"


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _shown(match: re.Match[str]) -> str:
    char = match[0]
    return _VISIBLE.get(char) or (
        "\ufffd" if ord(char) >= 0xD800 and ord(char) <= 0xDFFF else f"<{ord(char):02X}>"
    )
