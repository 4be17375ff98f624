"""How much one domain is sent at a time: a token bucket per domain, bounded in number."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from statuspage.outbox.claims import Claimed

DOMAINS_KEPT = 20_000


class DomainLimits:
    """Lets through at most ``per_s`` a second and domain, with a burst of one second's worth."""

    def __init__(self, per_s: float, monotonic: Callable[[], float]) -> None:
        self._per_s, self._monotonic = per_s, monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def split(self, batch: Sequence[Claimed]) -> tuple[list[Claimed], list[Claimed]]:
        """What may be sent now, and what is over its domain's limit."""
        ready: list[Claimed] = []
        over: list[Claimed] = []
        for one in batch:
            (ready if self._take(one.domain) else over).append(one)
        return ready, over

    def exhausted(self) -> list[str]:
        """Domains that have nothing left at the moment; at most five hundred, to keep a query small."""
        now = self._monotonic()
        empty = [
            domain for domain, (tokens, at) in self._buckets.items() if tokens + (now - at) * self._per_s < 1
        ]
        return empty[:500]

    def _take(self, domain: str) -> bool:
        now = self._monotonic()
        tokens, at = self._buckets.pop(domain, (self._per_s, now))
        tokens = min(self._per_s, tokens + (now - at) * self._per_s)
        taken = tokens >= 1
        self._buckets[domain] = (tokens - 1 if taken else tokens, now)
        if len(self._buckets) > DOMAINS_KEPT:
            self._buckets.popitem(last=False)
        return taken
