"""Messages as files and as mboxes: names from date and subject, mboxrd quoting."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import parsedate_to_datetime

from connectors.sdk.records import Placement

_HEADER_BYTES = 64 * 1024
_SUBJECT = re.compile(rb"(?im)^subject[ \t]*:[ \t]*([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)")
_DATE = re.compile(rb"(?im)^date[ \t]*:[ \t]*([^\r\n]*)")
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_QUOTED = re.compile(rb"(?m)^(>*From )")
_ESCAPED = re.compile(rb"(?m)^>(>*From )")
_MAX_SUBJECT_CHARS = 100


def header(message: bytes) -> bytes:
    """Return a message's header block (at most 64 KiB of it)."""
    end = _HEADER_END.search(message, 0, _HEADER_BYTES)
    return message[: end.start() + 1 if end else _HEADER_BYTES]


def subject(head: bytes) -> str:
    """Return the decoded subject of a header block, "" if there is none; never fails."""
    found = _SUBJECT.search(head)
    if found is None:
        return ""
    raw = " ".join(found[1].decode("utf-8", "replace").split())
    if "=?" not in raw:
        return raw[:_MAX_SUBJECT_CHARS]
    try:
        parts = [
            part if isinstance(part, str) else part.decode(charset or "ascii", "replace")
            for part, charset in decode_header(raw)
        ]
    except (HeaderParseError, LookupError, ValueError):
        return raw[:_MAX_SUBJECT_CHARS]
    return " ".join("".join(parts).split())[:_MAX_SUBJECT_CHARS]


def sent(head: bytes, otherwise_ms: int) -> datetime:
    """Return the time of the `Date:` field in UTC, or the given one if it cannot be read."""
    found = _DATE.search(head)
    if found is not None:
        try:
            return parsedate_to_datetime(found[1].decode("ascii", "replace")).astimezone(UTC)
        except (ValueError, OverflowError, TypeError, IndexError):
            pass
    try:
        return datetime.fromtimestamp(otherwise_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


def as_message(data: bytes, place: Placement | None) -> bytes:
    """Return the message of an item: for a piece of an mbox, without its `From ` line, quoting and separator line."""
    if place is None or place.offset is None or not place.envelope_length:
        return data
    message = data[place.envelope_length :]
    if place.unescape_from:
        message = _ESCAPED.sub(rb"\1", message)
    for line_end in (b"\r\n", b"\n"):
        if message.endswith(line_end * 2):
            return message[: -len(line_end)]
    return message


def as_mbox_entry(message: bytes, sent_at: datetime) -> bytes:
    """Return the message as one entry of an mbox (mboxrd: reversible quoting)."""
    if b"From " in message:
        message = _QUOTED.sub(rb">\1", message)
    line_end = b"" if message.endswith(b"\n") else b"\n"
    return b"From backupd " + sent_at.ctime().encode() + b"\n" + message + line_end + b"\n"
