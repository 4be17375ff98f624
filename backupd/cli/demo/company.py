"""A made-up company's mail and files on disk: eight people, three kinds of mailbox, documents sent to many."""

from __future__ import annotations

import base64
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backupd.cli.demo.office import document, paragraphs, sentence

EML, MAILDIR, MBOX = "eml", "maildir", "mbox"
PEOPLE = (
    ("ana.lopes", "Ana Lopes", EML),
    ("bela.nagy", "Béla Nagy", MAILDIR),
    ("chen.li", "李晨", MBOX),
    ("dora.klein", "Dora Klein", EML),
    ("emeka.obi", "Emeka Obi", MAILDIR),
    ("freya.holm", "Freya Holm", EML),
    ("goran.babic", "Goran Babić", MBOX),
    ("hana.sato", "佐藤 花", MAILDIR),
)
_FOLDERS = ("Inbox", "Inbox", "Inbox", "Sent", "Projects/Harbour", "Projects/Orchard", "Archive/2024")
_START_S = 1_735_689_600  # 1 January 2025
_EVERY_S = 1_171
_WITH_DOCUMENT = 4
_LINE = 76


@dataclass(frozen=True, slots=True)
class _Message:
    number: int
    sent_s: int
    text: bytes
    to: tuple[int, ...]


def make_company(root: Path, messages: int, seed: int, progress: Callable[[int, int], None]) -> None:
    """Write the company below `root`; the same seed gives the same bytes. `progress` hears (done, of how many)."""
    chance = random.Random(seed)
    attachments = [document(chance) for _ in range(max(8, messages // 35))]
    boxes = [_Mailbox(root / account, kind) for account, _, kind in PEOPLE]
    for number in range(messages):
        message = _compose(number, chance, attachments)
        for person in message.to:
            boxes[person].deliver(message, chance.choice(_FOLDERS))
        if number % 50 == 0:
            progress(number, messages)
    for box in boxes:
        box.finish(_START_S + messages * _EVERY_S)
    for account, _, _ in PEOPLE:
        folder = root / account / "Documents"
        folder.mkdir(parents=True)
        for number in range(6):
            extension, _, data = chance.choice(attachments)
            title = sentence(chance).rstrip(".")[:40].strip()
            _write(folder / f"{title} {number}.{extension}", data, _START_S + number * _EVERY_S)
    (root / PEOPLE[0][0] / "Documents" / "Empty folder").mkdir()
    progress(messages, messages)


def _compose(number: int, chance: random.Random, attachments: list[tuple[str, str, bytes]]) -> _Message:
    sender = chance.randrange(len(PEOPLE))
    has_document = number % _WITH_DOCUMENT == 0
    to = tuple(chance.sample(range(len(PEOPLE)), chance.randint(1, 6) if has_document else 1))
    sent_s = _START_S + number * _EVERY_S
    title = sentence(chance).rstrip(".")[:70]
    body = "\r\n\r\n".join(paragraphs(chance, chance.randint(1, 9)))
    account, name, _ = PEOPLE[sender]
    recipients = ", ".join(f"{PEOPLE[one][0]}@harbour.example" for one in to)
    encoded = base64.b64encode(name.encode()).decode()
    head = (
        f"From: =?utf-8?B?{encoded}?= <{account}@harbour.example>\r\n"
        f"To: {recipients}\r\nSubject: {title}\r\n"
        f"Date: {_mail_date(sent_s)}\r\nMessage-ID: <{number}.{sent_s}@harbour.example>\r\nMIME-Version: 1.0\r\n"
    )
    if not has_document:
        kind = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        text = f"{head}{kind}\r\n{body}\r\n".encode()
        return _Message(number, sent_s, text, to)
    extension, kind, data = chance.choice(attachments)
    mark = f"=_{number:08x}_harbour"
    text = (
        f'{head}Content-Type: multipart/mixed; boundary="{mark}"\r\n\r\n--{mark}\r\n'
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n--{mark}\r\nContent-Type: {kind}\r\n"
        f'Content-Disposition: attachment; filename="document.{extension}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    ).encode()
    return _Message(number, sent_s, text + _wrapped(data) + f"--{mark}--\r\n".encode(), to)


class _Mailbox:
    """One person's mail in one of the three forms."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._kind = kind
        self._mboxes: dict[str, list[bytes]] = {}
        self._made: set[str] = set()

    def deliver(self, message: _Message, folder: str) -> None:
        """Put a message into a folder of the mailbox."""
        if self._kind == MBOX:
            envelope = f"From harbour {_mbox_date(message.sent_s)}\n".encode()
            text = message.text.replace(b"\r\n", b"\n").replace(b"\nFrom ", b"\n>From ")
            self._mboxes.setdefault(folder, []).append(envelope + text + b"\n")
        elif self._kind == EML:
            place = self._place(folder)
            _write(place / f"{message.number:06}.eml", message.text, message.sent_s)
        else:
            place = self._place("Maildir/." + folder.replace("/", "."), "cur", "new", "tmp")
            name = f"{message.sent_s}.M{message.number:06}P1.harbour,S={len(message.text)}:2,S"
            _write(place / "cur" / name, message.text.replace(b"\r\n", b"\n"), message.sent_s)

    def finish(self, end_s: int) -> None:
        """Write what was collected."""
        for folder, entries in self._mboxes.items():
            place = self._folder / (folder + ".mbox")
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(place, b"".join(entries), end_s)

    def _place(self, folder: str, *inner: str) -> Path:
        place = self._folder / folder
        if folder not in self._made:
            for name in inner or (".",):
                (place / name).mkdir(parents=True, exist_ok=True)
            self._made.add(folder)
        return place


def _write(path: Path, data: bytes, modified_s: int) -> None:
    path.write_bytes(data)
    os.utime(path, (modified_s, modified_s))


def _wrapped(data: bytes) -> bytes:
    text = base64.b64encode(data)
    return b"".join(text[at : at + _LINE] + b"\r\n" for at in range(0, len(text), _LINE))


def _mail_date(moment_s: int) -> str:
    from email.utils import formatdate

    return formatdate(moment_s)


def _mbox_date(moment_s: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(moment_s, UTC).ctime()
