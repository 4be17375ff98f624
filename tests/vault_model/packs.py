"""Packing blobs by hand, and a spool folder that runs full."""

from __future__ import annotations

from pathlib import Path

from backupd.vault.pack import Location, PackRecord, locations
from backupd.vault.packer import Packer, Workshop
from backupd.vault.sealing import Kind, ObjectSeal, expand
from backupd.vault.stores.base import Store
from tests.vault_model.place import Seeded, keyring


def packer(store: Store, workshop: Workshop, folder: Path) -> Packer:
    """Return a packer with seeded randomness."""
    return Packer(store, keyring(), workshop, random=Seeded(5), spool_dir=folder)


def blob_id(number: int) -> bytes:
    """Return an id; the packer does not care where ids come from."""
    return number.to_bytes(32, "big")


def blob_at(store: Store, location: Location) -> bytes:
    """Return a blob's bytes as a reader gets them: one ranged read."""
    name = f"packs/{location.pack.hex()[:2]}/{location.pack.hex()}"
    seal = ObjectSeal(keyring(), Kind.PACK, name, location.key_version, location.salt)
    plain = expand(seal.open(location.frame, store.read(name, *location.extent)), name)
    return plain[location.offset : location.offset + location.length]


def blobs_of(store: Store, records: list[PackRecord]) -> dict[bytes, bytes]:
    """Return every blob that the records describe."""
    return {found: blob_at(store, location) for record in records for found, location in locations(record)}
