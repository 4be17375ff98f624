"""The keyring file: made, loaded, changed; every flipped bit, wrong key and crash told apart."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backupd.errors import (
    BackupdError,
    Busy,
    Integrity,
    KeyDenied,
    KeyUnavailable,
    StoreFull,
    UnsupportedFormat,
    UsageError,
)
from backupd.vault.keys.escrow import open_escrow, read_escrow
from backupd.vault.keys.file_provider import FileKeyProvider
from backupd.vault.keys.key_files import locked
from backupd.vault.keys.keyring import DataKey, Keyring
from backupd.vault.keys.keyring_file import KeyringFile, keyring_vault_ids
from backupd.vault.keys.recovery_kit import RecoveryKit
from backupd.vault.keys.wrapped_keyring import decode_keyring, encode_keyring, unwrap_keyring, wrap_keyring
from tests.unit.vault.keys.installation import NOW_S, Installation, StopAt, Stopped, child, end_of, in_child

VAULT = "0" * 32
OTHER = "1" * 32


def test_a_new_keyring_is_loaded_again(installation: Installation) -> None:
    keyring, _kit = installation.organization()
    file = installation.file(VAULT)
    assert file.load(installation.provider) == keyring
    assert keyring.vault_id == VAULT
    shown = file.describe()
    assert (shown.provider, shown.revision, shown.current_version) == ("file", 1, 1)
    assert shown.versions == {1: int(NOW_S * 1000)}
    assert file.escrow_problem() == ""
    assert keyring_vault_ids(installation.keys) == [VAULT]
    for path in installation.keys.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_key_lies_there_unwrapped(installation: Installation) -> None:
    keyring, kit = installation.organization()
    keyring = installation.file(VAULT).rotate_data_key(installation.provider)
    secrets = [keyring.naming_key, keyring.data_key(1), keyring.data_key(2)]
    secrets += [kit.private_key.private_bytes_raw()]
    for path in installation.keys.iterdir():
        held = path.read_bytes()
        values = [base64.b64decode(found) for found in re.findall(rb'"([A-Za-z0-9+/]{40,}=*)"', held)]
        for secret in secrets:
            assert secret not in held
            assert secret.hex().encode() not in held
            assert not [value for value in values if secret in value]
        assert kit.code.replace("-", "").encode() not in held


def test_keys_are_never_overwritten_by_new_ones(installation: Installation) -> None:
    keyring, _kit = installation.organization()
    with pytest.raises(UsageError, match="has keys already"):
        installation.organization()
    assert installation.file(VAULT).load(installation.provider) == keyring


def test_rotating_the_data_key_adds_a_version(installation: Installation) -> None:
    first, kit = installation.organization()
    file = installation.file(VAULT)
    second = file.rotate_data_key(installation.provider)
    assert second.current_version == 2
    assert second.data_key(1) == first.data_key(1)
    assert second.naming_key == first.naming_key
    assert file.load(installation.provider) == second
    assert open_escrow(read_escrow(file.escrow_path), kit) == second
    assert file.describe().revision == read_escrow(file.escrow_path).revision == 2


@pytest.mark.parametrize("name", ["path", "escrow_path"])
def test_every_flipped_bit_is_damage(installation: Installation, name: str) -> None:
    keyring, kit = installation.organization()
    file = installation.file(VAULT)
    path: Path = getattr(file, name)
    held = path.read_bytes()
    provider = installation.provider
    for bit in range(len(held) * 8):
        flipped = bytearray(held)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(Integrity):
            file.load(provider) if name == "path" else open_escrow(read_escrow(path), kit)
    path.write_bytes(held)
    assert file.load(provider) == open_escrow(read_escrow(file.escrow_path), kit) == keyring


@pytest.mark.parametrize("name", ["path", "escrow_path"])
def test_every_truncation_is_damage(installation: Installation, name: str) -> None:
    _keyring, kit = installation.organization()
    file = installation.file(VAULT)
    path: Path = getattr(file, name)
    held = path.read_bytes()
    for length in range(len(held)):
        path.write_bytes(held[:length])
        with pytest.raises(Integrity):
            file.load(installation.provider) if name == "path" else open_escrow(read_escrow(path), kit)
    path.write_bytes(held + b"\n")
    with pytest.raises(Integrity):
        file.load(installation.provider) if name == "path" else open_escrow(read_escrow(path), kit)


def forged(held: bytes, changes: Mapping[str, object]) -> bytes:
    """Return the file with changed fields and a checksum that is right again."""
    fields = json.loads(held) | changes
    fields.pop("sha256")
    body = json.dumps(fields, indent=2).removesuffix("\n}").encode()
    return body + b',\n  "sha256": "' + hashlib.sha256(body).hexdigest().encode() + b'"\n}\n'


def test_the_forger_of_this_test_is_good_enough(installation: Installation) -> None:
    keyring, kit = installation.organization()
    file = installation.file(VAULT)
    for path in (file.path, file.escrow_path):
        path.write_bytes(forged(path.read_bytes(), {}))
    assert file.load(installation.provider) == open_escrow(read_escrow(file.escrow_path), kit) == keyring


def test_a_forger_without_the_keys_is_noticed(installation: Installation) -> None:
    installation.organization()
    theirs, their_kit = installation.organization(OTHER)
    installation.file(VAULT).rotate_data_key(installation.provider)
    file = installation.file(VAULT)
    held = file.path.read_bytes()
    fields = json.loads(held)
    other = json.loads(installation.file(OTHER).path.read_bytes())
    one, two = fields["data_keys"]
    for changes in (
        {"recovery_public_key": other["recovery_public_key"]},
        {"naming_key": other["naming_key"]},
        {"data_keys": other["data_keys"]},
        {"data_keys": [one]},
        {"data_keys": [two, one]},
        {"data_keys": [one, one]},
        {"data_keys": [one, {**two, "wrapped": one["wrapped"]}]},
        {"data_keys": [one, {**two, "version": 3}]},
        {"data_keys": [one, {**two, "created_ms": 0}]},
        {"data_keys": []},
        {"revision": 1},
        {"revision": 3},
        {"seal": other["seal"]},
        {"seal": ""},
        {"vault_id": OTHER},
        {"more": 1},
        {"naming_key": "?"},
        {"revision": "one"},
    ):
        file.path.write_bytes(forged(held, changes))
        with pytest.raises(Integrity):
            file.load(installation.provider)
    assert theirs.vault_id == OTHER
    assert their_kit.public_key


def test_a_forged_data_key_is_noticed_without_the_seal(installation: Installation) -> None:
    """Each wrapped key is bound to vault, purpose and version, whatever the file's own seal says."""
    provider = installation.provider
    ours, _ = installation.organization()
    document = wrap_keyring(ours, provider, revision=1, recovery_public_key=bytes(32))
    other, _ = installation.organization(OTHER)
    theirs = wrap_keyring(other, provider, revision=1, recovery_public_key=bytes(32))
    context = {"vault": VAULT, "purpose": "data key", "version": "1"}
    assert provider.unwrap(document.data_keys[0].wrapped, context) == ours.data_key(1)
    for wrapped, wrong in (
        (theirs.data_keys[0].wrapped, context),
        (document.naming_key, context),
        (document.data_keys[0].wrapped, context | {"version": "2"}),
        (document.data_keys[0].wrapped, context | {"purpose": "naming key"}),
    ):
        with pytest.raises(Integrity):
            provider.unwrap(wrapped, wrong)


