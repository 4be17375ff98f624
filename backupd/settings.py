"""The only reader of the environment. Everything else gets a `Settings` value, validated here.

| variable | meaning | default |
|---|---|---|
| `BACKUPD_HOME` | where keys, catalog, caches and local vaults live (`--home` wins) | per-user data folder |
| `BACKUPD_MASTER_KEY` | the master key file that wraps every organization's key | `<home>/master.key` |
| `BACKUPD_VAULTS` | where local vaults live | `<home>/vaults` |
| `BACKUPD_SLICE_SECONDS` | a backup commits at the first checkpoint after so many seconds (1-300) | 60 |
| `BACKUPD_SLICE_ENTRIES` | ... or after so many changed items (1-1,000,000) | 32,000 |
| `BACKUPD_DEBUG` | `1`: an unexpected error shows its traceback | off |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from backupd.errors import UsageError


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things live and how large a slice of a run may grow."""

    home: Path
    master_key: Path
    vaults: Path
    slice_s: int = 60
    slice_entries: int = 32_000

    @property
    def catalog(self) -> Path:
        """The catalog's SQLite file."""
        return self.home / "catalog.sqlite"

    @property
    def keys(self) -> Path:
        """The folder of wrapped keys, one file per vault; never inside a vault."""
        return self.home / "keys"

    @property
    def cache(self) -> Path:
        """The folder of local index caches; disposable."""
        return self.home / "cache"

    @property
    def locks(self) -> Path:
        """The folder of advisory locks, one empty file per stream."""
        return self.home / "locks"

    @property
    def spool(self) -> Path:
        """The folder where packs grow before they are sealed and stored; disposable."""
        return self.home / "spool"


def load(home: str | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read and validate the settings; `home` (from the command line) wins over `BACKUPD_HOME`.

    Raises `UsageError` naming the variable and what it may be.
    """
    _refuse_unclear(environment, "BACKUPD_DEBUG")
    named = home or environment.get("BACKUPD_HOME") or _data_folder(environment)
    root = _path("--home" if home else "BACKUPD_HOME", named)
    return Settings(
        home=root,
        master_key=_path(
            "BACKUPD_MASTER_KEY", environment.get("BACKUPD_MASTER_KEY") or str(root / "master.key")
        ),
        vaults=_path("BACKUPD_VAULTS", environment.get("BACKUPD_VAULTS") or str(root / "vaults")),
        slice_s=_number(environment, "BACKUPD_SLICE_SECONDS", 60, 1, 300),
        slice_entries=_number(environment, "BACKUPD_SLICE_ENTRIES", 32_000, 1, 1_000_000),
    )


def wants_debug(environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether an unexpected error shows its traceback; asked when other settings may be what is wrong."""
    return environment.get("BACKUPD_DEBUG", "").strip().lower() in ("1", "yes", "true", "on")


def _data_folder(environment: Mapping[str, str]) -> str:
    """Return the per-user data folder of the XDG rules; by hand, as platformdirs costs 30 ms at each start."""
    base = environment.get("XDG_DATA_HOME", "")
    if not base.startswith("/"):  # the rules say to ignore a relative one
        base = str(Path(environment.get("HOME") or "~").expanduser() / ".local" / "share")
    return f"{base}/backupd"


def _path(name: str, text: str) -> Path:
    if "\0" in text:
        raise UsageError(f"{name} is not a path.")
    return Path(text).expanduser().absolute()


def _number(environment: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if text.isascii() and text.isdigit() and least <= int(text) <= most:
        return int(text)
    raise UsageError(f"{name} is {text!r}, but must be a whole number from {least:,} to {most:,}.")


def _refuse_unclear(environment: Mapping[str, str], name: str) -> None:
    text = environment.get(name, "").strip().lower()
    if text not in ("", "0", "no", "false", "off", "1", "yes", "true", "on"):
        raise UsageError(f"{name} is {text!r}, but must be 1 or 0.")
