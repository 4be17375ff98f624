"""Crypto-erase: what is destroyed is gone and listed, what cannot be proven is said, a hold forbids it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from backupd.errors import BackupdError, Integrity, KeyDenied, NotFound, StoreUnavailable
from backupd.vault.keys.erase import NOT_PROVEN, EraseReceipt, EraseRefused, erase_keys, read_receipt
from backupd.vault.keys.rotation import rotate_master_key
from tests.unit.vault.keys.installation import Installation, StopAt, Stopped

VAULT, OTHER = "0" * 32, "1" * 32


def free() -> bool:
    return False


def erase(installation: Installation, *, step: StopAt | None = None) -> EraseReceipt:
    return erase_keys(installation.keys, VAULT, held=free, clock=lambda: 12.5, step=step or StopAt())


def test_the_receipt_lists_what_was_destroyed(installation: Installation) -> None:
    installation.organization()
    file = installation.file(VAULT)
    file.rotate_data_key(installation.provider)
    held = {path.name: path.read_bytes() for path in (file.path, file.escrow_path)}
    receipt = erase(installation)
    assert receipt.vault_id == VAULT
    assert receipt.erased_ms == 12_500
    assert receipt.complete
    assert receipt.data_key_versions == (1, 2)
    assert {(gone.name, gone.what) for gone in receipt.destroyed} == {
        (f"{VAULT}.json", "wrapped keys"),
        (f"{VAULT}.escrow", "escrow"),
    }
    for gone in receipt.destroyed:
        assert gone.size_bytes == len(held[gone.name])
        assert gone.sha256 == hashlib.sha256(held[gone.name]).hexdigest()
    for topic in ("master key", "recovery kit", "medium", "memory", "exports", "snapshots"):
        assert any(topic in sentence for sentence in receipt.not_proven), topic
    assert receipt.not_proven == NOT_PROVEN
    assert read_receipt(installation.keys, VAULT) == receipt


def test_the_keys_are_gone_for_good(installation: Installation) -> None:
    _, kit = installation.organization()
    file = installation.file(VAULT)
    copy = installation.home / "copy.escrow"
    copy.write_bytes(file.escrow_path.read_bytes())
    erase(installation)
    assert sorted(path.name for path in installation.keys.glob(f"*{VAULT}*")) == [
        f"{VAULT}.erased",
        f"{VAULT}.lock",
    ]
    provider = installation.provider
    for ask in (
        lambda: file.load(provider),
        file.describe,
        lambda: file.rotate_data_key(provider),
        lambda: file.create(provider),
        lambda: file.recover(kit, provider, escrow=copy),
        lambda: file.reseal_escrow(provider),
    ):
        with pytest.raises(KeyDenied, match="were destroyed"):
            ask()


def test_other_organizations_keep_their_keys(installation: Installation) -> None:
    installation.organization()
    keyring, _ = installation.organization(OTHER)
    erase(installation)
    assert installation.file(OTHER).load(installation.provider) == keyring
    assert installation.file(OTHER).escrow_problem() == ""
    assert read_receipt(installation.keys, OTHER) is None


def test_files_are_overwritten_before_they_are_removed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.organization()
    file = installation.file(VAULT)
    held = {path: path.read_bytes() for path in (file.path, file.escrow_path)}
    seen: list[Path] = []
    synced: set[int] = set()
    unlink, fsync = Path.unlink, os.fsync

    def watched(path: Path, missing_ok: bool = False) -> None:
        if path in held:
            now = path.read_bytes()
            assert len(now) == len(held[path])
            assert not any(
                now[start : start + 16] == held[path][start : start + 16] for start in range(0, len(now), 16)
            )
            assert path.stat().st_ino in synced
            seen.append(path)
        unlink(path, missing_ok=missing_ok)

    def noted(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(Path, "unlink", watched)
    monkeypatch.setattr(os, "fsync", noted)
    erase(installation)
    assert seen == [file.path, file.escrow_path]
    assert installation.keys.stat().st_ino in synced


def test_unfinished_copies_are_destroyed_too(installation: Installation) -> None:
    installation.organization()
    leftover = installation.keys / f".{VAULT}.json.0123456789abcdef~"
    leftover.write_bytes(installation.file(VAULT).path.read_bytes())
    receipt = erase(installation)
    assert not leftover.exists()
    assert leftover.name in [gone.name for gone in receipt.destroyed]


def test_a_hold_forbids_it(installation: Installation) -> None:
    keyring, _ = installation.organization()
    with pytest.raises(EraseRefused, match="legal hold"):
        erase_keys(installation.keys, VAULT, held=lambda: True)
    assert installation.file(VAULT).load(installation.provider) == keyring
    assert read_receipt(installation.keys, VAULT) is None


def test_a_hold_that_cannot_be_asked_for_forbids_it(installation: Installation) -> None:
    keyring, _ = installation.organization()

    def unknown() -> bool:
        raise StoreUnavailable("the vault does not answer")

    with pytest.raises(StoreUnavailable):
        erase_keys(installation.keys, VAULT, held=unknown)
    assert installation.file(VAULT).load(installation.provider) == keyring


def test_stopped_at_any_stage_it_refuses_the_keys_and_is_finished_by_another_run(
    installation: Installation, tmp_path: Path
) -> None:
    counter = StopAt()
    installation.organization()
    whole = erase(installation, step=counter)
    assert counter.stages == ["begun", "destroyed wrapped keys", "destroyed escrow", "complete"]
    for at in range(1, len(counter.stages) + 1):
        again = Installation.new(tmp_path / f"home {at}")
        again.organization()
        with pytest.raises(Stopped):
            erase(again, step=StopAt(at))
        with pytest.raises(KeyDenied, match="were destroyed"):
            again.file(VAULT).load(again.provider)
        begun = read_receipt(again.keys, VAULT)
        assert begun is not None
        assert begun.complete == (at == 4)
        receipt = erase_keys(
            again.keys, VAULT, held=lambda: pytest.fail("the vault cannot be asked any more")
        )
        assert receipt.complete
        assert [gone.name for gone in receipt.destroyed] == [gone.name for gone in whole.destroyed]
        assert receipt.data_key_versions == (1,)
        assert not again.file(VAULT).path.exists()
        assert not again.file(VAULT).escrow_path.exists()


def test_a_second_erase_gives_the_same_receipt(installation: Installation) -> None:
    installation.organization()
    first = erase(installation)
    assert erase_keys(installation.keys, VAULT, held=free, clock=lambda: 99.0) == first


def test_an_unknown_vault_is_not_erased(installation: Installation) -> None:
    installation.organization()
    with pytest.raises(NotFound):
        erase_keys(installation.keys, OTHER, held=free)
    assert read_receipt(installation.keys, OTHER) is None


def test_damaged_keys_are_erased_too(installation: Installation) -> None:
    installation.organization()
    installation.file(VAULT).path.write_bytes(b"damaged")
    receipt = erase(installation)
    assert receipt.data_key_versions == ()
    assert receipt.complete


def test_every_flipped_bit_of_the_receipt_is_noticed(installation: Installation) -> None:
    installation.organization()
    erase(installation)
    path = installation.file(VAULT).erased_path
    held = path.read_bytes()
    for bit in range(0, len(held) * 8, 3):
        flipped = bytearray(held)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(Integrity):
            read_receipt(installation.keys, VAULT)


def test_a_file_that_cannot_be_destroyed_is_said(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.organization()

    def fail(_path: Path, missing_ok: bool = False) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", fail)
        with pytest.raises(BackupdError):
            erase(installation)
    begun = read_receipt(installation.keys, VAULT)
    assert begun is not None
    assert not begun.complete
    assert erase(installation).complete


def test_a_rotation_of_the_master_key_passes_over_erased_vaults(installation: Installation) -> None:
    installation.organization()
    keyring, _ = installation.organization(OTHER)
    erase(installation)
    assert rotate_master_key(installation.master_path, installation.keys).vault_ids == (OTHER,)
    assert installation.file(OTHER).load(installation.provider) == keyring