def test_a_forged_escrow_is_noticed(installation: Installation) -> None:
    _, kit = installation.organization()
    installation.organization(OTHER)
    file = installation.file(VAULT)
    held = file.escrow_path.read_bytes()
    other = json.loads(installation.file(OTHER).escrow_path.read_bytes())
    for changes in (
        {"vault_id": OTHER},
        {"revision": 7},
        {"one_time_public_key": other["one_time_public_key"]},
        {"one_time_public_key": "AAAA"},
        {"one_time_public_key": "A" * 43 + "="},
        {"sealed": other["sealed"]},
        {"sealed": ""},
        {"more": 1},
    ):
        file.escrow_path.write_bytes(forged(held, changes))
        with pytest.raises(Integrity):
            open_escrow(read_escrow(file.escrow_path), kit)


def test_another_vaults_file_in_its_place_is_noticed(installation: Installation) -> None:
    installation.organization()
    installation.organization(OTHER)
    file = installation.file(VAULT)
    file.path.write_bytes(installation.file(OTHER).path.read_bytes())
    with pytest.raises(Integrity, match="belongs to the vault 1111"):
        file.load(installation.provider)
    file.path.write_bytes(forged(file.path.read_bytes(), {"vault_id": VAULT}))
    with pytest.raises(Integrity):
        file.load(installation.provider)


