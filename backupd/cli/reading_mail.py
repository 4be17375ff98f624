"""A message as a person reads it: the usual headers decoded, the text, the names of attachments. Never fails."""

from __future__ import annotations

import html
import re
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from typing import Any, NamedTuple

_HEADERS = ("From", "To", "Cc", "Bcc", "Date", "Subject")
_MAX_HEADER_CHARS = 2_000
_MAX_PARTS = 200
_SCRIPT = re.compile(r"(?is)<(script|style|head)\b.*?</\1\s*>")
_BREAK = re.compile(r"(?i)<(br|/p|/div|/tr|/h[1-6]|/li)\b[^>]*>")
_TAG = re.compile(r"(?s)<[^>]{0,10000}>")
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
    message = message_from_bytes(data, _class=EmailMessage, policy=policy.default)
    headers = [(name, value) for name in _HEADERS if (value := _header(message, name))]
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


def _header(message: Message[Any, Any], name: str) -> str:
    try:
        value = message.get(name)
        return "" if value is None else " ".join(str(value).split())[:_MAX_HEADER_CHARS]
    except Exception:  # noqa: BLE001 - the parser fails in many ways on broken headers; the raw line is shown then
        raw = next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")
        return " ".join(raw.split())[:_MAX_HEADER_CHARS]


def _name(part: Message[Any, Any]) -> str:
    try:
        return part.get_filename() or ""
    except Exception:  # noqa: BLE001 - as above
        return "(unreadable name)"


def _text(part: Message[Any, Any]) -> str:
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


def _size(part: Message[Any, Any]) -> int:
    try:
        data = part.get_payload(decode=True)
        return len(data) if isinstance(data, bytes) else 0
    except Exception:  # noqa: BLE001 - as above
        return 0


def _without_markup(text: str) -> str:
    text = _BREAK.sub("\n", _SCRIPT.sub("", text))
    return _BLANK.sub("\n\n", html.unescape(_TAG.sub("", text))).strip()
