"""From a finished document to an HTTP answer: validators, compression and the headers every answer carries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus

from babel import negotiate_locale

from statuspage.web.publication import Copies

CACHE = "public, max-age=30, stale-if-error=86400"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors {framers}"
)
SECURITY = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "strict-origin-when-cross-origin"))
Answer = tuple[int, list[tuple[str, str]], bytes]


def answer(
    copies: Copies, *, if_none_match: str, accept_encoding: str, negotiated: bool, language: str, secure: bool
) -> Answer:
    """Status, headers and body for a document."""
    document = copies.document
    packed = copies.packed is not None and accepts_gzip(accept_encoding)
    # A strong validator names bytes, and the compressed bytes are others.
    etag = document.etag[:-1] + '-gz"' if packed else document.etag
    vary = ["Accept-Encoding"] + (["Accept-Language"] if negotiated else [])
    headers = [("ETag", etag), ("Cache-Control", CACHE), ("Vary", ", ".join(vary)), *SECURITY]
    if document.cors:
        headers += [("Access-Control-Allow-Origin", "*"), ("Access-Control-Expose-Headers", "ETag")]
    if secure:
        headers.append(("Strict-Transport-Security", "max-age=31536000"))
    if matches(if_none_match, etag):
        return HTTPStatus.NOT_MODIFIED, headers, b""
    body = copies.packed if packed and copies.packed is not None else document.body
    headers += [("Content-Type", document.content_type), ("Content-Length", str(len(body)))]
    if packed:
        headers.append(("Content-Encoding", "gzip"))
    if document.content_type.startswith("text/html"):
        headers += [
            ("Content-Language", language),
            ("Content-Security-Policy", CSP.format(framers="*" if document.framed else "'none'")),
        ]
    return HTTPStatus.OK, headers, body


def matches(if_none_match: str, etag: str) -> bool:
    """Whether a conditional request names this validator; weak comparison, as RFC 9110 asks."""
    if not if_none_match:
        return False
    if if_none_match.strip() == "*":
        return True
    return any(one.strip().removeprefix("W/") == etag for one in if_none_match.split(","))


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the client takes gzip (``gzip;q=0`` does not)."""
    return bool(
        re.search(
            r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)", accept_encoding
        )
    )


def negotiate(accept_language: str, languages: tuple[str, ...]) -> str:
    """The best of the region's languages for a request; the region's first one when nothing fits."""
    wanted: list[tuple[float, int, str]] = []
    for part in accept_language[:400].split(","):
        tag, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            continue
        if tag and weight > 0:
            wanted.append((-weight, len(wanted), tag))
    return negotiate_locale([tag for _, _, tag in sorted(wanted)], list(languages), sep="-") or languages[0]


def split_language(path: str, languages: Iterable[str]) -> tuple[str, str | None]:
    """A path without its language prefix, and that language: ``/de/history`` is ``/history`` in German."""
    if len(path) >= 3 and path[1:3] in languages and (len(path) == 3 or path[3] == "/"):
        return path[3:] or "/", path[1:3]
    return path, None