@pytest.mark.parametrize("name", ["path", "escrow_path"])
def test_a_newer_format_is_named(installation: Installation, name: str) -> None:
    _, kit = installation.organization()
    file = installation.file(VAULT)
    path: Path = getattr(file, name)
    path.write_bytes(forged(path.read_bytes(), {"format": 1, "more": "of it"}))
    with pytest.raises(UnsupportedFormat, match="format 1"):
        file.load(installation.provider) if name == "path" else open_escrow(read_escrow(path), kit)


def test_the_wrong_master_key_is_denied(installation: Installation, tmp_path: Path) -> None:
    installation.organization()
    other = FileKeyProvider.create(tmp_path / "other.key")
    with pytest.raises(KeyDenied):
        installation.file(VAULT).load(other)


def test_another_kind_of_provider_is_denied(installation: Installation) -> None:
    class Elsewhere(FileKeyProvider):
        kind = "aws-kms"

    installation.organization()
    with pytest.raises(KeyDenied, match="wrapped by the provider 'file', not 'aws-kms'"):
        installation.file(VAULT).load(Elsewhere(installation.master_path))


def test_what_is_missing_is_unavailable(installation: Installation) -> None:
    installation.organization()
    provider = installation.provider
    with pytest.raises(KeyUnavailable, match="keyring file"):
        installation.file(OTHER).load(provider)
    installation.master_path.unlink()
    with pytest.raises(KeyUnavailable, match="master key file"):
        installation.file(VAULT).load(provider)


def stages_of_a_rotation(installation: Installation) -> int:
    counter = StopAt()
    installation.file(VAULT, step=counter).rotate_data_key(installation.provider)
    return len(counter.stages)


def test_stopped_at_any_stage_of_a_rotation_nothing_is_lost(installation: Installation) -> None:
    keyring, kit = installation.organization()
    stages = stages_of_a_rotation(installation)
    assert stages == 12
    for at in range(1, stages + 1):
        before = installation.file(VAULT).load(installation.provider)
        with pytest.raises(Stopped):
            installation.file(VAULT, step=StopAt(at)).rotate_data_key(installation.provider)
        after = installation.file(VAULT).load(installation.provider)
        assert after.current_version in (before.current_version, before.current_version + 1)
        in_escrow = open_escrow(read_escrow(installation.file(VAULT).escrow_path), kit)
        assert after.data_keys.items() <= in_escrow.data_keys.items()
        assert in_escrow.naming_key == after.naming_key == keyring.naming_key
        assert installation.file(VAULT).escrow_problem() == ""
    final = installation.file(VAULT).rotate_data_key(installation.provider)
    assert open_escrow(read_escrow(installation.file(VAULT).escrow_path), kit) == final
    assert sorted(os.listdir(installation.keys)) == [f"{VAULT}.{s}" for s in ("escrow", "json", "lock")] + [
        "rotation.lock"
    ]


def test_killed_at_any_stage_of_a_rotation_nothing_is_lost(installation: Installation) -> None:
    _, kit = installation.organization()
    for at in range(1, stages_of_a_rotation(installation) + 1):
        count = [0]

        def kill(_stage: str, at: int = at, count: list[int] = count) -> None:
            count[0] += 1
            if count[0] == at:
                os.kill(os.getpid(), 9)

        file = installation.file(VAULT, step=kill)
        assert in_child(lambda file=file: file.rotate_data_key(installation.provider)) == 9
        after = installation.file(VAULT).load(installation.provider)
        in_escrow = open_escrow(read_escrow(installation.file(VAULT).escrow_path), kit)
        assert after.data_keys.items() <= in_escrow.data_keys.items()
    final = installation.file(VAULT).rotate_data_key(installation.provider)
    assert open_escrow(read_escrow(installation.file(VAULT).escrow_path), kit) == final
    assert not [name for name in os.listdir(installation.keys) if name.endswith("~")]


