"""Signs mail with DKIM (RFC 6376, rsa-sha256, relaxed/relaxed).

Our own, because the library that verifies in our tests signs an RSA key in pure Python at some 60 mails a second, and
a drain of a hundred thousand needs ten times that. Tests verify every signature with that library.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from statuspage.errors import SettingsError

# Headers that steer where an answer or an unsubscription goes must not be exchangeable.
SIGNED = (
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "auto-submitted",
)
_SPACES = re.compile(rb"[ \t]+")


class Signer:
    """Signs with one key under one selector."""

    def __init__(self, key: rsa.RSAPrivateKey, domain: str, selector: str) -> None:
        self._key, self._domain, self._selector = key, domain, selector

    @classmethod
    def read(cls, path: Path, domain: str, selector: str) -> Signer:
        """Reads a PEM key; refuses one that receivers would not accept."""
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise SettingsError(
                f"STATUS_DKIM_KEY={path} cannot be read as a PEM private key: {error}"
            ) from None
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < 1024:
            raise SettingsError(f"STATUS_DKIM_KEY={path} must be an RSA key of at least 1024 bits.")
        return cls(key, domain, selector)

    def header(self, headers: list[tuple[str, str]], body: bytes, at_s: int) -> str:
        """The value of the DKIM-Signature header for a message whose lines end in CRLF."""
        digest = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode()
        present = [name for name in SIGNED if any(name == key.lower() for key, _ in headers)]
        # Naming From twice keeps anybody from adding a second one.
        names = ":".join(["from", *present])
        value = (
            f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={self._domain}; s={self._selector}; t={at_s};\r\n"
            f" h={names};\r\n bh={digest};\r\n b="
        )
        by_name = {key.lower(): text for key, text in headers}
        signed = b"".join(relaxed_header(name, by_name[name]) + b"\r\n" for name in present)
        signed += relaxed_header("dkim-signature", value)
        signature = base64.b64encode(self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())).decode()
        return value + "\r\n ".join(signature[at : at + 72] for at in range(0, len(signature), 72))


def relaxed_header(name: str, value: str) -> bytes:
    """A header in relaxed canonical form, without its line end."""
    unfolded = value.replace("\r\n", "").encode()
    return name.lower().encode() + b":" + _SPACES.sub(b" ", unfolded).strip()


def relaxed_body(body: bytes) -> bytes:
    """A body in relaxed canonical form."""
    lines = [_SPACES.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"\r\n".join(lines) + b"\r\n" if lines else b""
