"""Messages as mail programs write them: threads with quoted history, HTML beside text, attachments in base64.

A message is made once and delivered to several mailboxes; each delivery differs in its trace headers only.
"""

from __future__ import annotations

import base64
import binascii
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from typing import NamedTuple

from bench.documents import Document
from bench.prose import Prose, wrapped

DOMAIN = "nordwind-trading.example"
_START = datetime(2023, 1, 9, 8, 0, tzinfo=UTC)
_STYLE = "font-family:Calibri,Arial,sans-serif;font-size:11pt;color:#1f1f1f;margin:0cm 0cm 8pt 0cm"


class Person(NamedTuple):
    """A member of staff: display name, address and how mail is signed."""

    name: str
    address: str
    signature: list[str]


class Message(NamedTuple):
    """A message as it was sent: what every recipient gets alike, and what the trace headers need."""

    sender: Person
    recipients: list[Person]
    sent: datetime
    common: bytes


class _Post(NamedTuple):
    """One post of a thread, kept so that answers can quote it."""

    author: Person
    sent: datetime
    paragraphs: list[str]


class Correspondence:
    """An endless, seeded exchange of mail among a fixed staff."""

    def __init__(self, source: random.Random, staff: int, documents: list[Document]) -> None:
        self._random = source
        self._prose = Prose(source)
        self._documents = documents
        self._clock = _START
        self._count = 0
        self._encoded: dict[str, bytes] = {}
        self.staff = [self._person(number) for number in range(staff)]

    def messages(self) -> Iterator[Message]:
        """Yield messages; every fourth one carries a document."""
        while True:
            yield from self._thread()

    def deliver(self, message: Message, recipient: Person) -> bytes:
        """Return the message as it lies in one recipient's mailbox, with the trace its delivery left."""
        source = self._random
        arrival = message.sent + timedelta(seconds=source.randint(1, 9))
        client = f"10.20.{source.randint(0, 9)}.{source.randint(2, 250)}"
        trace = (
            f"Return-Path: <{message.sender.address}>\r\n"
            f"Delivered-To: {recipient.address}\r\n"
            f"Received: from mx{source.randint(1, 3)}.{DOMAIN} ({client})\r\n"
            f"\tby store{source.randint(1, 6)}.{DOMAIN} with LMTP id {source.getrandbits(96):024x}\r\n"
            f"\tfor <{recipient.address}>; {format_datetime(arrival)}\r\n"
            f"Received: from client-{source.getrandbits(32):08x} by mx.{DOMAIN} with ESMTPSA\r\n"
            f"\tid {source.getrandbits(64):016x}; {format_datetime(message.sent)}\r\n"
            f"X-Spam-Score: {source.random():.3f}\r\n"
        )
        return trace.encode() + message.common

    def _person(self, number: int) -> Person:
        first, last = self._prose.name(), self._prose.name()
        phone = f"+49 30 5550 {1000 + number}"
        role = self._prose.title()
        signature = ["-- ", f"{first} {last}", role, "Nordwind Trading GmbH", phone, f"https://www.{DOMAIN}/"]
        return Person(f"{first} {last}", f"{first}.{last}.{number}@{DOMAIN}".lower(), signature)

    def _thread(self) -> Iterator[Message]:
        source = self._random
        subject = self._prose.title()
        people = source.sample(self.staff, min(7, len(self.staff)))
        posts: list[_Post] = []
        identity = f"{source.getrandbits(128):032x}"
        for turn in range(source.choice((1, 1, 2, 2, 3, 3, 4, 5, 6))):
            self._clock += timedelta(seconds=source.randint(20, 900))
            author = people[turn % len(people)]
            length = int(min(9_000, 250 + source.expovariate(1 / 1_300)))
            posts.append(_Post(author, self._clock, self._prose.paragraphs(length)))
            others = [person for person in people if person is not author]
            recipients = others[: source.randint(1, min(6, len(others)))]
            yield self._message(subject, posts, recipients, identity)

    def _message(self, subject: str, posts: list[_Post], recipients: list[Person], identity: str) -> Message:
        post = posts[-1]
        number = len(posts)
        self._count += 1
        boundary = f"=_{self._random.getrandbits(128):032x}"
        head = [
            f"Message-ID: <{identity}.{number}@{DOMAIN}>",
            f"Date: {format_datetime(post.sent)}",
            f'From: "{post.author.name}" <{post.author.address}>',
            "To: " + ",\r\n ".join(f'"{person.name}" <{person.address}>' for person in recipients),
            f"Subject: {'Re: ' if number > 1 else ''}{subject}",
            "MIME-Version: 1.0",
        ]
        if number > 1:
            head.append(f"In-Reply-To: <{identity}.{number - 1}@{DOMAIN}>")
        bodies = _alternative(posts, f"{boundary}_alt")
        if self._count % 4 == 0:
            document = self._random.choice(self._documents)
            head.append(f'Content-Type: multipart/mixed; boundary="{boundary}"')
            body = b"--%b\r\n%b\r\n" % (boundary.encode(), bodies) + self._attachment(document, boundary)
        else:
            kind, _, body = bodies.partition(b"\r\n\r\n")
            head.append(kind.decode())
        common = "\r\n".join(head).encode() + b"\r\n\r\n" + body
        return Message(post.author, recipients, post.sent, common)

    def _attachment(self, document: Document, boundary: str) -> bytes:
        encoded = self._encoded.get(document.name)
        if encoded is None:
            encoded = self._encoded[document.name] = base64.encodebytes(document.data).replace(b"\n", b"\r\n")
        head = (
            f'--{boundary}\r\nContent-Type: {document.media_type}; name="{document.name}"\r\n'
            f'Content-Disposition: attachment; filename="{document.name}"; size={len(document.data)}\r\n'
            "Content-Transfer-Encoding: base64\r\n\r\n"
        )
        return head.encode() + encoded + f"--{boundary}--\r\n".encode()