def test_two_rotations_at_once_lose_no_version(installation: Installation) -> None:
    first, kit = installation.organization()
    rounds = 5

    def rotate() -> list[Keyring]:
        return [installation.file(VAULT).rotate_data_key(installation.provider) for _ in range(rounds)]

    with ThreadPoolExecutor(3) as pool:
        made = [keyring for future in [pool.submit(rotate) for _ in range(3)] for keyring in future.result()]
    children = [child(rotate) for _ in range(2)]
    assert [end_of(process) for process in children] == [0, 0]
    final = installation.file(VAULT).load(installation.provider)
    assert list(final.data_keys) == list(range(1, 2 + 5 * rounds))
    for keyring in made:
        assert keyring.data_keys.items() <= final.data_keys.items()
    assert len({held.key for held in final.data_keys.values()}) == len(final.data_keys)
    assert open_escrow(read_escrow(installation.file(VAULT).escrow_path), kit) == final
    assert final.data_key(1) == first.data_key(1)


def test_a_change_under_way_makes_others_wait_and_then_say_so(tmp_path: Path) -> None:
    waits: list[float] = []
    lock = tmp_path / "x.lock"
    with locked(lock, "The thing"):
        busy = pytest.raises(Busy, match="The thing is being changed")
        with busy, locked(lock, "The thing", timeout_s=1.0, sleep=waits.append):
            pytest.fail("two held the lock")
        with pytest.raises(Busy), locked(lock, "The thing", shared=True, timeout_s=0.0):
            pytest.fail("two held the lock")
    assert 1.0 <= sum(waits) < 1.2
    with locked(lock, "a", shared=True), locked(lock, "b", shared=True):
        pass


def test_a_lock_on_a_file_that_was_removed_meanwhile_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "x.lock"
    flock = fcntl.flock
    tries: list[int] = []

    def late(descriptor: int, mode: int) -> None:
        tries.append(mode)
        if len(tries) == 1:
            lock.unlink()
        if len(tries) == 2:
            lock.unlink()
            lock.touch()
        flock(descriptor, mode)

    monkeypatch.setattr(fcntl, "flock", late)
    with locked(lock, "x"):
        assert len(tries) == 3
        with pytest.raises(Busy), locked(lock, "x", timeout_s=0.0):
            pytest.fail("two held the lock")


def test_a_full_disk_changes_nothing(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring, _ = installation.organization()

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(StoreFull):
            installation.file(VAULT).rotate_data_key(installation.provider)
    assert installation.file(VAULT).load(installation.provider) == keyring


def test_a_provider_that_garbles_is_found_before_anything_is_replaced(installation: Installation) -> None:
    class Garbles(FileKeyProvider):
        def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
            plain = super().unwrap(wrapped, context)
            return plain if context["version"] != "2" else bytes(32)

    keyring, _ = installation.organization()
    with pytest.raises(Integrity, match="does not give back"):
        installation.file(VAULT).rotate_data_key(Garbles(installation.master_path))
    assert installation.file(VAULT).load(installation.provider) == keyring


KEYS = st.binary(min_size=32, max_size=32)


@settings(max_examples=50)
@given(
    naming_key=KEYS,
    data_keys=st.dictionaries(
        st.integers(1, 2**32 - 1), st.builds(DataKey, KEYS, st.integers(0, 2**53)), min_size=1, max_size=5
    ),
    revision=st.integers(1, 2**53),
    vault=st.binary(min_size=16, max_size=16),
)
def test_any_keyring_comes_back(
    naming_key: bytes, data_keys: dict[int, DataKey], revision: int, vault: bytes
) -> None:
    provider = FileKeyProvider(Path(__file__).with_name("master-key-of-the-tests.txt"))
    keyring = Keyring(vault.hex(), naming_key, data_keys)
    document = wrap_keyring(keyring, provider, revision=revision, recovery_public_key=naming_key)
    again = decode_keyring(encode_keyring(document), keyring.vault_id, "It")
    assert again == document
    assert unwrap_keyring(again, provider) == keyring


def test_a_vault_id_from_outside_names_no_other_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="vault id"):
        KeyringFile(tmp_path, "../" + "0" * 29)


