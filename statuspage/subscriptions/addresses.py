"""Checks addresses before they are kept. What is refused here never reaches a header or a socket."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from statuspage.errors import Invalid
from statuspage.outbox.safe_http import permitted
from statuspage.settings import Network

_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def email(text: str) -> str:
    """A plain address, its domain in ASCII and lower case; no quoting, no comments, nothing a header would split."""
    text = text.strip()
    local, at, domain = text.rpartition("@")
    dotted = local.startswith(".") or local.endswith(".") or ".." in local
    if not at or len(text) > 254 or not _LOCAL.fullmatch(local) or dotted:
        raise Invalid("This is not an email address.", {"email": "This is not an email address."})
    try:
        ascii_domain = domain.encode("idna").decode().lower()
    except UnicodeError:
        raise Invalid("This is not an email address.", {"email": "This is not an email address."}) from None
    labels = ascii_domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise Invalid("This is not an email address.", {"email": "This is not an email address."})
    return f"{local}@{ascii_domain}"


def url(text: str, channel: str, hosts: tuple[str, ...], allowed: Sequence[Network] = ()) -> str:
    """An address to post to. ``hosts`` limits it (a leading dot admits what is below it); empty admits any.

    A number that is never posted to is refused, unless in a network of ``allowed``. Names are not resolved here.
    """
    text = text.strip()
    problem = {"url": "This is not an address that can be posted to."}
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise Invalid("This is not an address that can be posted to.", problem) from None
    bad = any(char <= " " or char == "\x7f" or char == "\\" for char in text)
    if bad or parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc or port == 0:
        raise Invalid("This is not an address that can be posted to.", problem)
    if parts.scheme == "http" and channel != "webhook":
        raise Invalid(
            "The address must begin with https://.", {"url": "The address must begin with https://."}
        )
    host = parts.hostname.lower()
    if _leads_inside(host, allowed):
        raise Invalid("This is not an address that can be posted to.", problem)
    if hosts and not any(host == one or (one.startswith(".") and host.endswith(one)) for one in hosts):
        raise Invalid(
            "This address does not belong to that service.",
            {"url": "This address does not belong to that service."},
        )
    if len(text) > 2_000:
        raise Invalid("This address is too long.", {"url": "This address is too long."})
    return text


def _leads_inside(host: str, allowed: Sequence[Network]) -> bool:
    """Whether a host is this machine by name, or a number, however written, that is not permitted."""
    host = host.rstrip(".")
    if not host or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        number = host if ":" in host else socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return False  # a name
    try:
        return not permitted(number, allowed)
    except ValueError:
        return True


def domain_of(channel: str, address: str) -> str:
    """What sending is limited by: the domain of a mail address, the host of a URL."""
    return (
        address.rpartition("@")[2].lower()
        if channel == "email"
        else (urlsplit(address).hostname or "").lower()
    )
