"""The recovery kit: 256 generated bits on paper that open an organization's escrow when all else is lost.

Its code is 60 characters of Crockford's base32 in 12 groups: 256 bits of seed and 44 bits of checksum, so
a typing error is noticed (all but one in 17,592,186,044,416) before any key is tried.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backupd.errors import UsageError

SEED_BYTES = 32

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_CODE_CHARACTERS = 60
_GROUP_CHARACTERS = 5
_GROUPS_A_LINE = 3
_CHECKSUM_BITS = 44
_TITLE = "BACKUPD RECOVERY KIT"
_CODE_INDENT = "    "
_PAGE = """{title}

Organization: {organization}
Vault:        {vault_id}

{code}

Keep this page on paper or offline, apart from the backups. It is shown once and stored nowhere.
Together with the file {vault_id}.escrow it opens every backup of this organization,
also when the master key is lost. Whoever holds both can read everything.

To use it: backupd keys recover
"""


class RecoveryKit:
    """The secret half of an escrow. Handed over once, never stored."""

    __slots__ = ("_private", "_seed")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError("a recovery kit has a seed of 32 bytes")
        self._seed = seed
        derived = HKDFExpand(SHA256(), 32, b"backupd recovery kit x25519").derive(seed)
        self._private = X25519PrivateKey.from_private_bytes(derived)

    @classmethod
    def generate(cls, random: Callable[[int], bytes]) -> RecoveryKit:
        """Return a new kit."""
        return cls(random(SEED_BYTES))

    @classmethod
    def parse(cls, text: str) -> RecoveryKit:
        """Return the kit of a typed code or of the whole printed page; raises UsageError naming the typing error."""
        if _TITLE in text:
            text = "".join(line for line in text.splitlines() if line.startswith(_CODE_INDENT))
        characters = [character for character in text.upper() if not character.isspace() and character != "-"]
        for place, character in enumerate(characters, 1):
            if character not in _VALUES:
                group = (place - 1) // _GROUP_CHARACTERS + 1
                raise UsageError(
                    f"The recovery code has a typing error in group {group}: {character!r} never occurs in it.",
                    hint="Compare it with the page and type it again.",
                )
        if len(characters) != _CODE_CHARACTERS:
            raise UsageError(
                f"The recovery code has {_CODE_CHARACTERS} characters; {len(characters)} were typed.",
                hint="Compare it with the page and type it again.",
            )
        number = 0
        for character in characters:
            number = number << 5 | _VALUES[character]
        seed = (number >> _CHECKSUM_BITS).to_bytes(SEED_BYTES, "big")
        if number & (1 << _CHECKSUM_BITS) - 1 != _checksum(seed):
            raise UsageError(
                "The recovery code has a typing error: a character is wrong or two are swapped.",
                hint="Compare it with the page and type it again.",
            )
        return cls(seed)

    @property
    def code(self) -> str:
        """The code to print: 12 groups of 5 characters, joined by hyphens."""
        number = int.from_bytes(self._seed, "big") << _CHECKSUM_BITS | _checksum(self._seed)
        characters = "".join(
            _ALPHABET[number >> 5 * place & 31] for place in reversed(range(_CODE_CHARACTERS))
        )
        starts = range(0, _CODE_CHARACTERS, _GROUP_CHARACTERS)
        return "-".join(characters[start : start + _GROUP_CHARACTERS] for start in starts)

    def page(self, *, vault_id: str, organization: str) -> str:
        """Return the text of the page to print; `parse` reads it back."""
        groups = self.code.split("-")
        starts = range(0, len(groups), _GROUPS_A_LINE)
        lines = (_CODE_INDENT + "-".join(groups[start : start + _GROUPS_A_LINE]) for start in starts)
        one_line = " ".join(organization.split())
        return _PAGE.format(title=_TITLE, organization=one_line, vault_id=vault_id, code="\n".join(lines))

    @property
    def public_key(self) -> bytes:
        """The 32-byte X25519 public key that escrows are sealed to."""
        return self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def private_key(self) -> X25519PrivateKey:
        """The X25519 key that opens escrows."""
        return self._private

    def __repr__(self) -> str:
        """Never show the code."""
        return "<RecoveryKit>"


def _checksum(seed: bytes) -> int:
    digest = hashlib.sha256(b"backupd recovery kit checksum" + seed).digest()
    return int.from_bytes(digest, "big") >> 256 - _CHECKSUM_BITS
