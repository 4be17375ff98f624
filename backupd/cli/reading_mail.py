"""A message as a person reads it: the usual headers decoded, the text, the names of attachments. Never fails."""

from __future__ import annotations

import html
import re
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Any, NamedTuple

_HEADERS = ("From", "To", "Cc", "Bcc", "Date", "Subject")
_MAX_HEADER_CHARS = 2_000
_MAX_PARTS = 200
_MAX_MARKUP_CHARS = 200_000
_SCRIPT = re.compile(r"(?is)<(script|style|head)\b.*?</\1\s*>")
_BREAK = re.compile(r"(?i)<(br|/p|/div|/tr|/h[1-6]|/li)\b[^>]*>")
_TAG = re.compile(r"(?s)<[^>]{0,2000}>")
_BLANK = re.compile(r"\n\s*\n\s*\n+")


class Attachment(NamedTuple):
    """A part that is not the text."""

    name: str
    type: str
    size_bytes: int


class Readable(NamedTuple):
    """What is shown of a message; nothing in it has been made safe for a terminal yet."""

    headers: list[tuple[str, str]]
    text: str
    attachments: list[Attachment]

    def document(self) -> dict[str, Any]:
        """Return the JSON shape."""
        return {
            "headers": dict(self.headers),
            "text": self.text,
            "attachments": [part._asdict() for part in self.attachments],
        }


def readable(data: bytes) -> Readable:
    """Return what can be shown of the message, however broken it is."""
    try:
        return _read(data)
    except RecursionError:
        # Thousands of parts inside each other: what stands before the first of them can still be shown.
        head = data[: max(data.find(b"\n\n"), data.find(b"\r\n\r\n"), 0)]
        told = "(The parts of this message are nested too deeply to be shown; --raw writes its bytes.)"
        headers = BytesHeaderParser(policy=policy.compat32).parsebytes(head)
        return Readable(
            [(name, value) for name in _HEADERS if (value := _decoded(headers.get(name)))], told, []
        )


def _read(data: bytes) -> Readable:
    message = message_from_bytes(data, policy=policy.compat32)
    headers = [(name, value) for name in _HEADERS if (value := _decoded(message.get(name)))]
    plain, rich, attachments = "", "", []
    for number, part in enumerate(message.walk()):
        if number >= _MAX_PARTS:
            break
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        name = _name(part)
        if not name and kind == "text/plain" and not plain:
            plain = _text(part)
        elif not name and kind == "text/html" and not rich:
            rich = _text(part)
        else:
            attachments.append(Attachment(name or "(unnamed)", kind, _size(part)))
    return Readable(headers, plain or _without_markup(rich), attachments)


def _decoded(value: object) -> str:
    """Return a header as text. It is cut before it is decoded: some have megabytes."""
    if value is None:
        return ""
    raw = str(value)[:_MAX_HEADER_CHARS].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    raw = " ".join(raw.split())
    if "=?" not in raw:
        return raw
    try:
        parts = [
            part if isinstance(part, str) else part.decode(charset or "utf-8", "replace")
            for part, charset in decode_header(raw)
        ]
    except (HeaderParseError, LookupError, ValueError):
        return raw
    return " ".join("".join(parts).split())


def _name(part: Message[str, str]) -> str:
    try:
        return _decoded(part.get_filename())
    except Exception:  # noqa: BLE001 - the parser of parameters fails in many ways on broken ones
        return "(unreadable name)"


def _text(part: Message[str, str]) -> str:
    try:
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes):
            return ""
        try:
            return data.decode(part.get_content_charset("utf-8"), "replace")
        except (LookupError, ValueError):
            return data.decode("utf-8", "replace")
    except Exception:  # noqa: BLE001 - as above
        return ""


def _size(part: Message[str, str]) -> int:
    try:
        data = part.get_payload(decode=True)
        return len(data) if isinstance(data, bytes) else 0
    except Exception:  # noqa: BLE001 - as above
        return 0


def _without_markup(text: str) -> str:
    text = _BREAK.sub("\n", _SCRIPT.sub("", text[:_MAX_MARKUP_CHARS]))
    return _BLANK.sub("\n\n", html.unescape(_TAG.sub("", text))).strip()
