"""From the place a person names to the store that is there."""

from __future__ import annotations

import re
from pathlib import Path

from backupd.errors import UsageError
from backupd.vault.stores.base import Store
from backupd.vault.stores.local import LocalStore

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_store(location: str | Path) -> Store:
    """Return the store at `location`: a folder's path. The folder need not exist yet."""
    text = str(location)
    if not text or text.isspace():
        raise UsageError("The place of the store is empty.", hint="Name a folder.")
    if "\0" in text:
        raise UsageError("The place of the store contains a NUL character.", hint="Name a folder.")
    if (scheme := _SCHEME.match(text)) is not None:
        raise UsageError(f"Stores at {scheme[1].lower()}:// are not supported yet.", hint="Name a folder.")
    return LocalStore(Path(text).expanduser())