def test_only_keyring_files_are_listed(installation: Installation) -> None:
    assert keyring_vault_ids(installation.keys) == []
    installation.organization(OTHER)
    installation.organization()
    (installation.keys / "notes.json").write_text("{}")
    (installation.keys / f".{VAULT}.json.00~").write_text("{}")
    assert keyring_vault_ids(installation.keys) == [VAULT, OTHER]


class TestRecovery:
    def test_kit_and_escrow_make_a_keyring_under_a_new_master_key(
        self, installation: Installation, tmp_path: Path
    ) -> None:
        installation.organization()
        _, kit = installation.organization(OTHER)
        keyring = installation.file(OTHER).rotate_data_key(installation.provider)
        page = kit.page(vault_id=OTHER, organization="Acme")
        lost = installation.file(OTHER).escrow_path.read_bytes()
        fresh = Installation.new(tmp_path / "fresh")
        fresh.keys.mkdir()
        fresh.file(OTHER).escrow_path.write_bytes(lost)
        assert fresh.file(OTHER).recover(RecoveryKit.parse(page), fresh.provider) == keyring
        assert fresh.file(OTHER).load(fresh.provider) == keyring
        assert fresh.file(OTHER).escrow_problem() == ""
        rotated = fresh.file(OTHER).rotate_data_key(fresh.provider)
        assert open_escrow(read_escrow(fresh.file(OTHER).escrow_path), kit) == rotated

    def test_an_escrow_from_elsewhere_is_taken(self, installation: Installation, tmp_path: Path) -> None:
        keyring, kit = installation.organization()
        installation.file(VAULT).escrow_path.rename(tmp_path / "copy")
        fresh = Installation.new(tmp_path / "fresh")
        assert fresh.file(VAULT).recover(kit, fresh.provider, escrow=tmp_path / "copy") == keyring
        assert fresh.file(VAULT).escrow_problem() == ""
        with pytest.raises(UsageError, match="of vault 0000"):
            fresh.file(OTHER).recover(kit, fresh.provider, escrow=tmp_path / "copy")

    def test_a_keyring_that_lost_its_master_key_is_replaced(self, installation: Installation) -> None:
        keyring, kit = installation.organization()
        installation.master_path.unlink()
        provider = FileKeyProvider.create(installation.master_path)
        with pytest.raises(KeyDenied):
            installation.file(VAULT).load(provider)
        installation.file(VAULT).recover(kit, provider)
        assert installation.file(VAULT).load(provider) == keyring

    def test_a_damaged_keyring_is_replaced(self, installation: Installation) -> None:
        keyring, kit = installation.organization()
        installation.file(VAULT).path.write_bytes(b"damaged")
        installation.file(VAULT).recover(kit, installation.provider)
        assert installation.file(VAULT).load(installation.provider) == keyring

    def test_a_keyring_that_opens_is_left_alone(self, installation: Installation) -> None:
        keyring, kit = installation.organization()
        with pytest.raises(UsageError, match="opens as it is"):
            installation.file(VAULT).recover(kit, installation.provider)
        assert installation.file(VAULT).load(installation.provider) == keyring

    def test_an_old_escrow_does_not_replace_newer_keys(self, installation: Installation) -> None:
        keyring, kit = installation.organization()
        file = installation.file(VAULT)
        old = file.escrow_path.read_bytes()
        file.rotate_data_key(installation.provider)
        file.escrow_path.write_bytes(old)
        assert "older than the keyring" in file.escrow_problem()
        installation.master_path.unlink()
        provider = FileKeyProvider.create(installation.master_path)
        with pytest.raises(UsageError, match=r"revision 1\) is older"):
            file.recover(kit, provider)
        file.path.unlink()
        assert file.recover(kit, provider) == keyring

    def test_another_kit_is_denied(self, installation: Installation) -> None:
        installation.organization()
        _, other_kit = installation.organization(OTHER)
        installation.file(VAULT).path.unlink()
        with pytest.raises(KeyDenied, match="does not belong"):
            installation.file(VAULT).recover(other_kit, installation.provider)
        assert not installation.file(VAULT).path.exists()

    def test_no_escrow_is_unavailable(self, installation: Installation) -> None:
        _, kit = installation.organization()
        file = installation.file(VAULT)
        file.path.unlink()
        file.escrow_path.unlink()
        with pytest.raises(KeyUnavailable, match="escrow file"):
            file.recover(kit, installation.provider)

    def test_an_unavailable_master_key_is_not_a_reason_to_replace(self, installation: Installation) -> None:
        _, kit = installation.organization()
        held = installation.file(VAULT).path.read_bytes()
        installation.master_path.rename(installation.home / "elsewhere")
        with pytest.raises(KeyUnavailable):
            installation.file(VAULT).recover(kit, installation.provider)
        assert installation.file(VAULT).path.read_bytes() == held

    def test_stopped_at_any_stage_it_can_be_done_again(self, installation: Installation) -> None:
        keyring, kit = installation.organization()
        installation.master_path.unlink()
        provider = FileKeyProvider.create(installation.master_path)
        for at in range(1, 11):  # The tenth stage is the keyring file's new content getting its name.
            with pytest.raises(Stopped):
                installation.file(VAULT, step=StopAt(at)).recover(kit, provider)
            assert open_escrow(read_escrow(installation.file(VAULT).escrow_path), kit) == keyring
        with pytest.raises(UsageError, match="opens as it is"):
            installation.file(VAULT).recover(kit, provider)
        assert installation.file(VAULT).load(provider) == keyring


