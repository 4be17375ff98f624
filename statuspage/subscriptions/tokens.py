"""Signed links. What a link may do is part of its signature; nothing about it is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from itsdangerous import BadSignature, SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from statuspage.errors import Invalid
from statuspage.store.subscribers import Subscriber

CONFIRM_S, MANAGE_S = 48 * 3600, 90 * 24 * 3600


class Links:
    """Makes and reads the tokens of one site."""

    def __init__(self, secret: str, clock: Callable[[], datetime]) -> None:
        class Signer(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(clock().timestamp())

        self._serializers = {
            purpose: URLSafeTimedSerializer(
                secret,
                salt=f"status-{purpose}",
                signer=Signer,
                signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
            )
            for purpose in ("confirm", "manage", "unsubscribe", "bounce")
        }

    def confirm(self, subscriber: Subscriber) -> str:
        """Confirms one sign-up, within two days."""
        return self._sign("confirm", [subscriber.id, _mark(subscriber.address)])

    def unsubscribe(self, subscriber_id: int, address: str) -> str:
        """Ends one subscription; does not expire, since mail is kept for years."""
        return self._sign("unsubscribe", [subscriber_id, _mark(address)])

    def manage(self, owner: str) -> str:
        """Opens the manage page of one owner, for ninety days."""
        return self._sign("manage", owner)

    def bounce(self, delivery_id: int) -> str:
        """Marks the envelope of one delivery, so that a bounce names it and cannot be made up."""
        return hashlib.blake2b(self._sign_key(delivery_id), digest_size=6).hexdigest()

    def read_confirm(self, token: str) -> tuple[int, str]:
        """The subscriber's id and the mark of his address."""
        found = self._read("confirm", token, CONFIRM_S)
        return found[0], found[1]

    def read_unsubscribe(self, token: str) -> tuple[int, str]:
        """The subscriber's id and the mark of his address."""
        found = self._read("unsubscribe", token, None)
        return found[0], found[1]

    def read_manage(self, token: str) -> str:
        """The owner's address."""
        return str(self._read("manage", token, MANAGE_S))

    def _sign_key(self, delivery_id: int) -> bytes:
        serializer = self._serializers["bounce"]
        signer = serializer.make_signer(serializer.salt)
        return signer.derive_key() + str(delivery_id).encode()

    def _sign(self, purpose: str, value: Any) -> str:
        return str(self._serializers[purpose].dumps(value))

    def _read(self, purpose: str, token: str, max_age_s: int | None) -> Any:
        try:
            return self._serializers[purpose].loads(token, max_age=max_age_s)
        except SignatureExpired:
            raise Invalid("This link has expired. Ask for a new one on the subscription page.") from None
        except BadSignature:
            raise Invalid(
                "This link is not valid. Copy it whole from the message, or ask for a new one."
            ) from None


def _mark(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def marks(subscriber: Subscriber, mark: str) -> bool:
    """Whether a token's mark is of this subscriber's address."""
    return _mark(subscriber.address) == mark
