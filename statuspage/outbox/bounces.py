"""Reads what mail servers send back: delivery failures (RFC 3464) and complaints (RFC 5965)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from hmac import compare_digest

from sqlalchemy.orm import Session

from statuspage.errors import Invalid, NotFound
from statuspage.settings import Settings
from statuspage.store.outbox import Delivery
from statuspage.store.subscribers import Subscriber
from statuspage.subscriptions.desk import SubscriptionDesk
from statuspage.subscriptions.tokens import Links

_ENVELOPE = re.compile(r"\+b(\d{1,18})\.([0-9a-f]{12})@")


@dataclass(frozen=True, slots=True)
class Report:
    """What came back: the delivery it is about, whether it is final, and why."""

    delivery_id: int
    mark: str
    final: bool
    complaint: bool
    reason: str


def read(raw: bytes) -> Report:
    """The report in a raw message. Raises :class:`Invalid` when it is none, or names no delivery of ours."""
    message = message_from_bytes(raw, policy=policy.default)
    found = next(
        (
            match
            for header in ("X-Original-To", "Delivered-To", "To", "Envelope-To", "X-Failed-Recipients")
            for value in message.get_all(header, [])
            if (match := _ENVELOPE.search(str(value)))
        ),
        None,
    )
    if found is None:
        raise Invalid("This message is not addressed to the envelope of one of our mails.")
    delivery_id, mark = int(found[1]), found[2]
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "message/feedback-report":
            return Report(delivery_id, mark, True, True, "the recipient complained")
        if kind == "message/delivery-status":
            final, reason = _status(part)
            return Report(delivery_id, mark, final, False, reason)
    raise Invalid("This message is neither a delivery report nor a complaint.")


def _status(part: Message | EmailMessage) -> tuple[bool, str]:
    blocks = part.get_payload()
    for block in blocks if isinstance(blocks, list) else []:
        if not isinstance(block, Message):
            continue
        action, status = str(block.get("Action", "")).lower(), str(block.get("Status", ""))
        if action or status:
            diagnostic = str(block.get("Diagnostic-Code", ""))[:200]
            return action == "failed" and status.startswith("5"), f"{status} {diagnostic}".strip()
    return False, "no status given"


def apply(session: Session, settings: Settings, links: Links, report: Report, now: datetime) -> bool:
    """Quarantines the address of a final failure or complaint; whether it did. A made-up envelope is refused."""
    if not compare_digest(links.bounce(report.delivery_id), report.mark):
        raise Invalid("The envelope's signature is not ours.")
    delivery = session.get(Delivery, report.delivery_id)
    subscriber = (
        session.get(Subscriber, delivery.subscriber_id) if delivery and delivery.subscriber_id else None
    )
    if subscriber is None:
        raise NotFound("The subscriber of this delivery is no longer there.")
    if not report.final:
        return False
    SubscriptionDesk(session, settings, now).quarantine(subscriber, report.reason)
    return True
