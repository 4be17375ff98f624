"""Reads one region's TOML file and refuses a broken one with the file and line at fault.

A region is one file in this folder (or in a folder the caller names): adding a file adds a region, no code changes.
Only the file that is asked for is read, so a mistake in one region never stops another.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from regions.lines import line_of

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "de", "fr", "ja")
COMPONENT_KEYS = ("website", "backups", "restores")
_NAME = re.compile(r"[a-z][a-z0-9-]{1,20}")
_COMPONENT_ID = re.compile(r"[a-z0-9]{12}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?")


class RegionError(ValueError):
    """A region file that cannot be used; the message names the file and, where known, the line."""

    def __init__(self, path: Path, line: int | None, problem: str) -> None:
        where = f"{path}:{line}" if line else str(path)
        super().__init__(f"{where}: {problem}")
        self.path, self.line, self.problem = path, line, problem


@dataclass(frozen=True, slots=True)
class Component:
    """One published component: a stable key and id, and its texts by language."""

    key: str
    id: str
    names: Mapping[str, str]
    descriptions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Probe:
    """One endpoint to probe over HTTP on behalf of a component."""

    component: str
    url: str
    expect_status: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Detection:
    """Thresholds for one component; see docs/status-detection.md for how they are applied."""

    publish: bool
    min_organizations: int
    min_share: float
    degraded_below: float
    partial_below: float
    major_below: float
    max_lag_s: float
    max_queue_age_s: float


@dataclass(frozen=True, slots=True)
class Region:
    """Everything a regional site knows about its region before it opens its database."""

    name: str
    titles: Mapping[str, str]
    host: str
    time_zone: str
    languages: tuple[str, ...]
    residency: Mapping[str, str]
    place_outside: str
    components: tuple[Component, ...]
    probes: tuple[Probe, ...]
    vantages: tuple[str, ...]
    detection: Mapping[str, Detection]
    unverified_after_s: int

    @property
    def zone(self) -> ZoneInfo:
        """The region's time zone; day boundaries on the site are this zone's."""
        return ZoneInfo(self.time_zone)


def names(folder: Path = FOLDER) -> list[str]:
    """The names of all regions that have a file, sorted; the files are not read."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def load(name: str, folder: Path = FOLDER) -> Region:
    """The region called ``name``; raises :class:`RegionError` naming the line at fault."""
    path = folder / f"{name}.toml"
    if not _NAME.fullmatch(name):
        raise RegionError(path, None, f"a region name is lower-case letters, digits and '-', not {name!r}")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = ", ".join(names(folder)) or "none"
        raise RegionError(path, None, f"no such region (known: {known})") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RegionError(path, None, f"cannot be read: {error}") from None
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise RegionError(path, line, f"not valid TOML: {error}") from None
    return _Reader(path, text, table).region(name)


