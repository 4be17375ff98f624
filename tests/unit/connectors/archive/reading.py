"""Short ways to read an import folder in tests."""

from __future__ import annotations

import os
from pathlib import Path

from connectors.archive.connector import CONNECTOR
from connectors.sdk.contract import Connection, Stream
from connectors.sdk.records import Change, Delete, Item, Service, Skipped, Upsert
from tests.contracts.committed import Committed


def connection(root: Path, accounts: str = "one") -> Connection:
    return CONNECTOR.connect({"path": str(root), "accounts": accounts}, b"")


def stream(root: Path, service: Service = Service.MAIL, account: str = ".", accounts: str = "one") -> Stream:
    return connection(root, accounts).stream(account, service)


def items(said: list[Change]) -> dict[str, Item]:
    return {change.item.id: change.item for change in said if isinstance(change, Upsert)}


def deleted(said: list[Change]) -> list[str]:
    return [change.id for change in said if isinstance(change, Delete)]


def skipped(said: list[Change]) -> dict[str, str]:
    return {change.id: change.reason for change in said if isinstance(change, Skipped)}


def whole_tree(root: Path) -> dict[bytes, bytes]:
    """Return relative path -> bytes of all regular files, and None-like b"/" entries for the folders."""
    found: dict[bytes, bytes] = {}
    top = os.fsencode(root)
    for folder, _, names in os.walk(top):
        relative = os.path.relpath(folder, top)
        if relative != b".":
            found[relative + b"/"] = b""
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    found[os.path.relpath(path, top)] = file.read()
    return found


def rebuilt(states: list[Committed]) -> dict[bytes, bytes]:
    """Return the same of what was committed, put together by the connector's placements."""
    found: dict[bytes, bytes] = {}
    pieces: dict[bytes, list[tuple[int, bytes]]] = {}
    for state in states:
        for item, data in state.items.values():
            place = CONNECTOR.original(item)
            assert place is not None
            path = b"/".join(os.fsencode(part) for part in place.parts)
            if data is None:
                path += b"/"
            if place.offset is not None:
                pieces.setdefault(path, []).append((place.offset, data or b""))
            else:
                assert path not in found
                found[path] = data or b""
    for path, parts in pieces.items():
        assert path not in found
        joined = b""
        for offset, data in sorted(parts):
            assert offset == len(joined)
            joined += data
        found[path] = joined
    return found


def both(root: Path, accounts: str = "one") -> list[Committed]:
    """Back up every stream of every account once."""
    opened = connection(root, accounts)
    states = []
    for account in opened.discover():
        for service in account.services:
            states.append(Committed())
            states[-1].back_up(opened.stream(account.id, service))
    return states
