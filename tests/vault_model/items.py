"""Items to back up: what a connector would say of them, and mail with attachments."""

from __future__ import annotations

import base64
import random as random_module
from dataclasses import dataclass


@dataclass(frozen=True)
class SampleItem:
    """One item version as a source describes it."""

    id: str
    kind: str = "file"
    tag: bytes = b"1"
    folder: str = "Inbox"
    name: str = "a name"
    modified_ms: int = 1_700_000_000_000
    size_bytes: int = 0
    meta: bytes = b"{}"


def noise(seed: int, size: int) -> bytes:
    """Return bytes that do not compress, the same in every run."""
    return random_module.Random(seed).randbytes(size)


def prose(seed: int, size: int) -> bytes:
    """Return text that compresses as text does, the same in every run."""
    source = random_module.Random(seed)
    words = [b"vault", b"snapshot", b"mail", b"the", b"of", b"and", b"invoice", b"meeting", b"quarterly"]
    text = b" ".join(source.choice(words) + b"%d" % source.randrange(100) for _ in range(size // 5 + 1))
    return text[:size]


def wrapped(data: bytes, line_length: int = 76, eol: bytes = b"\r\n") -> bytes:
    """Return base64 text as mail programs wrap it, without a line end after the last line."""
    text = base64.b64encode(data)
    return eol.join(text[i : i + line_length] for i in range(0, len(text), line_length))


def message(
    attachments: list[bytes],
    *,
    eol: bytes = b"\r\n",
    line_length: int = 76,
    field: bytes = b"Content-Transfer-Encoding: base64",
) -> bytes:
    """Return a multipart message with a text part and attachments in base64."""
    lines = [
        b"From: someone@example.com",
        b"Subject: papers",
        b"MIME-Version: 1.0",
        b'Content-Type: multipart/mixed; boundary="frontier"',
        b"",
        b"--frontier",
        b"Content-Type: text/plain",
        b"",
        b"See the papers.",
    ]
    for data in attachments:
        lines += [b"--frontier", b"Content-Type: application/octet-stream", field, b""]
        lines.append(wrapped(data, line_length, eol))
    return eol.join([*lines, b"--frontier--", b""])
