"""Import folders that the contract suite changes as a user would."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Protocol
from zlib import crc32

from connectors.archive.connector import CONNECTOR
from connectors.sdk.contract import Connector
from connectors.sdk.records import Service, Target

FROM_LINE = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))(?=From )")


def legal_name(key: str, suffix: str = "") -> bytes:
    """Return a name the file system takes; it keeps as much of a hostile key as can be one name."""
    raw = os.fsencode(key.replace("/", "∕")) + suffix.encode()
    if len(raw) > 255:
        tail = b"~%08x" % crc32(raw) + suffix.encode()
        raw = raw[: 255 - len(tail)].decode(errors="ignore").encode() + tail
    return b"_" + raw if raw in (b".", b"..") else raw


class Container(Protocol):
    def put(self, key: str, content: bytes) -> None: ...
    def drop(self, key: str) -> None: ...
    def contents(self) -> Counter[bytes]: ...


class Files:
    """Single files spread over nested folders."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self._folder = os.fsencode(folder)
        self._suffix = suffix
        self._held: dict[str, bytes] = {}

    def _path(self, key: str) -> bytes:
        below = (b"", b"a", b"a/deeper", b"a-b")[crc32(os.fsencode(key)) % 4]
        folder = os.path.join(self._folder, below)
        os.makedirs(folder, exist_ok=True)
        return os.path.join(folder, legal_name(key, self._suffix))

    def put(self, key: str, content: bytes) -> None:
        with open(self._path(key), "wb") as file:
            file.write(content)
        self._held[key] = content

    def drop(self, key: str) -> None:
        os.unlink(self._path(key))
        del self._held[key]

    def contents(self) -> Counter[bytes]:
        return Counter(self._held.values())


class Maildir:
    """A Maildir whose messages are partly new, partly seen."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.fsencode(folder)
        self._held: dict[str, bytes] = {}
        for name in (b"cur", b"new", b"tmp"):
            os.makedirs(os.path.join(self._folder, name))

    def _path(self, key: str) -> bytes:
        unique = b"u" + legal_name(key.replace(":", ";"))[:240]
        place = (b"new/" + unique, b"cur/" + unique + b":2,S", b"cur/" + unique + b":2,FRS")
        return os.path.join(self._folder, place[crc32(unique) % 3])

    def put(self, key: str, content: bytes) -> None:
        with open(self._path(key), "wb") as file:
            file.write(content)
        self._held[key] = content

    def drop(self, key: str) -> None:
        os.unlink(self._path(key))
        del self._held[key]

    def contents(self) -> Counter[bytes]:
        return Counter(self._held.values())


class Mbox:
    """One mbox, rewritten at each change and appended to by each new message."""

    def __init__(self, path: Path, line_end: bytes = b"\n") -> None:
        self._path = path
        self._line_end = line_end
        self._held: dict[str, bytes] = {}
        path.parent.mkdir(parents=True, exist_ok=True)

    def put(self, key: str, content: bytes) -> None:
        end = self._line_end
        line = b"From someone@example.org Mon Feb  3 04:05:06 2020" + end
        data = line + b"Subject: x" + end + end + content.rstrip(b"\n") + end + end
        is_new = key not in self._held
        self._held[key] = data
        if is_new:
            with self._path.open("ab") as file:
                file.write(data)
        else:
            self._rewrite()

    def drop(self, key: str) -> None:
        del self._held[key]
        self._rewrite()

    def _rewrite(self) -> None:
        self._path.write_bytes(b"".join(self._held.values()))

    def contents(self) -> Counter[bytes]:
        return Counter(self._held.values())


class ArchiveWorld:
    """An import folder with the account under test and another one beside it."""

    connector: Connector = CONNECTOR

    def __init__(self, base: Path, service: Service, kinds: str) -> None:
        self.root = base / "import"
        self.settings = {"path": str(self.root)}
        self.account = "alice"
        self.service = service
        self._target = base / "restored"
        home = self.root / "alice"
        (self.root / "bob").mkdir(parents=True)
        (self.root / "bob" / "other.eml").write_bytes(b"not of this account")
        home.mkdir()
        made: dict[str, Container] = {}
        for kind in kinds.split():
            if kind == "eml":
                made[kind] = Files(home / "mail", ".eml")
            elif kind == "maildir":
                made[kind] = Maildir(home / "Maildir")
            elif kind == "mbox":
                made[kind] = Mbox(home / "list.mbox")
            elif kind == "crlf":
                made[kind] = Mbox(home / "Inbox", b"\r\n")
            else:
                made[kind] = Files(home / "documents", ".bin")
        self._containers = list(made.values())
        self._keys: dict[str, bytes] = {}

    def _container(self, key: str) -> Container:
        return self._containers[crc32(os.fsencode(key) + b"!") % len(self._containers)]

    def add(self, key: str, content: bytes) -> None:
        self._keys[key] = content
        self._container(key).put(key, content)

    def change(self, key: str, content: bytes) -> None:
        self.add(key, content)

    def remove(self, key: str) -> None:
        del self._keys[key]
        self._container(key).drop(key)

    def move(self, key: str, to: str) -> None:
        content = self._keys[key]
        self.remove(key)
        self.add(to, content)

    def contents(self) -> Counter[bytes]:
        total: Counter[bytes] = Counter()
        for container in self._containers:
            total += container.contents()
        return total

    def target(self) -> Target:
        return Target(str(self._target))

    def restored(self) -> Counter[bytes]:
        total: Counter[bytes] = Counter()
        for folder, _, names in os.walk(os.fsencode(self._target)):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    data = file.read()
                is_mbox = name in (b"list.mbox", b"Inbox")
                total += Counter(filter(None, FROM_LINE.split(data)) if is_mbox else [data])
        return total
