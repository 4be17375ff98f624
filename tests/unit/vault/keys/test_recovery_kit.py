"""The recovery kit: what is printed is read back, and what is mistyped is noticed."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backupd.errors import UsageError
from backupd.vault.keys.recovery_kit import RecoveryKit
from tests.unit.vault.keys.installation import stream

SEEDS = st.binary(min_size=32, max_size=32)
KIT = RecoveryKit(bytes(range(32)))
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def test_the_code_is_twelve_groups_of_five() -> None:
    assert re.fullmatch(rf"([{CROCKFORD}]{{5}}-){{11}}[{CROCKFORD}]{{5}}", KIT.code)


def test_the_code_and_its_keys_never_change() -> None:
    assert KIT.code == "000G4-0R40M-30E20-9185G-R38E1-W8124-GK2GA-HC5RR-34D1P-70X3R-FGHN5-QQ0DH"
    assert KIT.public_key.hex() == "ad7e76de17dd1d483d2509314cbbd57a6a56698c1ef4841c27c4c8fb6dfaf850"


@given(SEEDS)
def test_a_code_is_read_back(seed: bytes) -> None:
    kit = RecoveryKit(seed)
    typed = kit.code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    for text in (kit.code, typed, kit.code.replace("-", ""), f"  {kit.code}\n", kit.code.replace("1", "I")):
        assert RecoveryKit.parse(text).code == kit.code
        assert RecoveryKit.parse(text).public_key == kit.public_key


@given(SEEDS, st.text(max_size=40))
def test_the_page_is_read_back(seed: bytes, organization: str) -> None:
    kit = RecoveryKit(seed)
    page = kit.page(vault_id="0" * 32, organization=organization)
    assert RecoveryKit.parse(page).code == kit.code
    assert RecoveryKit.parse(page.replace("\n", "\r\n")).code == kit.code


def test_the_page_says_whose_it_is() -> None:
    page = KIT.page(vault_id="ab" * 16, organization="Müller & Söhne")
    assert "Müller & Söhne" in page
    assert "ab" * 16 in page
    assert max(len(line) for line in page.splitlines()) <= 110


@settings(max_examples=5)
@given(SEEDS)
def test_every_wrong_character_is_noticed(seed: bytes) -> None:
    kit = RecoveryKit(seed)
    same = str.maketrans("OIL", "011")
    for place, right in enumerate(kit.code):
        for wrong in string.ascii_uppercase + string.digits:
            if right == "-" or wrong.translate(same) == right:
                continue
            with pytest.raises(UsageError, match="typing error"):
                RecoveryKit.parse(kit.code[:place] + wrong + kit.code[place + 1 :])


@given(SEEDS)
def test_every_swap_of_neighbours_is_noticed(seed: bytes) -> None:
    code = RecoveryKit(seed).code.replace("-", "")
    for place in range(len(code) - 1):
        if code[place] == code[place + 1]:
            continue
        with pytest.raises(UsageError, match="typing error"):
            RecoveryKit.parse(code[:place] + code[place + 1] + code[place] + code[place + 2 :])


@given(SEEDS, st.integers(0, 11), st.integers(0, 11))
def test_every_swap_of_groups_is_noticed(seed: bytes, one: int, other: int) -> None:
    groups = RecoveryKit(seed).code.split("-")
    if groups[one] == groups[other]:
        return
    groups[one], groups[other] = groups[other], groups[one]
    with pytest.raises(UsageError, match="typing error"):
        RecoveryKit.parse("-".join(groups))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 were typed"),
        (KIT.code[:-1], "59 were typed"),
        (KIT.code + "0", "61 were typed"),
        (KIT.code[:12] + "U" + KIT.code[13:], "group 3: 'U'"),
        (KIT.code[:-1] + "é", "group 12: 'É'"),
        ("hello", "5 were typed"),
        ("BACKUPD RECOVERY KIT without a code", "0 were typed"),
    ],
)
def test_a_typing_error_is_named(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        RecoveryKit.parse(text)


def test_kits_differ_and_are_not_shown() -> None:
    random = stream("kits")
    one, other = RecoveryKit.generate(random), RecoveryKit.generate(random)
    assert one.code != other.code
    assert one.public_key != other.public_key
    assert one.code[:5] not in repr(one)
    with pytest.raises(ValueError, match="32 bytes"):
        RecoveryKit(bytes(16))


@given(SEEDS, st.integers(0, 255))
def test_every_bit_of_the_seed_matters(seed: bytes, bit: int) -> None:
    flipped = bytearray(seed)
    flipped[bit // 8] ^= 1 << bit % 8
    assert RecoveryKit(bytes(flipped)).public_key != RecoveryKit(seed).public_key
