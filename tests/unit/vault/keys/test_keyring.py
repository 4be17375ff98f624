"""The keyring in memory."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.errors import KeyDenied
from backupd.vault.keys.keyring import DataKey, Keyring, check_vault_id, new_vault_id
from tests.unit.vault.keys.installation import stream

VAULT = "0123456789abcdef" * 2


def keyring() -> Keyring:
    return Keyring.generate(VAULT, random=stream("keyring"), now_ms=1)


def test_a_new_keyring_has_two_different_keys() -> None:
    made = keyring()
    assert made.vault_id == VAULT
    assert made.current_version == 1
    assert len(made.naming_key) == len(made.data_key(1)) == 32
    assert made.naming_key != made.data_key(1)


def test_a_new_data_key_becomes_current_and_older_ones_stay() -> None:
    first = keyring()
    second = first.with_new_data_key(random=stream("more"), now_ms=2)
    assert second.current_version == 2
    assert second.data_key(1) == first.data_key(1) != second.data_key(2)
    assert second.naming_key == first.naming_key
    assert first.current_version == 1
    assert [held.created_ms for held in second.data_keys.values()] == [1, 2]


@pytest.mark.parametrize("version", [0, 2, -1, 1 << 40])
def test_an_unknown_version_is_denied(version: int) -> None:
    with pytest.raises(KeyDenied, match=f"no data key of version {version}"):
        keyring().data_key(version)


def test_keys_are_not_shown_and_do_not_travel() -> None:
    made = keyring()
    for text in (repr(made), str(made), f"{made}"):
        assert made.naming_key.hex() not in text
        assert repr(made.naming_key) not in text
        assert VAULT in text
    for copier in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="pickled"):
            copier(made)


@pytest.mark.parametrize(
    "vault_id", ["", "0" * 31, "0" * 33, "A" * 32, "g" * 32, "0" * 32 + "\n", "../" + "0" * 29]
)
def test_a_vault_id_is_32_hex_digits(vault_id: str) -> None:
    with pytest.raises(ValueError, match="vault id"):
        check_vault_id(vault_id)
    with pytest.raises(ValueError, match="vault id"):
        Keyring(vault_id, bytes(32), {1: DataKey(bytes(32), 0)})


@given(st.binary(min_size=16, max_size=16))
def test_new_vault_ids_are_vault_ids(random: bytes) -> None:
    check_vault_id(new_vault_id(lambda _size: random))


@pytest.mark.parametrize(
    ("naming_key", "data_keys"),
    [
        (bytes(31), {1: DataKey(bytes(32), 0)}),
        (bytes(32), {}),
        (bytes(32), {0: DataKey(bytes(32), 0)}),
        (bytes(32), {1: DataKey(bytes(16), 0)}),
    ],
)
def test_a_keyring_of_wrong_sizes_cannot_be(naming_key: bytes, data_keys: dict[int, DataKey]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Keyring(VAULT, naming_key, data_keys)
