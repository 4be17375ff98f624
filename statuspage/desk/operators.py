"""Operators: accounts with argon2 and one-time codes, sign-in, API tokens."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import select
from sqlalchemy.orm import Session

from statuspage.errors import Forbidden, Invalid, NotFound
from statuspage.store.base import new_id
from statuspage.store.operators import ApiToken, AuditEntry, Operator
from statuspage.subscriptions import addresses

SHORTEST_PASSWORD, STEP_S = 12, 30
REFUSED = "The address, the password or the code is wrong."


class OperatorDesk:
    """Everything about operators, bound to one transaction and one instant."""

    def __init__(self, session: Session, now: datetime, hasher: PasswordHasher | None = None) -> None:
        self._session, self._now = session, now
        self._hasher = hasher or PasswordHasher()

    def add(self, email: str, password: str, actor: str) -> Operator:
        """Creates an operator; his ``totp_secret`` is shown once, by the caller."""
        if len(password) < SHORTEST_PASSWORD:
            raise Invalid(
                f"A password has at least {SHORTEST_PASSWORD} characters.", {"password": "is too short"}
            )
        address = addresses.email(email)
        if self._session.scalar(select(Operator.id).where(Operator.email == address)):
            raise Invalid("There is an operator with this address already.", {"email": "is taken"})
        operator = Operator(
            id=new_id(),
            email=address,
            password_hash=self._hasher.hash(password),
            totp_secret=pyotp.random_base32(),
            created_at=self._now,
        )
        self._session.add(operator)
        self._record(actor, "operator.add", address)
        return operator

    def sign_in(self, email: str, password: str, code: str) -> Operator:
        """The operator, if password and one-time code are right; one answer for all that may be wrong.

        The same work is done for an unknown address, and a code counts once.
        """
        operator = self._session.scalar(
            select(Operator).where(Operator.email == email.strip().lower())
        ) or self._session.scalar(select(Operator).where(Operator.email == email.strip()))
        stored = operator.password_hash if operator else self._hasher.hash(secrets.token_hex(8))
        try:
            self._hasher.verify(stored, password)
            right = operator is not None and not operator.disabled
        except (VerifyMismatchError, InvalidHashError):
            right = False
        step = self._step(operator, code) if operator else None
        if operator is None or not right or step is None:
            self._record(email[:254], "sign_in.refused", "")
            raise Forbidden(REFUSED)
        operator.totp_step = step
        if self._hasher.check_needs_rehash(operator.password_hash):
            operator.password_hash = self._hasher.hash(password)
        self._record(operator.email, "sign_in", operator.id)
        return operator

    def disable(self, email: str, actor: str) -> None:
        """Ends an operator's access at once: sessions and tokens too."""
        operator = self._by_email(email)
        operator.disabled = True
        operator.session_epoch += 1
        self._record(actor, "operator.disable", operator.email)

    def issue_token(self, email: str, label: str, actor: str) -> str:
        """A new API token, told only now."""
        operator = self._by_email(email)
        token = "bst_" + secrets.token_urlsafe(32)
        self._session.add(
            ApiToken(
                id=new_id(),
                operator_id=operator.id,
                label=label[:80],
                token_hash=_digest(token),
                created_at=self._now,
            )
        )
        self._record(actor, "token.issue", operator.email, label=label[:80])
        return token

    def by_token(self, token: str) -> Operator:
        """The operator whose token this is."""
        row = self._session.scalar(select(ApiToken).where(ApiToken.token_hash == _digest(token)))
        operator = self._session.get(Operator, row.operator_id) if row else None
        if row is None or operator is None or operator.disabled:
            raise Forbidden("The token is not valid.")
        row.used_at = self._now
        return operator

    def _step(self, operator: Operator, code: str) -> int | None:
        # One step of clock skew either way; a step at or before the last one used is a replay.
        current = int(self._now.timestamp()) // STEP_S
        totp = pyotp.TOTP(operator.totp_secret)
        for step in (current, current - 1, current + 1):
            if step > operator.totp_step and pyotp.utils.strings_equal(code.strip(), totp.at(step * STEP_S)):
                return step
        return None

    def _by_email(self, email: str) -> Operator:
        found = self._session.scalar(select(Operator).where(Operator.email == email))
        if found is None:
            raise NotFound(f"There is no operator {email!r}.")
        return found

    def _record(self, actor: str, action: str, target: str, **detail: str) -> None:
        self._session.add(AuditEntry(at=self._now, actor=actor, action=action, target=target, detail=detail))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
