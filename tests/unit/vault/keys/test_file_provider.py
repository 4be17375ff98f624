"""The master key file: made once, private, and every way it can be wrong told apart."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.errors import BackupdError, Integrity, KeyDenied, KeyUnavailable, UsageError
from backupd.vault.keys.file_provider import FileKeyProvider
from backupd.vault.keys.master_key import MasterKey, read_master_key, write_master_key
from tests.unit.vault.keys.installation import in_child, stream

CONTEXT = {"vault": "v", "purpose": "data key", "version": "1"}
KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "master.key"


@pytest.fixture
def provider(path: Path) -> FileKeyProvider:
    return FileKeyProvider.create(path)


def test_the_file_is_private_and_never_overwritten(path: Path, provider: FileKeyProvider) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    held = path.read_bytes()
    with pytest.raises(UsageError, match="already a master key"):
        FileKeyProvider.create(path)
    assert path.read_bytes() == held
    assert os.listdir(path.parent) == ["master.key"]


def test_wrapped_keys_come_back(provider: FileKeyProvider) -> None:
    wrapped = provider.wrap(KEY, CONTEXT)
    assert provider.unwrap(wrapped, dict(reversed(CONTEXT.items()))) == KEY
    assert KEY not in wrapped
    assert provider.wrap(KEY, CONTEXT) != wrapped


@given(st.binary(max_size=100), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4))
def test_anything_wrapped_comes_back(plain: bytes, context: dict[str, str]) -> None:
    provider = FileKeyProvider(Path(__file__).with_name("master-key-of-the-tests.txt"))
    assert provider.unwrap(provider.wrap(plain, context), context) == plain


def test_the_file_format_stays_readable() -> None:
    key = read_master_key(Path(__file__).with_name("master-key-of-the-tests.txt"))
    assert key.key == bytes(range(32))


@pytest.mark.parametrize(
    "changed", [{"vault": "w"}, {"purpose": "naming key"}, {"version": "2"}, {"more": ""}]
)
def test_another_context_does_not_open(provider: FileKeyProvider, changed: dict[str, str]) -> None:
    with pytest.raises(Integrity):
        provider.unwrap(provider.wrap(KEY, CONTEXT), CONTEXT | changed)


def test_every_flipped_bit_of_a_wrapped_key_is_noticed(provider: FileKeyProvider) -> None:
    wrapped = provider.wrap(KEY, CONTEXT)
    for bit in range(len(wrapped) * 8):
        flipped = bytearray(wrapped)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises((Integrity, KeyDenied)) as caught:
            provider.unwrap(bytes(flipped), CONTEXT)
        # The bits of the master key's id make it look like another master key's work.
        assert (type(caught.value) is KeyDenied) == (8 <= bit < 72)


@pytest.mark.parametrize("length", [0, 1, 36, 60])
def test_a_truncated_wrapped_key_is_damaged(provider: FileKeyProvider, length: int) -> None:
    with pytest.raises(Integrity):
        provider.unwrap(provider.wrap(KEY, CONTEXT)[:length], CONTEXT)


def test_another_master_key_is_denied(tmp_path: Path, provider: FileKeyProvider) -> None:
    other = FileKeyProvider.create(tmp_path / "other.key")
    with pytest.raises(KeyDenied, match="holds another one"):
        other.unwrap(provider.wrap(KEY, CONTEXT), CONTEXT)


def test_an_absent_file_is_unavailable(path: Path, provider: FileKeyProvider) -> None:
    wrapped = provider.wrap(KEY, CONTEXT)
    path.rename(path.with_name("elsewhere"))
    for ask in (
        lambda: provider.unwrap(wrapped, CONTEXT),
        lambda: provider.wrap(KEY, CONTEXT),
        provider.master_key_id,
    ):
        with pytest.raises(KeyUnavailable, match="is not there"):
            ask()


def test_a_folder_in_its_place_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable, match="cannot be read right now"):
        FileKeyProvider(tmp_path).master_key_id()


def test_a_file_that_may_not_be_read_is_denied(path: Path, provider: FileKeyProvider) -> None:
    def ask() -> None:
        os.chdir(path.parent)
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        try:
            FileKeyProvider(Path("master.key")).master_key_id()
        except KeyDenied as error:
            os._exit(7 if "may not be read" in error.message else 1)

    path.parent.chmod(0o755)
    path.chmod(0o000)
    assert in_child(ask) == -7


def test_every_flipped_bit_of_the_secret_part_is_damage(path: Path, provider: FileKeyProvider) -> None:
    held = path.read_bytes()
    start = held.index(b"\nid: ")
    for bit in range(start * 8, len(held) * 8):
        flipped = bytearray(held)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(Integrity):
            read_master_key(path)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\0" * 100,
        b"\xff\xfe",
        b"-----BEGIN PRIVATE KEY-----\n",
        b"backupd master key, format 1\nid: 0\n",
    ],
)
def test_another_file_is_no_master_key(path: Path, provider: FileKeyProvider, text: bytes) -> None:
    path.write_bytes(text)
    with pytest.raises(Integrity, match="is not a master key file"):
        provider.master_key_id()


def test_a_truncated_file_is_damaged(path: Path, provider: FileKeyProvider) -> None:
    held = path.read_bytes()
    for length in range(0, len(held) - 1, 7):
        path.write_bytes(held[:length])
        with pytest.raises(Integrity):
            provider.master_key_id()


def test_line_ends_of_another_system_do_no_harm(path: Path, provider: FileKeyProvider) -> None:
    before = provider.master_key_id()
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert provider.master_key_id() == before


@pytest.mark.parametrize(
    ("mode", "exposed"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o620, True)]
)
def test_a_file_open_to_others_is_warned_of_once(
    path: Path, provider: FileKeyProvider, caplog: pytest.LogCaptureFixture, mode: int, exposed: bool
) -> None:
    path.chmod(mode)
    with caplog.at_level(logging.WARNING):
        provider.unwrap(provider.wrap(KEY, CONTEXT), CONTEXT)
    assert len(caplog.records) == exposed
    assert bool(provider.exposure()) == exposed
    assert f"{mode:04o}" in provider.exposure() or not exposed


def test_an_absent_file_is_not_exposed(path: Path) -> None:
    assert FileKeyProvider(path).exposure() == ""


def test_the_key_is_not_shown(path: Path) -> None:
    assert KEY.hex() not in repr(MasterKey(KEY))
    write_master_key(path, MasterKey(KEY), random=stream("temp"))
    path.write_bytes(path.read_bytes().replace(b"id: ", b"id: 0"))
    with pytest.raises(BackupdError) as caught:
        read_master_key(path)
    assert KEY.hex() not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)])
def test_a_master_key_has_32_bytes(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        MasterKey(key)
