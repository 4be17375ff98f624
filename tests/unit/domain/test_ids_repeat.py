"""Ids name rows for years: they must not repeat, and must say what they name."""

import secrets

from backupd.domain.ids import ACCOUNT, RUN, is_id, new_id


def test_ids_differ_by_all_of_the_randomness() -> None:
    ids = {new_id(RUN, lambda size, n=n: n.to_bytes(size, "big")) for n in range(4096)}
    assert len(ids) == 4096


def test_an_id_says_what_it_names() -> None:
    made = new_id(ACCOUNT, secrets.token_bytes)
    assert is_id(made, ACCOUNT)
    assert not is_id(made, RUN)
    assert not is_id(made + "x", ACCOUNT)
    assert not is_id(made[:-1] + "l", ACCOUNT)
