"""What wraps an organization's keys: a local master key file today, a key management service tomorrow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol


class KeyProvider(Protocol):
    """Wraps and unwraps 32-byte keys. Safe between threads.

    The context names what is wrapped (vault, purpose, version). It is authenticated but not stored: the same
    context must be given to unwrap. (AWS KMS calls it the encryption context.)
    """

    @property
    def kind(self) -> str:
        """The provider's name in keyring files: `file`, later `aws-kms`."""

    def wrap(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        """Return `plain` sealed under the provider's present master key.

        Raises KeyUnavailable (try later), KeyDenied (never will) or Integrity (the master key is damaged).
        """

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Return what was wrapped under this context.

        Raises KeyUnavailable (the master key cannot be had now), KeyDenied (it is refused, or it is another
        key than the one that wrapped this) or Integrity (the wrapped bytes or their context were changed).
        """


def context_bytes(context: Mapping[str, str]) -> bytes:
    """Return the one byte string that stands for `context` as additional data."""
    return json.dumps(dict(context), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
