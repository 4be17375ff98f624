"""The trees that are backed up, made under one folder, repeatable from a seed."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench.documents import REAL_DOCUMENTS, attachments
from bench.messages import DOMAIN, Correspondence

SEED = 20_240_229
_BLOCK = 1 << 20
_RECIPE = 1


class Corpus(NamedTuple):
    """A tree to back up: its root, how many files, how many bytes, and a description for the report."""

    root: Path
    files: int
    size_bytes: int
    text: str


def company_mail(folder: Path, messages: int, mailboxes: int = 12) -> Corpus:
    """Make `mailboxes` folders with `messages` .eml files together; every fourth carries a document."""

    def make(root: Path) -> str:
        source = random.Random(SEED)
        found = attachments(source)
        exchange = Correspondence(source, mailboxes, found.documents)
        delivered = distinct = 0
        for message in exchange.messages():
            distinct += 1
            for recipient in message.recipients:
                if delivered == messages:
                    break
                box = root / recipient.address.partition("@")[0]
                _write(
                    box / f"{delivered:06d}.eml",
                    exchange.deliver(message, recipient),
                    message.sent.timestamp(),
                )
                delivered += 1
            if delivered == messages:
                break
        return f"{distinct:,} messages delivered {delivered:,} times to {mailboxes} mailboxes, {found.origin}"

    return _made(folder, f"mail-{messages}-{mailboxes}", make)


def office_folder(folder: Path) -> Corpus:
    """Copy the real documents (or write the generated ones) into one tree."""

    def make(root: Path) -> str:
        if REAL_DOCUMENTS.is_dir():
            shutil.copytree(REAL_DOCUMENTS, root / "documents", copy_function=_copy)
            return "real office documents"
        found = attachments(random.Random(SEED))
        for number, document in enumerate(found.documents):
            _write(root / "documents" / f"{number:04d}-{document.name}", document.data, 1.6e9 + number)
        return found.origin

    return _made(folder, "office", make)


def small_items(folder: Path, items: int) -> Corpus:
    """Make one mailbox of short messages, a thousand in a folder."""

    def make(root: Path) -> str:
        source = random.Random(SEED)
        for number in range(items):
            text = (
                f"Message-ID: <{source.getrandbits(96):024x}@{DOMAIN}>\r\nFrom: <monitor@{DOMAIN}>\r\n"
                f"To: <oncall@{DOMAIN}>\r\nSubject: Check {number} on host-{source.randint(1, 400)}\r\n"
                "Date: Mon, 09 Jan 2023 08:00:00 +0000\r\n\r\n"
                f"Load {source.random():.4f}, free {source.getrandbits(40)}, run {source.getrandbits(64):016x}.\r\n"
            )
            path = root / "oncall" / f"{number // 1000:04d}" / f"{number:07d}.eml"
            _write(path, text.encode(), 1.6e9 + number)
        return f"{items:,} short messages in one mailbox"

    return _made(folder, f"small-{items}", make)


def huge_message(folder: Path, size_bytes: int, *, encoded: bool) -> Corpus:
    """Make a mailbox with one message of about `size_bytes`: plain text, or one base64 attachment."""

    def make(root: Path) -> str:
        source = random.Random(SEED)
        path = root / "archive" / "huge.eml"
        path.parent.mkdir(parents=True)
        with path.open("wb") as out:
            out.write(
                f"From: <a@{DOMAIN}>\r\nTo: <b@{DOMAIN}>\r\nSubject: all of it\r\nMIME-Version: 1.0\r\n".encode()
            )
            if encoded:
                out.write(b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n")
            out.write(b"\r\n")
            while out.tell() < size_bytes:
                out.write(_encoded_block(source) if encoded else _text_block(source))
        return f"one message of {size_bytes / 1e6:.0f} MB ({'one base64 attachment' if encoded else 'plain text'})"

    return _made(folder, f"huge-{size_bytes}-{'base64' if encoded else 'text'}", make)


def warm(corpus: Corpus) -> None:
    """Read the whole tree once, so that every tool finds it in the page cache."""
    for folder, _, names in os.walk(corpus.root):
        for name in names:
            with open(os.path.join(folder, name), "rb", buffering=0) as file:
                while file.read(_BLOCK):
                    pass


def _made(folder: Path, name: str, make: Callable[[Path], str]) -> Corpus:
    """Make the tree unless a finished one of the same recipe is there."""
    root, stamp = folder / name, folder / f"{name}.json"
    if stamp.is_file():
        known = json.loads(stamp.read_text())
        if known["recipe"] == _RECIPE:
            return Corpus(root, known["files"], known["size_bytes"], known["text"])
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    text = make(root)
    files = size_bytes = 0
    for path, _, names in os.walk(root):
        files += len(names)
        size_bytes += sum(os.stat(os.path.join(path, each)).st_size for each in names)
    stamp.write_text(json.dumps({"recipe": _RECIPE, "files": files, "size_bytes": size_bytes, "text": text}))
    os.sync()
    return Corpus(root, files, size_bytes, text)


def _write(path: Path, data: bytes, modified_s: float) -> None:
    try:
        path.write_bytes(data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    os.utime(path, (modified_s, modified_s))


def _copy(source: str, target: str) -> None:
    """Copy bytes and times, not modes: the original may be read-only, the copy must be deletable."""
    shutil.copyfile(source, target)
    status = os.stat(source)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _encoded_block(source: random.Random) -> bytes:
    from base64 import encodebytes

    return encodebytes(source.randbytes(57 * 4096)).replace(b"\n", b"\r\n")


def _text_block(source: random.Random) -> bytes:
    return b"".join(
        b"%016x entry %d of the exported log\r\n" % (source.getrandbits(64), i) for i in range(4096)
    )