def _alternative(posts: list[_Post], boundary: str) -> bytes:
    """Return the text and HTML bodies as one multipart/alternative entity, its header first."""
    plain = "\r\n".join(_plain_lines(posts)).encode()
    markup = binascii.b2a_qp(_markup(posts).encode(), istext=True).replace(b"\n", b"\r\n")
    return b"".join(
        [
            f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n--{boundary}\r\n'.encode(),
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n",
            plain,
            f"\r\n--{boundary}\r\nContent-Type: text/html; charset=utf-8\r\n".encode(),
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n",
            markup,
            f"\r\n--{boundary}--\r\n".encode(),
        ]
    )


def _plain_lines(posts: list[_Post]) -> list[str]:
    newest = posts[-1]
    lines = wrapped(newest.paragraphs) + newest.author.signature
    for depth, post in enumerate(reversed(posts[:-1]), start=1):
        quote = ">" * depth + " "
        lines += ["", f"{quote}On {format_datetime(post.sent)}, {post.author.name} wrote:"]
        lines += wrapped(post.paragraphs, quote)
        lines += [quote + line for line in post.author.signature]
    return lines


def _markup(posts: list[_Post]) -> str:
    pieces = [
        '<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body lang="EN-GB">\n'
    ]
    for depth, post in enumerate(reversed(posts)):
        if depth:
            pieces.append(
                '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">'
                f"<b>From:</b> {escape(post.author.name)} &lt;{post.author.address}&gt;<br>"
                f"<b>Sent:</b> {format_datetime(post.sent)}</div>\n"
            )
        pieces += [f'<p class="MsoNormal" style="{_STYLE}">{escape(text)}</p>\n' for text in post.paragraphs]
        pieces += [f"<span>{escape(line)}</span><br>\n" for line in post.author.signature]
    pieces.append("</body></html>\n")
    return "".join(pieces)
