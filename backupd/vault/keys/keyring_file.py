"""The wrapped keyring of one vault as a file beside it, and every change made to it.

    <vault id>.json     the keys, wrapped by the provider
    <vault id>.escrow   the same keys, sealed to the recovery kit
    <vault id>.erased   the receipt, once the keys were destroyed
    <vault id>.lock     held while any of them is changed

A change writes the escrow first: after a crash between the two it may hold a key that was never used,
but never lacks one that was.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from backupd.errors import BackupdError, Integrity, KeyDenied, KeyUnavailable, UsageError
from backupd.vault.keys.escrow import open_escrow, read_escrow, seal_escrow
from backupd.vault.keys.key_files import leftovers, locked, read_key_file, write_key_file
from backupd.vault.keys.keyring import Keyring, check_vault_id
from backupd.vault.keys.provider import KeyProvider
from backupd.vault.keys.recovery_kit import RecoveryKit
from backupd.vault.keys.wrapped_keyring import (
    WrappedKeyring,
    decode_keyring,
    encode_keyring,
    unwrap_keyring,
    wrap_keyring,
)
from backupd.vault.stores.durable import Step, no_step

_KEYRING_NAME = re.compile(r"([0-9a-f]{32})\.json")


class KeyringDescription(NamedTuple):
    """What may be told of a keyring without opening it. `versions` maps data key version to its making (Unix ms)."""

    vault_id: str
    provider: str
    revision: int
    current_version: int
    versions: dict[int, int]
    recovery_public_key: bytes


class KeyringFile:
    """The keyring file of one vault in `directory`. Loading takes no lock and writes nothing.

    `clock` gives Unix seconds; `step` is told every stage of every write (see `stores.durable`).
    """

    def __init__(
        self,
        directory: Path,
        vault_id: str,
        *,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
        step: Step = no_step,
    ) -> None:
        check_vault_id(vault_id)
        self.directory = directory
        self.vault_id = vault_id
        self.path = directory / f"{vault_id}.json"
        self.escrow_path = directory / f"{vault_id}.escrow"
        self.erased_path = directory / f"{vault_id}.erased"
        self.lock_path = directory / f"{vault_id}.lock"
        self._clock = clock
        self._random = random
        self._step = step

    def create(self, provider: KeyProvider) -> tuple[Keyring, RecoveryKit]:
        """Make a new organization's keys; hand over the kit, which is stored nowhere, to be kept by a person."""
        kit = RecoveryKit.generate(self._random)
        keyring = Keyring.generate(self.vault_id, random=self._random, now_ms=self._now_ms())
        with self.changing():
            if self.path.exists():
                raise UsageError(
                    f"The vault {self.vault_id} has keys already.", hint="They are never overwritten."
                )
            self._write(keyring, provider, revision=1, recovery_public_key=kit.public_key)
        return keyring, kit

    def load(self, provider: KeyProvider) -> Keyring:
        """Return the keys.

        Raises KeyUnavailable (file or master key not there), KeyDenied (another master key, no permission, or
        destroyed), Integrity (changed or damaged) or UnsupportedFormat.
        """
        document = self._document()
        while True:
            try:
                return unwrap_keyring(document, provider)
            except KeyDenied:
                newer = self._document()
                if newer == document:
                    raise
                document = newer  # Re-wrapped since it was read, and the old master key is gone.

    def describe(self) -> KeyringDescription:
        """Return what the file shows without any key."""
        document = self._document()
        versions = {held.version: held.created_ms for held in document.data_keys}
        return KeyringDescription(
            self.vault_id,
            document.provider,
            document.revision,
            max(versions, default=0),
            versions,
            document.recovery_public_key,
        )

    def rotate_data_key(self, provider: KeyProvider) -> Keyring:
        """Add a data key version, which new packs are sealed with; older versions stay for older packs."""
        with self.changing():
            document = self._document()
            keyring = unwrap_keyring(document, provider)
            keyring = keyring.with_new_data_key(random=self._random, now_ms=self._now_ms())
            self._write(
                keyring,
                provider,
                revision=document.revision + 1,
                recovery_public_key=document.recovery_public_key,
            )
        return keyring

    def replace_recovery_kit(self, provider: KeyProvider, kit: RecoveryKit) -> None:
        """Seal the escrow to another kit (for when the old one was lost or seen).

        The caller shows the new kit to a person first: should this fail half-way, one of the two still opens
        the escrow, and both are in that person's hands.
        """
        with self.changing():
            document = self._document()
            self._write(
                unwrap_keyring(document, provider),
                provider,
                revision=document.revision + 1,
                recovery_public_key=kit.public_key,
            )

    def reseal_escrow(self, provider: KeyProvider) -> None:
        """Write the escrow file anew (for when it was lost or damaged); the kit stays the same."""
        with self.changing():
            document = self._document()
            self._write_escrow(
                unwrap_keyring(document, provider), document.revision, document.recovery_public_key
            )

    def escrow_problem(self) -> str:
        """Return a sentence about why the recovery kit would not help just now; empty when it would. Needs no key."""
        document = self._document()
        try:
            escrow = read_escrow(self.escrow_path)
        except BackupdError as error:
            return error.message
        if escrow.vault_id != self.vault_id:
            return f"The escrow file {self.escrow_path} is of vault {escrow.vault_id}."
        if escrow.recovery_public_key != document.recovery_public_key:
            return f"The escrow file {self.escrow_path} is sealed to another recovery kit than the keyring names."
        if escrow.revision < document.revision:
            return (
                f"The escrow file {self.escrow_path} is older than the keyring: newer data keys are missing."
            )
        return ""

    def rewrap(self, old: KeyProvider, new: KeyProvider) -> bool:
        """Wrap all keys by `new` instead of `old`; False where that was done before. The keys stay the same.

        Holds this vault's lock only: `rotation` holds the directory's for as long as it takes.
        """
        with locked(self.lock_path, f"The keyring of vault {self.vault_id}"):
            document = self._document()
            if document.provider == new.kind:
                try:
                    unwrap_keyring(document, new)
                    return False
                except KeyDenied:
                    pass  # Wrapped by `old` still.
            keyring = unwrap_keyring(document, old)
            self._write_keyring(keyring, new, document.revision, document.recovery_public_key)
        return True

    def recover(self, kit: RecoveryKit, provider: KeyProvider, *, escrow: Path | None = None) -> Keyring:
        """Make a keyring file under `provider` from the kit and an escrow file (default: the one beside).

        Refused where the present keyring opens, was destroyed, or is newer than the escrow.
        """
        with self.changing():
            found = read_escrow(escrow or self.escrow_path)
            if found.vault_id != self.vault_id:
                raise UsageError(f"The escrow file is of vault {found.vault_id}, not {self.vault_id}.")
            keyring = open_escrow(found, kit)
            self._refuse_needless_recovery(provider, found.revision)
            self._write(keyring, provider, revision=found.revision, recovery_public_key=kit.public_key)
        return keyring

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the locks of a change, refuse an erased vault, sweep what crashed changes left."""
        with self.exclusive():
            self.refuse_erased()
            for path in (*leftovers(self.path), *leftovers(self.escrow_path)):
                path.unlink(missing_ok=True)
            yield

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the directory's lock shared, so that no master key rotation runs, and this vault's alone."""
        with (
            locked(rotation_lock_path(self.directory), "The master key", shared=True),
            locked(self.lock_path, f"The keyring of vault {self.vault_id}"),
        ):
            yield

    def refuse_erased(self) -> None:
        """Raise KeyDenied where the keys were destroyed."""
        if self.erased_path.exists():
            raise KeyDenied(
                f"The keys of vault {self.vault_id} were destroyed; nothing can read it any more.",
                hint=f"The receipt is {self.erased_path}.",
            )

    def _refuse_needless_recovery(self, provider: KeyProvider, escrow_revision: int) -> None:
        try:
            document = self._document()
        except (KeyUnavailable, Integrity):
            return  # Absent or damaged: what recovery is for.
        try:
            unwrap_keyring(document, provider)
        except (KeyDenied, Integrity):
            if document.revision <= escrow_revision:
                return
            raise UsageError(
                f"The escrow (revision {escrow_revision}) is older than the keyring ({document.revision}).",
                hint=f"Find a newer escrow, or move {self.path} away to accept the loss of the newer keys.",
            ) from None
        raise UsageError(f"The keyring of vault {self.vault_id} opens as it is: nothing is to be recovered.")

    def _document(self) -> WrappedKeyring:
        self.refuse_erased()
        raw = read_key_file(self.path, "The keyring file")
        return decode_keyring(raw, self.vault_id, f"The keyring file {self.path}")

    def _write(
        self, keyring: Keyring, provider: KeyProvider, *, revision: int, recovery_public_key: bytes
    ) -> None:
        self._write_escrow(keyring, revision, recovery_public_key)
        self._write_keyring(keyring, provider, revision, recovery_public_key)

    def _write_escrow(self, keyring: Keyring, revision: int, recovery_public_key: bytes) -> None:
        escrow = seal_escrow(keyring, revision, recovery_public_key, random=self._random)
        self._write_file(self.escrow_path, escrow)

    def _write_keyring(
        self, keyring: Keyring, provider: KeyProvider, revision: int, recovery_public_key: bytes
    ) -> None:
        document = wrap_keyring(keyring, provider, revision=revision, recovery_public_key=recovery_public_key)
        raw = encode_keyring(document)
        if unwrap_keyring(decode_keyring(raw, self.vault_id, "The new keyring"), provider) != keyring:
            raise Integrity(f"The provider {provider.kind!r} does not give back the keys it wrapped.")
        self._write_file(self.path, raw)

    def _write_file(self, path: Path, data: bytes) -> None:
        def step(stage: str) -> None:
            self._step(f"{path.suffix[1:]} {stage}")

        write_key_file(path, data, replace=True, random=self._random, step=step)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def keyring_vault_ids(directory: Path) -> list[str]:
    """Return the ids of all vaults that have a keyring file in `directory`, ascending."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(found[1] for name in names if (found := _KEYRING_NAME.fullmatch(name)))


def rotation_lock_path(directory: Path) -> Path:
    """Return the lock that changes share and a rotation of the master key holds alone."""
    return directory / "rotation.lock"
