"""What is posted to webhooks, Slack and Microsoft Teams, and how a webhook is signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from statuspage.domain.texts import pick
from statuspage.errors import Invalid
from statuspage.outbox.claims import Claimed
from statuspage.pages.api import Api, stamp
from statuspage.pages.words import COMPONENT_WORDS, EVENT_WORDS
from statuspage.store.outbox import COMPONENT_EVENT
from statuspage.subscriptions.tokens import Links
from statuspage.view.values import IncidentView, PageView, UpdateView

Translate = Callable[..., str]


def sign(secret: str, message_id: str, at_s: int, body: bytes) -> str:
    """The ``webhook-signature`` of Standard Webhooks: HMAC-SHA256 over ``id.timestamp.body``."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{at_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Poster:
    """Bodies and headers for the channels that are posted to."""

    def __init__(
        self,
        base_url: str,
        links: Links,
        translate: Translate,
        page: Callable[[], PageView],
        event: Callable[[str], IncidentView | None],
    ) -> None:
        self._base_url, self._links, self._translate = base_url, links, translate
        self._page, self._event = page, event

    def request(self, one: Claimed, now: datetime) -> tuple[bytes, dict[str, str]]:
        """Body and headers for a claimed delivery."""
        assert one.incident_id is not None
        page, event = self._page(), self._event(one.incident_id)
        if event is None:
            raise Invalid("The incident is no longer published.")
        update = next((said for said in event.updates if said.id == one.update_id), event.updates[0])
        headers = {"Content-Type": "application/json", "User-Agent": "backupd-status/1"}
        if one.channel == "slack":
            return _json(self.slack(page, event, update, one.language)), headers
        if one.channel == "teams":
            return _json(self.teams(page, event, update, one.language)), headers
        body = _json(self.webhook(page, event, update, one))
        at_s = int(now.timestamp())
        message_id = f"{one.notification_id}.{one.subscriber_id}"
        return body, {
            **headers,
            "webhook-id": message_id,
            "webhook-timestamp": str(at_s),
            "webhook-signature": sign(one.secret, message_id, at_s, body),
        }

    def webhook(
        self, page: PageView, event: IncidentView, update: UpdateView, one: Claimed
    ) -> dict[str, Any]:
        """Statuspage's payload of an incident or of a component's change."""
        api, zone = Api(page, one.language), page.region.zone
        assert one.subscriber_id is not None
        token = self._links.unsubscribe(one.subscriber_id, one.address)
        body: dict[str, Any] = {
            "meta": {
                "unsubscribe": f"{self._base_url}/{one.language}/subscription/unsubscribe/{token}",
                "documentation": f"{self._base_url}/subscribe",
                # Of the notification, not of the attempt: a retry carries the same bytes.
                "generated_at": stamp(one.created_at, zone),
            },
            "page": {
                "id": page.id,
                "status_indicator": str(page.indicator),
                "status_description": page.description,
            },
        }
        if one.event != COMPONENT_EVENT:
            return {**body, "incident": api.event(event)}
        component = page.component(one.component_ids[0])
        if component is None:
            raise Invalid("The component is no longer published.")
        old, new = update.components[component.id]
        return {
            **body,
            "component": {**api.component(component), "status": new},
            "component_update": {
                "id": one.notification_id,
                "old_status": old,
                "new_status": new,
                "created_at": stamp(update.created_at, zone),
                "component_type": "Component",
                "component_id": component.id,
            },
        }

    def slack(self, page: PageView, event: IncidentView, update: UpdateView, language: str) -> dict[str, Any]:
        """A Slack message: a line for the notification, blocks for the channel."""
        title, status, body, lines, link = self._parts(page, event, update, language)
        safe = [
            part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            for part in (title, body, *lines)
        ]
        return {
            "text": f"{status}: {safe[0]}",
            "blocks": [
                {
                    "type": "section",
                    "text": {"type": "mrkdwn", "text": f"*{status}: <{link}|{safe[0]}>*\n{safe[1]}"[:2_900]},
                },
                {"type": "context", "elements": [{"type": "mrkdwn", "text": " · ".join(safe[2:])[:1_900]}]},
            ],
        }

    def teams(self, page: PageView, event: IncidentView, update: UpdateView, language: str) -> dict[str, Any]:
        """A Microsoft Teams message with an adaptive card, as its workflows take it."""
        title, status, body, lines, link = self._parts(page, event, update, language)
        card = {
            "type": "AdaptiveCard",
            "$schema": "https://adaptivecards.io/schemas/adaptive-card.json",
            "version": "1.4",
            "body": [
                {
                    "type": "TextBlock",
                    "size": "Medium",
                    "weight": "Bolder",
                    "wrap": True,
                    "text": f"{status}: {title}",
                },
                {"type": "TextBlock", "wrap": True, "text": body[:20_000]},
                {"type": "TextBlock", "isSubtle": True, "wrap": True, "text": " · ".join(lines)},
            ],
            "actions": [
                {
                    "type": "Action.OpenUrl",
                    "url": link,
                    "title": self._translate(language, "Read it on the status page"),
                }
            ],
        }
        return {
            "type": "message",
            "attachments": [
                {
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "contentUrl": None,
                    "content": card,
                }
            ],
        }

    def _parts(
        self, page: PageView, event: IncidentView, update: UpdateView, language: str
    ) -> tuple[str, str, str, list[str], str]:
        languages = page.region.languages
        lines = [f"backupd {pick(page.region.titles, language, languages).text}"]
        for component in page.components:
            pair = update.components.get(component.id)
            if event.page_wide or component.id in event.component_ids:
                name = pick(component.texts.names, language, languages).text
                lines.append(
                    name + (f": {self._translate(language, COMPONENT_WORDS[pair[1]])}" if pair else "")
                )
        return (
            pick(event.names, language, languages).text,
            self._translate(language, EVENT_WORDS[update.status]),
            pick(update.bodies, language, languages).text,
            lines,
            f"{self._base_url}/{language}/incidents/{event.id}",
        )


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
