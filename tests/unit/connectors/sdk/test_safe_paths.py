"""Whatever a name says, its path stays below, and what was a legal name comes back exactly."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.sdk.safe_paths import (
    PortableNames,
    exact_name,
    portable_name,
    safe_relative_path,
    with_suffix,
)

anything = st.text(st.one_of(st.characters(), st.sampled_from("/\\.:\0 \n~*?\udcff\ud800")), max_size=300)
bytes_names = st.binary(min_size=1, max_size=255).filter(lambda raw: b"\0" not in raw and b"/" not in raw)


@given(st.lists(anything, max_size=6), st.booleans())
@example([], True)
@example(["", ".", "..", "/", "\0"], False)
def test_a_safe_path_is_relative_and_has_no_step_up(parts: list[str], portable: bool) -> None:
    safe = safe_relative_path(parts, portable=portable)
    assert len(safe) == max(1, len(parts))
    for name in safe:
        raw = os.fsencode(name)
        assert 0 < len(raw) <= 255
        assert name not in (".", "..") and not set("/\0") & set(name)
    assert safe_relative_path(safe, portable=portable) == safe


@given(bytes_names)
def test_a_legal_name_is_exactly_itself(raw: bytes) -> None:
    if raw not in (b".", b".."):
        assert os.fsencode(exact_name(os.fsdecode(raw))) == raw


@given(anything)
@example("NUL.txt")
@example("com1")
@example("COM¹.log")
@example(" . . ")
@example("x" * 254 + ". ")
@example("a\u202etxt.exe")
def test_a_portable_name_works_everywhere(name: str) -> None:
    safe = portable_name(name)
    assert not set('<>:"/\\|?*') & set(safe)
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Co", "Zl", "Zp") for char in safe)
    assert "\u202e" not in safe
    assert not safe.endswith((".", " "))
    stem = safe.partition(".")[0].rstrip().upper()
    assert stem not in ("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$")
    assert not (stem[:3] in ("COM", "LPT") and stem[3:] in tuple("0123456789¹²³"))


@pytest.mark.parametrize(
    "name",
    ["Report 2020.docx", "日本語.eml", "a\u00a0b", "👩\u200d👩\u200d👧.png", ".profile", "CONTRACT.pdf"],
)
def test_ordinary_names_stay_themselves(name: str) -> None:
    assert portable_name(name) == exact_name(name) == name


def test_long_names_keep_their_extension_and_stay_different() -> None:
    one, other = exact_name("ä" * 300 + "1.docx"), exact_name("ä" * 300 + "2.docx")
    assert one != other
    assert one.endswith(".docx") and other.endswith(".docx")
    assert 200 < len(os.fsencode(one)) <= 255
    assert one.startswith("ä" * 100)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x.eml", "x (2).eml"),
        ("x", "x (2)"),
        (".profile", ".profile (2)"),
        ("a.tar.gz", "a.tar (2).gz"),
        ("no. extension here at all", "no. extension here at all (2)"),
    ],
)
def test_a_suffix_goes_before_the_extension(name: str, expected: str) -> None:
    assert with_suffix(name, " (2)") == expected


def test_a_suffix_makes_no_name_too_long() -> None:
    assert len(os.fsencode(with_suffix("ü" * 127 + ".eml", " (restored 12)"))) <= 255


def test_paths_that_differ_in_case_or_composition_only_are_kept_apart() -> None:
    names = PortableNames()
    given_out = [
        names.claim(path)
        for path in (
            ("Mail", "a.eml"),
            ("mail", "A.EML"),
            ("Mail", "caf\u00e9.eml"),
            ("Mail", "cafe\u0301.eml"),
            ("Mail", "a.eml"),
            ("Mail", "a (2).eml"),
            ("Mail", "stra\u00dfe"),
            ("Mail", "STRASSE"),
        )
    ]
    folded = {unicodedata.normalize("NFC", "/".join(path)).casefold() for path in given_out}
    assert len(folded) == len(given_out)
    assert given_out[0] == ("Mail", "a.eml")
    assert given_out[1] == ("mail", "A (2).EML")


def test_a_file_and_a_folder_of_the_same_name_are_kept_apart() -> None:
    names = PortableNames()
    assert names.claim(("x",)) == ("x",)
    assert names.claim(("X", "inside")) == ("X (2)", "inside")
    assert names.claim(("X", "other")) == ("X (2)", "other")
    assert names.claim_folder(("y",)) == ("y",) == names.claim_folder(("y",))
    assert names.claim(("Y",)) == ("Y (2)",)


@given(
    st.lists(
        st.lists(
            st.sampled_from(["a", "A", "b", "a (2)", "\u00e9", "e\u0301", "NUL", "_NUL"]),
            min_size=1,
            max_size=3,
        )
    )
)
def test_no_two_files_get_the_same_place(paths: list[list[str]]) -> None:
    names = PortableNames()
    files: set[str] = set()
    folders: set[str] = set()
    for path in paths:
        claimed = [unicodedata.normalize("NFC", part).casefold() for part in names.claim(path)]
        file = "/".join(claimed)
        assert file not in files
        files.add(file)
        folders |= {"/".join(claimed[:depth]) for depth in range(1, len(claimed))}
    assert not files & folders
