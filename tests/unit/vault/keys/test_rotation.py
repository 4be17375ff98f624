"""Rotation of the master key: stopped anywhere, every keyring still opens; run again, it is finished."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from backupd.errors import Busy, Integrity, KeyDenied, KeyUnavailable
from backupd.vault.keys.file_provider import FileKeyProvider, next_path, previous_path
from backupd.vault.keys.key_files import locked
from backupd.vault.keys.keyring import Keyring
from backupd.vault.keys.keyring_file import rotation_lock_path
from backupd.vault.keys.master_key import MasterKey, read_master_key
from backupd.vault.keys.provider import KeyProvider
from backupd.vault.keys.rotation import rewrap_all, rotate_master_key
from tests.unit.vault.keys.installation import Installation, StopAt, Stopped, in_child

VAULTS = ["0" * 32, "1" * 32, "2" * 32]


@pytest.fixture
def keyrings(installation: Installation) -> dict[str, Keyring]:
    return {vault_id: installation.organization(vault_id)[0] for vault_id in VAULTS}


def all_open(installation: Installation, keyrings: dict[str, Keyring]) -> bool:
    provider = installation.provider
    return all(
        installation.file(vault_id).load(provider) == keyring for vault_id, keyring in keyrings.items()
    )


def test_every_keyring_moves_and_the_old_key_is_destroyed(
    installation: Installation, keyrings: dict[str, Keyring], tmp_path: Path
) -> None:
    old = installation.master_path.read_bytes()
    (tmp_path / "kept.key").write_bytes(old)
    (tmp_path / "kept.key").chmod(0o600)
    done = rotate_master_key(installation.master_path, installation.keys)
    assert done.vault_ids == tuple(VAULTS)
    assert not done.resumed
    assert done.old_id == FileKeyProvider(tmp_path / "kept.key").master_key_id()
    assert done.new_id == installation.provider.master_key_id() != done.old_id
    assert all_open(installation, keyrings)
    assert all(not installation.file(vault_id).escrow_problem() for vault_id in VAULTS)
    for vault_id in VAULTS:
        with pytest.raises(KeyDenied):
            installation.file(vault_id).load(FileKeyProvider(tmp_path / "kept.key"))
    assert sorted(os.listdir(installation.home)) == ["keys", "master.key"]
    assert installation.master_path.stat().st_mode & 0o777 == 0o600


def stages(installation: Installation) -> int:
    counter = StopAt()
    rotate_master_key(installation.master_path, installation.keys, step=counter)
    return len(counter.stages)


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_at_any_stage_every_keyring_opens_and_the_next_run_finishes(
    installation: Installation, keyrings: dict[str, Keyring], killed: bool
) -> None:
    number = stages(installation)
    assert number > 25
    for at in range(1, number + 1):
        old_id = installation.provider.master_key_id()
        stop = StopAt(at)

        def step(stage: str, stop: StopAt = stop) -> None:
            try:
                stop(stage)
            except Stopped:
                if killed:
                    os.kill(os.getpid(), 9)
                raise

        def rotate(step: object = step) -> None:
            rotate_master_key(installation.master_path, installation.keys, step=step)  # type: ignore[arg-type]

        if killed:
            assert in_child(rotate) == 9
        else:
            with pytest.raises(Stopped):
                rotate()
        assert all_open(installation, keyrings), f"stage {at}"
        # Work goes on between the crash and the next run: a new organization, a rotated data key.
        vault_id = f"{at:032x}"[:-1] + "f"
        keyrings[vault_id] = installation.organization(vault_id)[0]
        keyrings[VAULTS[0]] = installation.file(VAULTS[0]).rotate_data_key(installation.provider)
        done = rotate_master_key(installation.master_path, installation.keys)
        assert done.new_id == installation.provider.master_key_id() != old_id
        assert all_open(installation, keyrings)
        assert sorted(os.listdir(installation.home)) == ["keys", "master.key"]
        for path in list(installation.keys.glob(f"{vault_id}.*")):
            path.unlink()  # So that the rotations to come stay quick.
        del keyrings[vault_id]


def test_both_master_keys_are_never_needed_after_the_switch(
    installation: Installation, keyrings: dict[str, Keyring]
) -> None:
    counter = StopAt()
    rotate_master_key(installation.master_path, installation.keys, step=counter)
    with pytest.raises(Stopped):
        rotate_master_key(
            installation.master_path, installation.keys, step=StopAt(counter.stages.index("switched") + 1)
        )
    assert previous_path(installation.master_path).exists()
    assert not next_path(installation.master_path).exists()
    for vault_id, keyring in keyrings.items():
        assert (
            installation.file(vault_id).load(FileKeyProvider(installation.master_path, alone=True)) == keyring
        )
    done = rotate_master_key(installation.master_path, installation.keys)
    assert done.resumed


def test_before_the_switch_the_old_key_is_under_two_names_and_is_not_overwritten(
    installation: Installation, keyrings: dict[str, Keyring]
) -> None:
    """Somebody removes the new key of an unfinished rotation: the old one must survive the next attempt."""
    os.link(installation.master_path, previous_path(installation.master_path))
    before = read_master_key(installation.master_path).key
    rotate_master_key(installation.master_path, installation.keys)
    assert all_open(installation, keyrings)
    assert read_master_key(installation.master_path).key == before


def test_the_old_key_stays_while_one_keyring_does_not_open(
    installation: Installation, keyrings: dict[str, Keyring]
) -> None:
    file = installation.file(VAULTS[1])
    held = file.path.read_bytes()
    file.path.write_bytes(held[:-10])
    before = installation.provider.master_key_id()
    with pytest.raises(Integrity, match="1 of 3 keyrings") as caught:
        rotate_master_key(installation.master_path, installation.keys)
    assert VAULTS[1] in caught.value.message
    assert installation.provider.master_key_id() == before
    file.path.write_bytes(held)
    assert all_open(installation, keyrings)
    done = rotate_master_key(installation.master_path, installation.keys)
    assert done.resumed
    assert done.old_id == before
    assert all_open(installation, keyrings)


def test_a_keyring_damaged_after_the_switch_keeps_the_old_key(
    installation: Installation, keyrings: dict[str, Keyring]
) -> None:
    file = installation.file(VAULTS[2])

    def damage(stage: str) -> None:
        if stage == "switched":
            file.path.write_bytes(b"damaged")

    with pytest.raises(Integrity):
        rotate_master_key(installation.master_path, installation.keys, step=damage)
    assert previous_path(installation.master_path).exists()


def test_the_wrong_master_key_rotates_nothing(
    installation: Installation, keyrings: dict[str, Keyring]
) -> None:
    right = installation.home / "right.key"
    installation.master_path.rename(right)
    FileKeyProvider.create(installation.master_path)
    with pytest.raises(KeyDenied, match="3 of 3 keyrings"):
        rotate_master_key(installation.master_path, installation.keys)
    right.replace(installation.master_path)
    assert all_open(installation, keyrings)


def test_no_master_key_rotates_nothing(installation: Installation, keyrings: dict[str, Keyring]) -> None:
    installation.master_path.unlink()
    with pytest.raises(KeyUnavailable):
        rotate_master_key(installation.master_path, installation.keys)
    assert not next_path(installation.master_path).exists()


def test_what_else_is_wrapped_moves_before_the_old_key_goes(
    installation: Installation, keyrings: dict[str, Keyring]
) -> None:
    secret = [installation.provider.wrap(b"a token", {"row": "1"})]

    def move(old: KeyProvider, new: KeyProvider) -> None:
        secret[0] = new.wrap(old.unwrap(secret[0], {"row": "1"}), {"row": "1"})

    rotate_master_key(installation.master_path, installation.keys, also=[move])
    assert installation.provider.unwrap(secret[0], {"row": "1"}) == b"a token"

    def fail(_old: KeyProvider, _new: KeyProvider) -> None:
        raise Integrity("a row is damaged")

    with pytest.raises(Integrity):
        rotate_master_key(installation.master_path, installation.keys, also=[fail])
    assert installation.provider.unwrap(secret[0], {"row": "1"}) == b"a token"
    assert all_open(installation, keyrings)


def test_a_process_that_had_the_provider_before_goes_on(
    installation: Installation, keyrings: dict[str, Keyring]
) -> None:
    running = installation.provider
    running.wrap(b"x", {})
    rotate_master_key(installation.master_path, installation.keys)
    assert installation.file(VAULTS[0]).load(running) == keyrings[VAULTS[0]]
    assert installation.file(VAULTS[0]).rotate_data_key(running).current_version == 2
    assert installation.file(VAULTS[0]).load(installation.provider).current_version == 2


def test_a_rotation_between_reading_and_unwrapping_is_not_a_wrong_key(
    installation: Installation, keyrings: dict[str, Keyring]
) -> None:
    class RotatesFirst(FileKeyProvider):
        left = 3

        def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
            if self.left:
                self.left -= 1
                rotate_master_key(installation.master_path, installation.keys)
            return super().unwrap(wrapped, context)

    provider = RotatesFirst(installation.master_path)
    assert installation.file(VAULTS[0]).load(provider) == keyrings[VAULTS[0]]
    assert not provider.left


def test_the_switch_between_reading_two_names_is_not_a_wrong_key(
    installation: Installation, keyrings: dict[str, Keyring], monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = StopAt()
    rotate_master_key(installation.master_path, installation.keys, step=counter)
    with pytest.raises(Stopped):
        at = counter.stages.index("old kept aside") + 1
        rotate_master_key(installation.master_path, installation.keys, step=StopAt(at))
    seen: list[Path] = []

    def read(path: Path) -> MasterKey:
        key = read_master_key(path)
        seen.append(path)
        if len(seen) == 1:
            os.replace(next_path(path), path)
        return key

    monkeypatch.setattr("backupd.vault.keys.file_provider.read_master_key", read)
    assert installation.file(VAULTS[0]).load(installation.provider) == keyrings[VAULTS[0]]
    assert seen[0] == installation.master_path


def test_no_keyring_changes_while_the_master_key_rotates(
    installation: Installation, keyrings: dict[str, Keyring], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = []

    def change(stage: str) -> None:
        if stage in ("rewrapped", "all rewrapped", "switched"):
            lock = rotation_lock_path(installation.keys)
            with pytest.raises(Busy), locked(lock, "The master key", shared=True, timeout_s=0.0):
                pytest.fail("a change was let in")
            refused.append(stage)

    rotate_master_key(installation.master_path, installation.keys, step=change)
    assert refused == ["rewrapped"] * 3 + ["all rewrapped", "switched"]
    rotating = locked(rotation_lock_path(installation.keys), "The master key", timeout_s=0.0)
    with installation.file(VAULTS[0]).changing(), pytest.raises(Busy), rotating:
        pytest.fail("a rotation began during a change")


def test_keyrings_move_to_a_provider_of_another_kind(
    installation: Installation, keyrings: dict[str, Keyring], tmp_path: Path
) -> None:
    class Elsewhere(FileKeyProvider):
        kind = "aws-kms"

    new = Elsewhere.create(tmp_path / "elsewhere")
    assert rewrap_all(installation.keys, installation.provider, new) == tuple(VAULTS)
    assert rewrap_all(installation.keys, installation.provider, new) == tuple(VAULTS)
    for vault_id, keyring in keyrings.items():
        assert installation.file(vault_id).load(new) == keyring
        assert installation.file(vault_id).describe().revision == 1
        with pytest.raises(KeyDenied):
            installation.file(vault_id).load(installation.provider)


def test_a_keyring_already_moved_is_not_written_again(
    installation: Installation, keyrings: dict[str, Keyring], tmp_path: Path
) -> None:
    new = FileKeyProvider.create(tmp_path / "new.key")
    file = installation.file(VAULTS[0])
    assert file.rewrap(installation.provider, new)
    held = file.path.read_bytes()
    assert not file.rewrap(installation.provider, new)
    assert file.path.read_bytes() == held
