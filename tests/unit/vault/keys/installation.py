"""A small installation for the tests of keys: a master key file, a folder of keyrings, deterministic randomness."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from backupd.vault.keys.file_provider import FileKeyProvider
from backupd.vault.keys.keyring import Keyring
from backupd.vault.keys.keyring_file import KeyringFile
from backupd.vault.keys.recovery_kit import RecoveryKit
from backupd.vault.stores.durable import Step

NOW_S = 1_700_000_000.0


class Stopped(BaseException):
    """The process ends here, as far as the code under test can tell."""


class StopAt:
    """A step hook that counts stages and stops at the n-th (0: never)."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.stages: list[str] = []

    def __call__(self, stage: str) -> None:
        self.stages.append(stage)
        if len(self.stages) == self.at:
            raise Stopped(stage)


def stream(seed: str) -> Callable[[int], bytes]:
    """Return a source of bytes that is the same in each run."""
    count = 0

    def random(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{seed} {count}".encode()).digest(size)

    return random


class Installation:
    """`home`/master.key and `home`/keys/."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.master_path = home / "master.key"
        self.keys = home / "keys"

    @classmethod
    def new(cls, home: Path) -> Installation:
        made = cls(home)
        FileKeyProvider.create(made.master_path)
        return made

    @property
    def provider(self) -> FileKeyProvider:
        return FileKeyProvider(self.master_path)

    def file(self, vault_id: str, **kwargs: object) -> KeyringFile:
        return KeyringFile(self.keys, vault_id, clock=lambda: NOW_S, **kwargs)  # type: ignore[arg-type]

    def organization(
        self, vault_id: str = "0" * 32, *, step: Step | None = None
    ) -> tuple[Keyring, RecoveryKit]:
        return self.file(vault_id).create(self.provider)


def child(work: Callable[[], object]) -> int:
    """Run `work` in a forked process; return its id. It ends with exit code 0 only if `work` returned."""
    process = os.fork()
    if not process:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return process


def end_of(process: int) -> int:
    """Wait for a child; return the signal that ended it, or minus its exit code."""
    status = os.waitpid(process, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)


def in_child(work: Callable[[], object]) -> int:
    """Run `work` in a forked process and wait; return the signal that ended it, or minus its exit code."""
    return end_of(child(work))
