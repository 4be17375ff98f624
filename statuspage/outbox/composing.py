"""Writes the mails. A notification is rendered once per language; only links and the address differ per recipient."""

from __future__ import annotations

import quopri
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from typing import Any

from statuspage.domain.statuses import Kind
from statuspage.domain.texts import pick
from statuspage.errors import Invalid
from statuspage.outbox.claims import Claimed
from statuspage.outbox.dkim import Signer
from statuspage.outbox.letters import Letters
from statuspage.pages.kit import Kit
from statuspage.pages.words import EVENT_WORDS
from statuspage.settings import Settings
from statuspage.subscriptions.tokens import Links
from statuspage.view.values import IncidentView, PageView

MANAGE, UNSUBSCRIBE = "@@manage-link@@", "@@unsubscribe-link@@"
KEPT = 64


@dataclass(frozen=True, slots=True)
class Mail:
    """A finished message: envelope and bytes with CRLF line ends."""

    sender: str
    recipient: str
    data: bytes
    message_id: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What all recipients of one notification in one language share: headers, and a body cut at its links."""

    headers: tuple[tuple[str, str], ...]
    pieces: tuple[bytes, ...]
    at: datetime


class Composer:
    """Makes the mail of a claimed delivery. The same delivery always makes the same Message-ID and date."""

    def __init__(
        self,
        settings: Settings,
        kit: Kit,
        links: Links,
        signer: Signer | None,
        page: Callable[[], PageView],
        event: Callable[[str], IncidentView | None],
    ) -> None:
        self._settings, self._kit, self._links, self._signer = settings, kit, links, signer
        self._page, self._event = page, event
        self._drafts: OrderedDict[tuple[str, str], Draft] = OrderedDict()
        self._letters = Letters(settings, kit, links)
        self._domain = settings.mail.sender.rpartition("@")[2]

    def mail(self, one: Claimed) -> Mail:
        """The message of a delivery."""
        local = self._settings.mail.sender.rpartition("@")[0]
        envelope = f"{local}+b{one.id}.{self._links.bounce(one.id)}@{self._domain}"
        if one.letter is not None:
            return self._finish(
                envelope, one.address, f"<letter.{one.id}@{self._domain}>", self._letter_draft(one.letter), {}
            )
        draft = self._draft(one)
        prefix = f"{self._settings.base_url}/{one.language}"
        assert one.subscriber_id is not None
        token = self._links.unsubscribe(one.subscriber_id, one.address)
        links = {
            MANAGE: f"{prefix}/subscription/manage/{self._links.manage(one.owner, one.created_at)}",
            UNSUBSCRIBE: f"{prefix}/subscription/unsubscribe/{token}",
        }
        message_id = f"<{one.notification_id}.{one.subscriber_id}@{self._domain}>"
        return self._finish(envelope, one.address, message_id, draft, links)

    def _finish(
        self, envelope: str, recipient: str, message_id: str, draft: Draft, links: dict[str, str]
    ) -> Mail:
        if any(char in recipient for char in "\r\n<>, \t"):
            raise Invalid("The address cannot stand in a header.")
        headers = [
            ("From", formataddr((f"backupd {self._settings.region}", self._settings.mail.sender))),
            ("To", recipient),
            ("Message-ID", message_id),
            *draft.headers,
        ]
        if links:
            headers += [
                ("List-Unsubscribe", f"<{links[UNSUBSCRIBE]}>"),
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ]
        body = b"".join(
            soft(links[piece.decode()]) if piece.startswith(b"@@") else piece for piece in draft.pieces
        )
        if self._signer:
            signature = self._signer.header(headers, body, int(draft.at.timestamp()))
            headers.insert(0, ("DKIM-Signature", signature))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        return Mail(envelope, recipient, head.encode("ascii") + b"\r\n" + body, message_id)

    def _draft(self, one: Claimed) -> Draft:
        assert one.notification_id and one.incident_id and one.created_at
        key = (one.notification_id, one.language)
        found = self._drafts.get(key)
        if found is None:
            found = self._drafts[key] = self._compose(one, one.incident_id, one.created_at)
            if len(self._drafts) > KEPT:
                self._drafts.popitem(last=False)
        return found

    def _compose(self, one: Claimed, incident_id: str, created_at: datetime) -> Draft:
        page, event = self._page(), self._event(incident_id)
        if event is None:
            raise Invalid("The incident is no longer published.")
        update = next((said for said in event.updates if said.id == one.update_id), event.updates[0])
        region, language = page.region, one.language if one.language in page.region.languages else "en"
        title = pick(region.titles, language, region.languages).text
        word = self._kit.catalogs.translate(language, EVENT_WORDS[update.status])
        subject = f"[backupd {title}] {word}: {pick(event.names, language, region.languages).text}"
        values = {
            "view": page,
            "event": event,
            "update": update,
            "region": region,
            "title": title,
            "prefix": f"/{language}",
            "manage": MANAGE,
            "unsubscribe": UNSUBSCRIBE,
        }
        text, html = (
            self._kit.render(
                f"mail/update.{kind}", language, region.languages, region.zone, **values
            ).decode()
            for kind in ("txt", "html")
        )
        thread = f"<{event.id}@{self._domain}>"
        kind = "maintenance" if event.kind == Kind.MAINTENANCE else "incidents"
        extra = [
            ("References", thread),
            ("In-Reply-To", thread),
            ("List-Id", f"backupd {region.name} {kind} <{region.name}.{self._domain}>"),
        ]
        return self._assemble(
            subject, language, text, html, created_at, extra, boundary=one.notification_id or ""
        )

    def _letter_draft(self, letter: dict[str, Any]) -> Draft:
        language = letter["language"]
        subject, text, html = self._letters.write(letter)
        at = datetime.fromisoformat(letter["at"])
        return self._assemble(subject, language, text, html, at, [], boundary=f"letter{int(at.timestamp())}")

    def _assemble(
        self,
        subject: str,
        language: str,
        text: str,
        html: str,
        at: datetime,
        extra: list[tuple[str, str]],
        boundary: str,
    ) -> Draft:
        mark = f"=_{boundary}"
        headers = (
            ("Subject", one_line_header(subject)),
            ("Date", format_datetime(at.astimezone(UTC))),
            ("MIME-Version", "1.0"),
            ("Content-Type", f'multipart/alternative; boundary="{mark}"'),
            ("Content-Language", language),
            ("Auto-Submitted", "auto-generated"),
            *extra,
        )
        pieces: list[bytes] = []
        for kind, content in (("plain", text), ("html", html)):
            head = (
                f"--{mark}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
            )
            pieces += [head.encode(), *cut(content), b"\r\n"]
        pieces.append(f"--{mark}--\r\n".encode())
        return Draft(headers, tuple(pieces), at)


def one_line_header(text: str) -> str:
    """A header value as RFC 2047 where it needs to be; a line break in it is a defect, not a new header."""
    if any(char in text for char in "\r\n"):
        raise Invalid("A header must be one line.")
    return (
        Header(text, "utf-8" if not text.isascii() else "us-ascii", maxlinelen=900)
        .encode()
        .replace("\n", "\r\n")
    )


def cut(text: str) -> list[bytes]:
    """A text as quoted-printable, cut at its link marks, which stay pieces of their own."""
    pieces, rest = [], text
    while True:
        spots = [(rest.find(mark), mark) for mark in (MANAGE, UNSUBSCRIBE) if mark in rest]
        if not spots:
            pieces.append(printable(rest))
            return pieces
        at, mark = min(spots)
        pieces += [printable(rest[:at]), mark.encode()]
        rest = rest[at + len(mark) :]


def printable(text: str) -> bytes:
    """Quoted-printable with CRLF."""
    return quopri.encodestring(text.encode()).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def soft(link: str) -> bytes:
    """A link in quoted-printable between soft breaks: lines stay short whatever stands before and after."""
    encoded = link.replace("=", "=3D").encode()
    lines, at = [], 0
    while at < len(encoded):
        end = min(at + 70, len(encoded))
        while end < len(encoded) and b"=" in encoded[end - 2 : end]:
            end -= 1  # an escape must not be torn
        lines.append(encoded[at:end])
        at = end
    return b"=\r\n" + b"=\r\n".join(lines) + b"=\r\n"
