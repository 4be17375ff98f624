"""Letters to one person: confirm, manage, quarantine, and to operators: a draft waits, the public waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import regions.loader
from statuspage.errors import Invalid
from statuspage.pages.kit import Kit
from statuspage.settings import Settings
from statuspage.store.subscribers import Subscriber
from statuspage.subscriptions.tokens import Links

Written = tuple[str, list[str], str, str]


class Letters:
    """Subject, text and HTML of each kind of letter."""

    def __init__(self, settings: Settings, kit: Kit, links: Links) -> None:
        self._settings, self._kit, self._links = settings, kit, links
        self._region = regions.loader.load(settings.region, settings.regions_folder)

    def write(self, letter: dict[str, Any]) -> tuple[str, str, str]:
        """Subject, plain text and HTML."""
        language = letter["language"]
        writers: dict[str, Callable[[dict[str, Any], str], Written]] = {
            "confirm": self._confirm,
            "manage": self._manage,
            "quarantined": self._quarantined,
            "draft_waits": self._draft_waits,
            "public_waits": self._public_waits,
        }
        if letter["kind"] not in writers:
            raise Invalid(f"There is no letter of the kind {letter['kind']!r}.")
        subject, paragraphs, label, link = writers[letter["kind"]](letter, language)
        values = {
            "subject": subject,
            "paragraphs": paragraphs,
            "label": label,
            "link": link,
            "region": self._region,
        }
        text, html = (
            self._kit.render(
                f"mail/letter.{kind}", language, self._region.languages, ZoneInfo("UTC"), **values
            ).decode()
            for kind in ("txt", "html")
        )
        return subject, text, html

    def _t(self, language: str, text: str, **values: object) -> str:
        return self._kit.catalogs.translate(language, text, **values)

    def _link(self, language: str, path: str) -> str:
        return f"{self._settings.base_url}/{language}/subscription/{path}"

    def _confirm(self, letter: dict[str, Any], language: str) -> Written:
        subscriber = Subscriber(id=letter["subscriber_id"], address=letter["address"])
        about = (
            letter["address"] if letter["channel"] == "email" else f"{letter['channel']}: {letter['address']}"
        )
        region = self._region.titles.get(language, self._region.name)
        return (
            self._t(language, "Confirm your subscription to backupd {region}", region=region),
            [
                self._t(
                    language, "Somebody, we hope you, asked for status updates to {address}.", address=about
                ),
                self._t(
                    language,
                    "Nothing is sent until you confirm. The link works for two days; if it was not "
                    "you, do nothing and the address is forgotten.",
                ),
            ],
            self._t(language, "Confirm"),
            self._link(language, f"confirm/{self._links.confirm(subscriber)}"),
        )

    def _manage(self, letter: dict[str, Any], language: str) -> Written:
        return (
            self._t(language, "Your backupd status subscriptions"),
            [
                self._t(
                    language,
                    "With this link you change, export or delete your subscriptions. It works for "
                    "ninety days; keep it to yourself.",
                )
            ],
            self._t(language, "Manage subscriptions"),
            self._link(language, f"manage/{self._links.manage(letter['owner'])}"),
        )

    def _quarantined(self, letter: dict[str, Any], language: str) -> Written:
        return (
            self._t(language, "Your status webhook has been paused"),
            [
                self._t(
                    language,
                    "We could not deliver to {address}: {reason}",
                    address=letter["address"],
                    reason=letter["reason"],
                ),
                self._t(language, "Nothing more is sent there. Once it answers again, subscribe it anew."),
            ],
            self._t(language, "Manage subscriptions"),
            self._link(language, f"manage/{self._links.manage(letter['owner'])}"),
        )

    def _draft_waits(self, letter: dict[str, Any], language: str) -> Written:
        return (
            f"[{self._region.name}] A draft waits for you: {letter['name']}",
            [
                f"Detection opened a draft {letter['minutes']} minutes ago and nobody has taken it on.",
                "Publish it, acknowledge it or discard it; this letter repeats until somebody does.",
            ],
            "Open the draft",
            f"{self._settings.base_url}/operator/incidents/{letter['incident_id']}",
        )

    def _public_waits(self, letter: dict[str, Any], language: str) -> Written:
        return (
            f"[{self._region.name}] The public has heard nothing for {letter['minutes']} minutes: "
            f"{letter['name']}",
            [
                "An incident is open and its last update is old. Say what is being done, even if nothing is new."
            ],
            "Write an update",
            f"{self._settings.base_url}/operator/incidents/{letter['incident_id']}",
        )
