"""Region files: the three ship, a fourth is one more file, and a broken one names its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from regions import loader
from regions.loader import FOLDER, RegionError, load


@pytest.mark.parametrize("name", ["amer", "emea", "apac"])
def test_the_three_regions_load(name: str) -> None:
    region = load(name)
    assert [component.key for component in region.components] == ["website", "backups", "restores"]
    assert set(region.languages) == {"en", "de", "fr", "ja"}
    assert region.zone.key == region.time_zone
    assert region.place_outside in loader.names() and region.place_outside != name


def test_component_ids_differ_between_regions() -> None:
    ids = [component.id for name in loader.names() for component in load(name).components]
    assert len(set(ids)) == 9


@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        ('time_zone = "Europe/Berlin"', 'time_zone = "Europe/Atlantis"', "IANA time zone"),
        ('id = "p9q5g1vt7chz"', 'id = "short"', "12 lower-case"),
        ('id = "p9q5g1vt7chz"', 'id = "b2n6y8dk4wxr"', "used by two"),
        ("publish = true", "publihs = true", "unknown key"),
        ("min_share = 0.02\ndegraded", "min_share = 2\ndegraded", "share above 0"),
        ('component = "restores"', 'component = "restore"', "must be one of"),
        ('url = "https://emea.backupd.example/healthz"', 'url = "ftp://x"', "http or https"),
        ('name.fr = "Sauvegardes"', 'name.it = "Backup"', "unknown language"),
        ('vantages = ["virginia", "singapore"]', 'vantages = ["virginia"]', "two or more"),
        ("unverified_after_s = 900", "unverified_after_s = -1", "above 0"),
        ('host = "status-emea.backupd.example"', 'host = "http://x/"', "host name"),
        ('languages = ["en", "de", "fr", "ja"]', "languages = [", "not valid TOML"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, good: str, bad: str, problem: str) -> None:
    text = (FOLDER / "emea.toml").read_text()
    assert good in text
    broken = text.replace(good, bad, 1)
    (tmp_path / "emea.toml").write_text(broken)
    with pytest.raises(RegionError, match=problem) as caught:
        load("emea", tmp_path)
    at = text[: text.index(good)].count("\n") + 1
    assert caught.value.line is not None and str(tmp_path / "emea.toml") in str(caught.value)
    if problem != "not valid TOML":  # the parser finds an open bracket only where it gives up
        assert caught.value.line == at


def test_a_missing_text_names_the_table(tmp_path: Path) -> None:
    text = (FOLDER / "emea.toml").read_text().replace('ja = "欧州・中東・アフリカ"\n', "")
    (tmp_path / "emea.toml").write_text(text)
    with pytest.raises(RegionError, match="no text in 'ja'") as caught:
        load("emea", tmp_path)
    assert caught.value.line == text[: text.index("[title]")].count("\n") + 1


def test_a_broken_neighbour_stops_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "emea.toml").write_text((FOLDER / "emea.toml").read_text())
    (tmp_path / "amer.toml").write_text("name = ")
    assert load("emea", tmp_path).name == "emea"
    with pytest.raises(RegionError):
        load("amer", tmp_path)


def test_a_fourth_region_is_one_more_file(tmp_path: Path) -> None:
    (tmp_path / "nordic.toml").write_text((FOLDER / "emea.toml").read_text().replace('"emea"', '"nordic"', 1))
    assert load("nordic", tmp_path).name == "nordic"


def test_an_unknown_region_tells_the_known_ones() -> None:
    with pytest.raises(RegionError, match="known: amer, apac, emea"):
        load("atlantis")


@pytest.mark.parametrize("name", ["../emea", "EMEA", ""])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(RegionError, match="region name"):
        load(name)
