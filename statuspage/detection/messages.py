"""The ingest protocol: what a measurement message is, and whether it may be believed. docs/status-ingest.md."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from regions.loader import COMPONENT_KEYS
from statuspage.errors import Forbidden, Invalid

TOLERANCE_S = 300
OLDEST = timedelta(days=92)
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=10**9)]


class Measurement(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One workload in one window, or one probe (``vantage`` set, one attempt)."""

    component: Name
    workload: Name
    measured_at: datetime
    attempts: Count
    failures: Count
    organizations_affected: Count
    organizations_total: Count
    lag_s: Seconds | None = None
    queue_age_s: Seconds | None = None
    vantage: Annotated[str, msgspec.Meta(max_length=40)] = ""


class Message(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A signed batch of measurements of one region."""

    region: Name
    measurements: Annotated[list[Measurement], msgspec.Meta(min_length=1, max_length=5_000)]


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str:
    """The message's id, if one of the secrets signed it lately. Raises :class:`Forbidden` otherwise."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if (
        not message_id
        or len(message_id) > 128
        or not stamp.isascii()
        or not stamp.isdigit()
        or len(stamp) > 12
    ):
        raise Forbidden("The headers webhook-id and webhook-timestamp are missing or malformed.")
    skew_s = int(stamp) - now.timestamp()
    if abs(skew_s) > TOLERANCE_S:
        raise Forbidden(
            f"The message is signed {abs(skew_s):.0f} s in the {'future' if skew_s > 0 else 'past'}; "
            f"at most {TOLERANCE_S} s are accepted. Check both clocks."
        )
    signed = f"{message_id}.{stamp}.".encode() + body
    given = [
        one.removeprefix("v1,") for one in headers.get("webhook-signature", "").split(" ") if one[:3] == "v1,"
    ]
    for secret in secrets:
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            continue
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if any(hmac.compare_digest(wanted.encode(), one.encode()) for one in given):
            return message_id
    raise Forbidden("The signature is not one of a known sender.")


def decode(body: bytes, region: str, now: datetime) -> Message:
    """The measurements of a believed message; refuses what contradicts itself, the region or the calendar."""
    try:
        message = msgspec.json.decode(body, type=Message)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Invalid(f"The message is not as docs/status-ingest.md has it: {error}") from None
    if message.region != region:
        raise Invalid(f"This site reports on {region}, not on {message.region}.")
    for index, one in enumerate(message.measurements):
        where = f"measurements[{index}]"
        if one.component not in COMPONENT_KEYS:
            raise Invalid(f"{where}.component must be one of {', '.join(COMPONENT_KEYS)}.")
        if one.measured_at.tzinfo is None:
            raise Invalid(f"{where}.measured_at has no time zone.")
        if one.measured_at.astimezone(UTC) > now + timedelta(seconds=TOLERANCE_S):
            raise Invalid(f"{where}.measured_at lies in the future.")
        if one.measured_at.astimezone(UTC) < now - OLDEST:
            raise Invalid(f"{where}.measured_at is more than {OLDEST.days} days ago.")
        if one.failures > one.attempts or one.organizations_affected > one.organizations_total:
            raise Invalid(f"{where} counts more failures than attempts, or more affected than there are.")
    return message
