"""What every document is made with: templates, translations, assets, and the site's fixed links."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from statuspage import i18n
from statuspage.domain.texts import pick
from statuspage.i18n import Catalogs
from statuspage.pages import words
from statuspage.pages.assets import Assets
from statuspage.pages.markdown import Markdown

TEMPLATES = Path(__file__).parents[2] / "templates" / "status"


@dataclass(frozen=True, slots=True)
class Kit:
    """Built once per process; holds nothing that changes with the data."""

    environment: Environment
    catalogs: Catalogs
    markdown: Markdown
    assets: Assets
    imprint_url: str
    privacy_url: str
    sites: Mapping[str, tuple[str, Mapping[str, str]]]

    @classmethod
    def build(
        cls,
        *,
        imprint_url: str,
        privacy_url: str,
        sites: Mapping[str, tuple[str, Mapping[str, str]]],
        templates: Path = TEMPLATES,
    ) -> Kit:
        """Reads templates, catalogs and assets from the package. ``sites`` maps a region to its address and titles."""
        environment = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=100,
        )
        return cls(environment, Catalogs.load(), Markdown(), Assets(), imprint_url, privacy_url, sites)

    @property
    def digest(self) -> str:
        """Changes when templates, texts, assets or links do, and with it every document."""
        found = hashlib.sha256()
        for file in sorted(Path(str(self.environment.loader.searchpath[0])).rglob("*.*")):  # type: ignore[union-attr]
            found.update(file.read_bytes())
        for path in sorted(self.assets.by_path):
            found.update(path.encode())
        found.update(repr((self.imprint_url, self.privacy_url, sorted(self.sites.items()))).encode())
        found.update(
            repr([sorted(self.catalogs.messages(one).items()) for one in ("de", "fr", "ja")]).encode()
        )
        return found.hexdigest()[:16]

    def render(
        self, template: str, language: str, languages: tuple[str, ...], zone: ZoneInfo, **values: Any
    ) -> bytes:
        """A template as UTF-8, with the functions every template may use."""
        return (
            self.environment.get_template(template)
            .render(**self.functions(language, languages, zone), **values)
            .encode()
        )

    def functions(self, language: str, languages: tuple[str, ...], zone: ZoneInfo) -> dict[str, Any]:
        """Translation, texts with their language, and dates, bound to one language and zone."""

        def t(text: str, **values: object) -> str:
            return self.catalogs.translate(language, text, **values)

        return {
            "t": t,
            "language": language,
            "asset": self.assets.url,
            "words": words,
            "text": _text(language, languages),
            "prose": self._prose(language, languages),
            "plain": lambda texts: pick(texts, language, languages).text,
            "time": _time(language, zone),
            "full_time": lambda at: i18n.full_time(at, zone, language),
            "local": lambda at: at.astimezone(zone),
            "long_date": lambda day: i18n.long_date(day, language),
            "month_name": lambda day: i18n.month_name(day, language),
            "duration": lambda seconds: i18n.duration(seconds, language),
            "percent": lambda share: i18n.percent(share, language),
            "imprint_url": self.imprint_url,
            "privacy_url": self.privacy_url,
            "sites": self.sites,
        }

    def _prose(self, language: str, languages: tuple[str, ...]) -> Callable[[Mapping[str, str]], Markup]:
        def prose(texts: Mapping[str, str]) -> Markup:
            found = pick(texts, language, languages)
            lang = f' lang="{escape(found.language)}"' if found.language != language else ""
            # Put together by hand: Markup.format took a third of a long history's time.
            cleaned = self.markdown.html(found.text)
            return Markup(f'<div class="prose"{lang}>{cleaned}</div>')  # noqa: S704 (an allow-list cleaned it)

        return prose


def _text(language: str, languages: tuple[str, ...]) -> Callable[[Mapping[str, str]], Markup]:
    def text(texts: Mapping[str, str]) -> Markup:
        found = pick(texts, language, languages)
        if found.language == language:
            return escape(found.text)
        return Markup('<span lang="{}">{}</span>').format(found.language, found.text)

    return text


def _time(language: str, zone: ZoneInfo) -> Callable[[datetime], Markup]:
    def time(at: datetime) -> Markup:
        # Region's zone for the eye, UTC beside it, and a machine's form that the script turns into the reader's own.
        machine = at.isoformat(timespec="seconds").replace("+00:00", "Z")
        shown = f"{i18n.full_time(at, zone, language)} <small>({i18n.utc_time(at)})</small>"
        return Markup(f'<time datetime="{machine}">{shown}</time>')  # noqa: S704 (nothing in it is anybody's text)

    return time
