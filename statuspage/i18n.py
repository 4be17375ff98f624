"""Translations and dates. Catalogs are plain .po files read at start; nothing is compiled or generated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_timedelta
from babel.messages.pofile import read_po
from babel.numbers import format_percent

FOLDER = Path(__file__).parent / "locale"
DEFAULT = "en"


class Catalogs:
    """The texts of the site in every language; English is the source and needs no catalog."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        self._texts = {language: dict(found) for language, found in texts.items()}

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Catalogs:
        """Reads every ``<language>.po`` of a folder."""
        texts: dict[str, dict[str, str]] = {}
        for path in sorted(folder.glob("*.po")):
            with path.open("rb") as file:
                catalog = read_po(file, locale=path.stem)
            texts[path.stem] = {
                str(message.id): str(message.string) for message in catalog if message.id and message.string
            }
        return cls(texts)

    def translate(self, language: str, text: str, **values: object) -> str:
        """``text`` in a language, or as it is where there is no translation, with ``{names}`` filled in."""
        found = self._texts.get(language, {}).get(text, text)
        return found.format(**values) if values else found

    def in_all(self, languages: tuple[str, ...], text: str, **values: object) -> dict[str, str]:
        """``text`` in each of some languages."""
        return {language: self.translate(language, text, **values) for language in languages}

    def messages(self, language: str) -> Mapping[str, str]:
        """All translated messages of a language."""
        return self._texts.get(language, {})


@lru_cache(maxsize=4_096)
def _date_in_words(day: date, language: str) -> str:
    # Babel takes longer over a date than over all else on a line of history, and dates repeat.
    patterns = {"en": "MMMM d, y,", "de": "d. MMMM y,", "fr": "d MMMM y,", "ja": "y年M月d日"}
    return format_date(day, patterns[language], locale=Locale.parse(language))


def full_time(at: datetime, zone: ZoneInfo, language: str) -> str:
    """An instant in words, always with the year and the zone."""
    local = at.astimezone(zone)
    # The zone's usual letters; Babel would write most zones as an offset in most languages.
    return f"{_date_in_words(local.date(), language)} {local:%H:%M} {local.tzname()}"


def utc_time(at: datetime) -> str:
    """An instant's time in UTC, to stand beside the region's own."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


@lru_cache(maxsize=4_096)
def long_date(day: date, language: str) -> str:
    """A calendar day in words."""
    return format_date(day, "long", locale=Locale.parse(language))


def month_name(day: date, language: str) -> str:
    """A month with its year."""
    return format_date(day, "y年M月" if language == "ja" else "MMMM y", locale=Locale.parse(language))


def duration(seconds: float, language: str) -> str:
    """A length of time in words, rounded to its largest unit."""
    return format_timedelta(timedelta(seconds=seconds), threshold=1.5, locale=Locale.parse(language))


def percent(share: float, language: str) -> str:
    """A share as a percentage with two decimals; never rounded up to a hundred."""
    shown = min(share, 0.9999) if share < 1 else share
    return format_percent(
        shown, "#,##0.00 %" if language in ("de", "fr") else "#,##0.00%", locale=Locale.parse(language)
    )
