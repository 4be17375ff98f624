"""Where a blob is at home when several packs hold it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backupd.vault.maintenance.survey import Survey
from backupd.vault.pack import PackDirectory, PackFrame, PackRecord
from tests.unit.vault.maintenance.small_vault import Seeded


@pytest.fixture
def survey(tmp_path: Path) -> Iterator[Survey]:
    with Survey(tmp_path, Seeded("survey")) as made:
        made.mark([blob("a"), blob("b")])
        yield made


def blob(name: str) -> bytes:
    return name.encode().ljust(32, b".")


def pack(name: str, *blobs: str) -> PackRecord:
    directory = PackDirectory([PackFrame(44, 100, len(blobs))], b"".join(map(blob, blobs)), [10] * len(blobs))
    return PackRecord(blob(name), 1, b"s" * 32, 500, directory)


def test_a_doomed_pack_is_nobodys_home_while_another_has_the_blob(survey: Survey) -> None:
    survey.add_pack(pack("doomed", "a"), doomed=True)
    survey.add_pack(pack("other", "a", "x", "y", "z"), doomed=False)
    settle(survey, "doomed", "other")
    assert (survey.at_home(blob("doomed")), survey.at_home(blob("other"))) == (set(), {blob("a")})


def test_the_fuller_pack_is_the_home(survey: Survey) -> None:
    survey.add_pack(pack("sparse", "a", "x", "y"), doomed=False)
    survey.add_pack(pack("full", "a", "b"), doomed=False)
    settle(survey, "sparse", "full")
    assert survey.at_home(blob("full")) == {blob("a"), blob("b")}
    assert {state.id: state.live_share for state in survey.packs()} == {
        blob("sparse"): 0.0,
        blob("full"): 1.0,
    }


def test_a_pack_that_is_not_there_is_nobodys_home(survey: Survey) -> None:
    survey.add_pack(pack("gone", "a", "b"), doomed=False)
    survey.add_pack(pack("there", "a", "x", "y"), doomed=False)
    settle(survey, "there")
    assert survey.at_home(blob("there")) == {blob("a")}
    assert (survey.homeless(), survey.referenced(), survey.ghosts()) == (1, (1, 10), set())


def test_a_described_pack_that_is_gone_and_not_missed_is_a_ghost(survey: Survey) -> None:
    survey.add_pack(pack("gone", "a", "x"), doomed=False)
    survey.add_pack(pack("there", "a", "b"), doomed=False)
    settle(survey, "there")
    assert survey.ghosts() == {blob("gone")}


def test_nothing_is_left_on_disk(survey: Survey, tmp_path: Path) -> None:
    assert list(tmp_path.iterdir()) == []


def settle(survey: Survey, *present: str) -> None:
    for name in present:
        assert survey.see(blob(name))
    assert not survey.see(blob("never heard of"))
    survey.settle()