class _Reader:
    """Walks the parsed table; each complaint carries the line of the value it is about."""

    def __init__(self, path: Path, text: str, table: dict[str, Any]) -> None:
        self._path, self._text, self._table = path, text, table

    def fail(self, where: tuple[str | int, ...], problem: str) -> RegionError:
        dotted = ".".join(str(part) for part in where)
        return RegionError(self._path, line_of(self._text, where), f"{dotted}: {problem}")

    def get(self, where: tuple[str | int, ...], kind: type | tuple[type, ...], default: Any = None) -> Any:
        value: Any = self._table
        for part in where:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                if default is not None:
                    return default
                raise self.fail(where, "is missing") from None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            expected = kind.__name__ if isinstance(kind, type) else "number"
            raise self.fail(where, f"must be a {expected}, not {value!r}")
        return value

    def texts(self, where: tuple[str | int, ...], languages: tuple[str, ...]) -> Mapping[str, str]:
        found = self.get(where, dict)
        for language, text in found.items():
            if language not in LANGUAGES:
                raise self.fail((*where, language), f"unknown language (known: {', '.join(LANGUAGES)})")
            if not isinstance(text, str) or not text.strip():
                raise self.fail((*where, language), "must be a text that is not empty")
        for language in languages:
            if language not in found:
                raise self.fail(where, f"has no text in {language!r}, a language of this region")
        return dict(found)

    def region(self, name: str) -> Region:
        if self.get(("name",), str) != name:
            raise self.fail(("name",), f"must equal the file's name, {name!r}")
        host = self.get(("host",), str)
        if not _HOST.fullmatch(host):
            raise self.fail(("host",), f"is not a host name: {host!r}")
        zone = self.get(("time_zone",), str)
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise self.fail(("time_zone",), f"is not an IANA time zone: {zone!r}") from None
        languages = self.languages()
        self.refuse_unknown(
            (),
            {
                "name",
                "title",
                "host",
                "time_zone",
                "languages",
                "residency",
                "place_outside",
                "components",
                "probes",
                "vantages",
                "detection",
                "unverified_after_s",
            },
        )
        components = tuple(self.component(key, languages) for key in COMPONENT_KEYS)
        self.refuse_unknown(("components",), set(COMPONENT_KEYS))
        ids = [component.id for component in components]
        for index, (key, id_) in enumerate(zip(COMPONENT_KEYS, ids, strict=True)):
            if id_ in ids[:index]:
                raise self.fail(("components", key, "id"), f"{id_!r} is used by two components")
        return Region(
            name=name,
            titles=self.texts(("title",), languages),
            host=host,
            time_zone=zone,
            languages=languages,
            residency=self.texts(("residency",), languages),
            place_outside=self.get(("place_outside",), str),
            components=components,
            probes=tuple(self.probe(i) for i in range(len(self.get(("probes",), list)))),
            vantages=self.vantages(),
            detection={key: self.rule(key) for key in COMPONENT_KEYS},
            unverified_after_s=int(self.positive(("unverified_after_s",))),
        )

    def languages(self) -> tuple[str, ...]:
        found = self.get(("languages",), list)
        for index, language in enumerate(found):
            if language not in LANGUAGES:
                raise self.fail(
                    ("languages", index), f"unknown language {language!r} (known: {', '.join(LANGUAGES)})"
                )
        if not found or len(set(found)) != len(found):
            raise self.fail(("languages",), "must name each language once, and at least one")
        return tuple(found)

    def vantages(self) -> tuple[str, ...]:
        found = self.get(("vantages",), list)
        if (
            len(found) < 2
            or len(set(found)) != len(found)
            or not all(isinstance(one, str) and one for one in found)
        ):
            raise self.fail(("vantages",), "must name two or more different vantage points")
        return tuple(found)

    def component(self, key: str, languages: tuple[str, ...]) -> Component:
        where = ("components", key)
        id_ = self.get((*where, "id"), str)
        if not _COMPONENT_ID.fullmatch(id_):
            raise self.fail((*where, "id"), f"must be 12 lower-case letters or digits, not {id_!r}")
        self.refuse_unknown(where, {"id", "name", "description"})
        return Component(
            key, id_, self.texts((*where, "name"), languages), self.texts((*where, "description"), languages)
        )

    def probe(self, index: int) -> Probe:
        where = ("probes", index)
        component = self.get((*where, "component"), str)
        if component not in COMPONENT_KEYS:
            raise self.fail(
                (*where, "component"), f"must be one of {', '.join(COMPONENT_KEYS)}, not {component!r}"
            )
        url = self.get((*where, "url"), str)
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise self.fail((*where, "url"), f"must be an http or https address, not {url!r}")
        self.refuse_unknown(where, {"component", "url", "expect_status", "timeout_s"})
        return Probe(
            component,
            url,
            int(self.get((*where, "expect_status"), int, 200)),
            self.positive((*where, "timeout_s"), 10),
        )

    def rule(self, key: str) -> Detection:
        where = ("detection", key)
        shares = {}
        for share, default in (
            ("degraded_below", 0.97),
            ("partial_below", 0.85),
            ("major_below", 0.50),
            ("min_share", 0.02),
        ):
            value = float(self.get((*where, share), (int, float), default))
            if not 0 < value <= 1:
                raise self.fail((*where, share), f"must be a share above 0 and up to 1, not {value}")
            shares[share] = value
        if not shares["major_below"] < shares["partial_below"] < shares["degraded_below"]:
            raise self.fail(where, "needs major_below < partial_below < degraded_below")
        self.refuse_unknown(where, {*shares, "publish", "min_organizations", "max_lag_s", "max_queue_age_s"})
        return Detection(
            publish=self.get((*where, "publish"), bool, False) is True,
            min_organizations=int(self.positive((*where, "min_organizations"), 2)),
            max_lag_s=self.positive((*where, "max_lag_s"), 21_600),
            max_queue_age_s=self.positive((*where, "max_queue_age_s"), 3_600),
            **shares,
        )

    def positive(self, where: tuple[str | int, ...], default: float | None = None) -> float:
        value = float(self.get(where, (int, float), default))
        if value <= 0:
            raise self.fail(where, f"must be above 0, not {value}")
        return value

    def refuse_unknown(self, where: tuple[str | int, ...], known: set[str]) -> None:
        # A misspelt key would otherwise be a default silently kept.
        for key in self.get(where, dict):
            if key not in known:
                raise self.fail((*where, key), f"unknown key (known: {', '.join(sorted(known))})")
