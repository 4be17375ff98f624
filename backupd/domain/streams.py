"""The name of a stream: `<connection id>/<account id>/<service>`.

Connection ids and services are our own words. An account id is the source's and may hold any character,
so `/`, `%`, control characters and everything beyond printable ASCII is written as `%` and two hexadecimal
digits per byte of UTF-8 (lone surrogates, as in file names of no encoding, included). One stream has exactly one name.
"""

from __future__ import annotations

from typing import NamedTuple

from backupd.errors import UsageError

_PLAIN = frozenset(chr(code) for code in range(0x20, 0x7F)) - set("/%")


class StreamName(NamedTuple):
    """The three parts of a stream's name; `account` is the source's id of the account, unescaped."""

    connection: str
    account: str
    service: str

    def __str__(self) -> str:
        return f"{self.connection}/{_escape(self.account)}/{self.service}"

    @classmethod
    def parse(cls, text: str) -> StreamName:
        """Return the parts of a name made by `str()`; `UsageError` for anything else."""
        parts = text.split("/")
        if len(parts) == 3 and all(parts):
            name = cls(parts[0], _unescape(parts[1]), parts[2])
            if str(name) == text:
                return name
        raise UsageError(f"{text!r} is not the name of a stream (connection/account/service).")


def _escape(text: str) -> str:
    if _PLAIN.issuperset(text):
        return text
    return "".join(
        char if char in _PLAIN else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
        for char in text
    )


def _unescape(text: str) -> str:
    if "%" not in text:
        return text
    out = bytearray()
    pieces = text.split("%")
    out += pieces[0].encode("utf-8", "surrogatepass")
    for piece in pieces[1:]:
        try:
            out += bytes.fromhex(piece[:2])
        except ValueError:
            raise UsageError(f"{text!r} is not an escaped account id.") from None
        out += piece[2:].encode("utf-8", "surrogatepass")
    try:
        return out.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise UsageError(f"{text!r} is not an escaped account id.") from None
