"""Every text a reader can meet is there in every language, with the same blanks to fill in."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from statuspage.detection.watching import NAMES, TEXTS
from statuspage.i18n import Catalogs, full_time, percent
from statuspage.pages import words
from statuspage.pages.kit import TEMPLATES

CATALOGS = Catalogs.load()
SAME_EVERYWHERE = {
    "Status",
    "Pages",
    "Feeds",
    "Sites",
    "Website",
    "Maintenance",
    "Performance",
    "Downloads",
    "Confirm",
}


def used() -> set[str]:
    """The texts of the public templates and of the closed sets of words."""
    found = {
        text
        for file in TEMPLATES.rglob("*.*")
        if "operator" not in file.parts
        for text in re.findall(r'\bt\("((?:[^"\\]|\\.)+)"', file.read_text())
    }
    found |= {word for table in words.ALL_WORDS for word in table.values()}
    return found | set(NAMES.values()) | set(TEXTS.values())


@pytest.mark.parametrize("language", ["de", "fr", "ja"])
def test_nothing_is_left_in_english(language: str) -> None:
    missing = {text for text in used() if text not in CATALOGS.messages(language)}
    assert missing == set()


@pytest.mark.parametrize("language", ["de", "fr", "ja"])
def test_blanks_are_the_same(language: str) -> None:
    for source, text in CATALOGS.messages(language).items():
        assert set(re.findall(r"{\w+}", source)) == set(re.findall(r"{\w+}", text)), source


def test_a_time_has_the_year_and_the_zone_in_every_language() -> None:
    at = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    shown = {
        language: full_time(at, ZoneInfo("Europe/Berlin"), language) for language in ("en", "de", "fr", "ja")
    }
    assert shown == {
        "en": "July 2, 2026, 00:30 CEST",
        "de": "2. Juli 2026, 00:30 CEST",
        "fr": "2 juillet 2026, 00:30 CEST",
        "ja": "2026年7月2日 00:30 CEST",
    }


def test_a_share_below_a_hundred_is_never_rounded_up_to_it() -> None:
    assert percent(0.999999, "en") == "99.99%" and percent(1.0, "en") == "100.00%"


def test_vendored_files_are_what_they_say() -> None:
    folder = Path(__file__).parents[2] / "statuspage" / "assets" / "vendor"
    listed = [line.split() for line in (folder / "VENDORED.txt").read_text().splitlines() if line[:1] != "#"]
    assert {row[1] for row in listed} == {
        file.name for file in folder.iterdir() if file.suffix in (".js", ".css")
    }
    for digest, name, *_ in listed:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    assert len(list(folder.glob("*.LICENSE.txt"))) == 2