class TestAnotherKit:
    def test_the_new_kit_opens_and_the_old_one_no_longer(self, installation: Installation) -> None:
        keyring, old = installation.organization()
        new = RecoveryKit(bytes(range(32)))
        file = installation.file(VAULT)
        file.replace_recovery_kit(installation.provider, new)
        escrow = read_escrow(file.escrow_path)
        assert open_escrow(escrow, new) == keyring
        with pytest.raises(KeyDenied):
            open_escrow(escrow, old)
        rotated = file.rotate_data_key(installation.provider)
        assert open_escrow(read_escrow(file.escrow_path), new) == rotated

    def test_stopped_at_any_stage_one_of_both_kits_opens(self, installation: Installation) -> None:
        keyring, old = installation.organization()
        for at in range(1, 13):
            new = RecoveryKit(bytes([at]) * 32)
            with pytest.raises(Stopped):
                installation.file(VAULT, step=StopAt(at)).replace_recovery_kit(installation.provider, new)
            escrow = read_escrow(installation.file(VAULT).escrow_path)
            opened = []
            for kit in (old, new):
                try:
                    opened.append(open_escrow(escrow, kit))
                except KeyDenied:
                    continue
            assert opened == [keyring]
            assert installation.file(VAULT).load(installation.provider) == keyring
            installation.file(VAULT).replace_recovery_kit(installation.provider, old)

    def test_a_lost_escrow_is_said_and_written_anew(self, installation: Installation) -> None:
        keyring, kit = installation.organization()
        installation.organization(OTHER)
        file = installation.file(VAULT)
        for damage, said in (
            (file.escrow_path.unlink, "is not there"),
            (lambda: file.escrow_path.write_bytes(b"x"), "is damaged"),
            (
                lambda: file.escrow_path.write_bytes(installation.file(OTHER).escrow_path.read_bytes()),
                "is of vault 1111",
            ),
        ):
            damage()
            assert said in file.escrow_problem()
            file.reseal_escrow(installation.provider)
            assert file.escrow_problem() == ""
            assert open_escrow(read_escrow(file.escrow_path), kit) == keyring
        file.escrow_path.write_bytes(
            forged(file.escrow_path.read_bytes(), {"recovery_public_key": "A" * 43 + "="})
        )
        assert "another recovery kit" in file.escrow_problem()


def test_messages_are_one_sentence_for_a_person(installation: Installation) -> None:
    installation.organization()
    file = installation.file(VAULT)
    file.path.write_bytes(b"damaged")
    with pytest.raises(BackupdError) as caught:
        file.load(installation.provider)
    assert caught.value.message == f"The keyring file {file.path} is damaged: its checksum does not match."
    assert caught.value.hint
