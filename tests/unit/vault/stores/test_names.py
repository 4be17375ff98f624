"""The grammar of names against an independent statement of it."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.vault.stores.names import check_name, check_prefix, is_part

LEGAL = set(string.ascii_lowercase + string.digits + "-_.")


def legal(name: str) -> bool:
    parts = name.split("/")
    return (
        len(name) <= 400
        and ".." not in name
        and all(part and part != "." and len(part) <= 255 and set(part) <= LEGAL for part in parts)
    )


def accepted(name: str) -> bool:
    try:
        check_name(name)
    except ValueError:
        return False
    return True


@given(st.text("ab./_-A~\n\0 é", max_size=12))
def test_exactly_the_grammar_is_accepted(name: str) -> None:
    assert accepted(name) == legal(name)
    if "/" not in name:
        assert is_part(name) == legal(name)


@given(st.text(max_size=30))
def test_any_text_is_judged_the_same(name: str) -> None:
    assert accepted(name) == legal(name)


@pytest.mark.parametrize("length", [255, 256, 400, 401])
@pytest.mark.parametrize("shape", ["a", "a/", "ab/cd"])
def test_long_names(length: int, shape: str) -> None:
    name = (shape * length)[:length]
    assert accepted(name) == legal(name)


@given(st.text("ab./_-", max_size=8), st.integers(0, 8))
def test_every_beginning_of_a_name_is_a_prefix(name: str, end: int) -> None:
    if legal(name):
        check_prefix(name[:end])


@given(st.text("ab./_-A~\n", max_size=8))
def test_a_prefix_that_begins_no_name_is_refused(prefix: str) -> None:
    possible = not prefix or any(legal(prefix + rest) for rest in ("", "a"))
    try:
        check_prefix(prefix)
        assert possible
    except ValueError:
        assert not possible
