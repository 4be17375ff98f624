"""HTTP to addresses that strangers gave: checked where it counts, at the connection, and bounded in time and size.

The name is resolved once, every answer is checked, and the connection goes to the checked number: a name that resolves
to something else a moment later changes nothing. Redirects are answers, never followed.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore
import httpx

from statuspage.errors import UnsafeAddress
from statuspage.settings import Network

TOTAL_S, LONGEST_ANSWER, PIECE = 20.0, 65_536, 16_384
Resolve = Callable[[str, int], Sequence[str]]
# Networks that are global by name only: tunnels that end inside, translation prefixes, and what is set aside.
_SPECIAL = tuple(
    ipaddress.ip_network(one)
    for one in (
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "::/96",
        "::ffff:0:0:0/96",
        "fec0::/10",
        "3fff::/20",
        "5f00::/16",
        "192.88.99.0/24",
        "192.0.0.0/24",
    )
)


def system_resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system resolves it."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def permitted(address: str, allowed: Sequence[Network]) -> bool:
    """Whether a number may be connected to: public, or in a network that the settings allow."""
    number = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped:
        number = number.ipv4_mapped
    if any(number in network for network in allowed):
        return True
    return number.is_global and not number.is_multicast and not any(number in one for one in _SPECIAL)


class TimedStream(httpcore.NetworkStream):
    """A stream whose operations together end at one deadline, however slowly the other side drips."""

    def __init__(self, inner: httpcore.NetworkStream, until: float, monotonic: Callable[[], float]) -> None:
        self._inner, self._until, self._monotonic = inner, until, monotonic

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Reads what is there, or waits for what is left of the time."""
        return self._inner.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Writes in pieces, each within what is left of the time."""
        for start in range(0, len(buffer), PIECE):
            self._inner.write(buffer[start : start + PIECE], self._left(timeout))

    def close(self) -> None:
        """Closes the connection."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """The same connection under TLS, with the same deadline."""
        inner = self._inner.start_tls(ssl_context, server_hostname, self._left(timeout))
        return TimedStream(inner, self._until, self._monotonic)

    def get_extra_info(self, info: str) -> Any:
        """What the stream below knows of itself."""
        return self._inner.get_extra_info(info)

    def _left(self, timeout: float | None) -> float:
        left = self._until - self._monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the exchange took too long")
        return left if timeout is None else min(timeout, left)


class CheckedBackend(httpcore.NetworkBackend):
    """Opens connections only to permitted numbers, and all operations only until one deadline."""

    def __init__(
        self,
        resolve: Resolve,
        allowed: Sequence[Network],
        monotonic: Callable[[], float] = time.monotonic,
        total_s: float = TOTAL_S,
    ) -> None:
        self._resolve, self._allowed = resolve, tuple(allowed)
        self._monotonic, self._total_s = monotonic, total_s
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connects to the first number of a host, if all of its numbers are permitted."""
        until = self._monotonic() + self._total_s
        try:
            numbers = self._resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error
        if not numbers:
            raise httpcore.ConnectError(f"{host} has no address")
        for number in numbers:
            if not permitted(number, self._allowed):
                raise UnsafeAddress(f"{host} leads to {number}, a network this site does not send to.")
        stream = self._inner.connect_tcp(
            numbers[0], port, timeout=timeout, local_address=local_address, socket_options=socket_options
        )
        return TimedStream(stream, until, self._monotonic)

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Never."""
        raise UnsafeAddress("A socket of this machine is not an address.")


class _Transport(httpx.HTTPTransport):
    """httpx's transport over the checked backend."""

    def __init__(self, backend: CheckedBackend) -> None:
        super().__init__()
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            network_backend=backend,
            max_connections=32,
            max_keepalive_connections=0,  # a connection has one deadline, so it serves one exchange
            keepalive_expiry=0,
        )


class SafePoster:
    """Posts bodies to strangers' addresses."""

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        resolve: Resolve = system_resolve,
        monotonic: Callable[[], float] = time.monotonic,
        total_s: float = TOTAL_S,
    ) -> None:
        self._client = httpx.Client(
            transport=_Transport(CheckedBackend(resolve, allowed, monotonic, total_s)),
            follow_redirects=False,
            timeout=httpx.Timeout(min(10.0, total_s)),
            trust_env=False,
        )
        self._monotonic, self._total_s = monotonic, total_s

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Posts and returns the status. Raises :class:`UnsafeAddress`, or :class:`httpx.HTTPError` for all else."""
        until = self._monotonic() + self._total_s
        with self._client.stream("POST", url, content=body, headers=headers) as response:
            # The answer's body says nothing we need; it is read a little, so that a server that writes it is done.
            size = 0
            for chunk in response.iter_raw():
                size += len(chunk)
                if size > LONGEST_ANSWER:
                    break
                if self._monotonic() > until:
                    raise httpx.ReadTimeout("the answer took too long")
            return response.status_code

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()
