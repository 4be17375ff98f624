"""Signed links. What a link may do is part of its signature; nothing about it is stored."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from statuspage.errors import Invalid
from statuspage.store.subscribers import Subscriber

CONFIRM_S, MANAGE_S = 48 * 3600, 90 * 24 * 3600
PURPOSES = ("confirm", "manage", "unsubscribe")


class Links:
    """Makes and reads the tokens of one site. A token carries its own end, so that making it again gives it again."""

    def __init__(self, secret: str, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._bounce_key = hashlib.sha256(f"status-bounce:{secret}".encode()).digest()
        # itsdangerous signs with SHA-1 unless told otherwise.
        options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
        self._serializers = {
            purpose: URLSafeSerializer(secret, salt=f"status-{purpose}", signer_kwargs=options)
            for purpose in PURPOSES
        }

    def confirm(self, subscriber: Subscriber) -> str:
        """Confirms one sign-up, within two days."""
        until_s = int(self._clock().timestamp()) + CONFIRM_S
        return self._sign("confirm", [subscriber.id, _mark(subscriber.address), until_s])

    def unsubscribe(self, subscriber_id: int, address: str) -> str:
        """Ends one subscription; does not expire, since mail is kept for years."""
        return self._sign("unsubscribe", [subscriber_id, _mark(address)])

    def manage(self, owner: str, at: datetime | None = None) -> str:
        """Opens the manage page of one owner, for ninety days from ``at`` (now, if not given)."""
        return self._sign("manage", [owner, int((at or self._clock()).timestamp()) + MANAGE_S])

    def bounce(self, delivery_id: int) -> str:
        """Marks the envelope of one delivery, so that a bounce names it and cannot be made up."""
        return hmac.new(self._bounce_key, str(delivery_id).encode(), hashlib.sha256).hexdigest()[:12]

    def read_confirm(self, token: str) -> tuple[int, str]:
        """The subscriber's id and the mark of his address."""
        subscriber_id, mark, until_s = self._read("confirm", token, 3)
        self._check(until_s)
        return subscriber_id, mark

    def read_unsubscribe(self, token: str) -> tuple[int, str]:
        """The subscriber's id and the mark of his address."""
        subscriber_id, mark = self._read("unsubscribe", token, 2)
        return subscriber_id, mark

    def read_manage(self, token: str) -> str:
        """The owner's address."""
        owner, until_s = self._read("manage", token, 2)
        self._check(until_s)
        return str(owner)

    def _sign(self, purpose: str, value: list[Any]) -> str:
        return str(self._serializers[purpose].dumps(value))

    def _read(self, purpose: str, token: str, length: int) -> list[Any]:
        try:
            found = self._serializers[purpose].loads(token)
        except BadData:
            found = None
        if not isinstance(found, list) or len(found) != length:
            raise Invalid("This link is not valid. Copy it whole from the message, or ask for a new one.")
        return found

    def _check(self, until_s: int) -> None:
        if self._clock().timestamp() > until_s:
            raise Invalid("This link has expired. Ask for a new one on the subscription page.")


def _mark(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def marks(subscriber: Subscriber, mark: str) -> bool:
    """Whether a token's mark is of this subscriber's address."""
    return _mark(subscriber.address) == mark
