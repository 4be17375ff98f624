"""A sealed object or frame that stands at another place than it was made for does not open."""

from __future__ import annotations

import pytest

from backupd.errors import Integrity, KeyDenied
from backupd.vault.sealing import Extent, Kind
from tests.vault_model.place import Seeded, keyring
from tests.vault_model.sealed import SealedObject, read_all

FRAMES = [b"first frame" * 9, b"other frame" * 9]
NAME = "packs/aa/aaaa"


@pytest.fixture
def sealed() -> SealedObject:
    return SealedObject(keyring(), Kind.PACK, NAME, FRAMES)


def test_where_it_belongs_it_opens(sealed: SealedObject) -> None:
    assert read_all(keyring(), Kind.PACK, NAME, sealed.data, sealed.extents) == [b"directory", *FRAMES]


def test_under_another_name(sealed: SealedObject) -> None:
    with pytest.raises(Integrity):
        read_all(keyring(), Kind.PACK, "packs/aa/aaab", sealed.data, sealed.extents)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.PACK])
def test_as_another_kind(sealed: SealedObject, kind: Kind) -> None:
    with pytest.raises(Integrity):
        read_all(keyring(), kind, NAME, sealed.data, sealed.extents)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.PACK])
def test_as_another_kind_with_the_header_rewritten(sealed: SealedObject, kind: Kind) -> None:
    forged = bytearray(sealed.data)
    forged[6] = kind
    with pytest.raises(Integrity):
        read_all(keyring(), kind, NAME, bytes(forged), sealed.extents)


def test_in_another_vault_with_the_same_keys(sealed: SealedObject) -> None:
    other = keyring(vault_id="ff" * 16)
    assert other.data_key(1) == keyring().data_key(1)
    with pytest.raises(Integrity):
        read_all(other, Kind.PACK, NAME, sealed.data, sealed.extents)


def test_with_the_keys_of_another_organization(sealed: SealedObject) -> None:
    with pytest.raises(Integrity):
        read_all(keyring(seed=8), Kind.PACK, NAME, sealed.data, sealed.extents)


def test_frames_change_places(sealed: SealedObject) -> None:
    with pytest.raises(Integrity):
        read_all(keyring(), Kind.PACK, NAME, sealed.data, sealed.extents[::-1])


def test_a_frame_of_another_object_of_the_same_name(sealed: SealedObject) -> None:
    """Two seal attempts of one name differ in their salt, so in their key."""
    other = SealedObject(keyring(), Kind.PACK, NAME, FRAMES, salt=bytes([1]) * 32)
    first = sealed.extents[0]
    mixed = bytearray(sealed.data)
    mixed[first.offset : first.offset + first.length] = other.data[first.offset : first.offset + first.length]
    with pytest.raises(Integrity):
        read_all(keyring(), Kind.PACK, NAME, bytes(mixed), sealed.extents)
    assert sealed.identity != other.identity


def test_the_directory_is_no_frame(sealed: SealedObject) -> None:
    end = sealed.extents[-1].offset + sealed.extents[-1].length
    directory = Extent(end, len(sealed.data) - 8 - end)
    with pytest.raises(Integrity):
        read_all(keyring(), Kind.PACK, NAME, sealed.data, [directory])


def test_the_salt_of_another_object(sealed: SealedObject) -> None:
    forged = sealed.data[:12] + bytes([9]) * 32 + sealed.data[44:]
    with pytest.raises(Integrity):
        read_all(keyring(), Kind.PACK, NAME, forged, sealed.extents)


def test_a_key_version_that_the_keyring_holds(sealed: SealedObject) -> None:
    rotated = keyring().with_new_data_key(random=Seeded(3), now_ms=1)
    assert read_all(rotated, Kind.PACK, NAME, sealed.data, sealed.extents) == [b"directory", *FRAMES]
    forged = sealed.data[:8] + (2).to_bytes(4, "little") + sealed.data[12:]
    with pytest.raises(Integrity):
        read_all(rotated, Kind.PACK, NAME, forged, sealed.extents)


def test_a_key_version_that_it_does_not_hold(sealed: SealedObject) -> None:
    rotated = keyring().with_new_data_key(random=Seeded(3), now_ms=1)
    newer = SealedObject(rotated, Kind.PACK, NAME, FRAMES)
    with pytest.raises(KeyDenied):
        read_all(keyring(), Kind.PACK, NAME, newer.data, newer.extents)


def test_equal_key_material_under_another_version_does_not_open() -> None:
    """The version is bound by itself: were two versions ever the same key, their objects would not mix."""
    from backupd.vault.keys.keyring import DataKey, Keyring

    first = keyring()
    twice = Keyring(
        first.vault_id, first.naming_key, {1: first.data_keys[1], 2: DataKey(first.data_key(1), 1)}
    )
    sealed = SealedObject(first, Kind.PACK, NAME, FRAMES)
    forged = sealed.data[:8] + (2).to_bytes(4, "little") + sealed.data[12:]
    with pytest.raises(Integrity):
        read_all(twice, Kind.PACK, NAME, forged, sealed.extents)
