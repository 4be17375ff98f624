"""The probe process: asks a region's endpoints from one vantage point and sends what it found, signed."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import httpx

from regions.loader import Probe, Region
from statuspage.outbox.posting import sign


class Prober:
    """Probes for one vantage point. It knows the site only by its ingest address and a secret."""

    def __init__(
        self,
        region: Region,
        vantage: str,
        ingest_url: str,
        secret: str,
        clock: Callable[[], datetime],
        client: httpx.Client,
    ) -> None:
        if vantage not in region.vantages:
            raise ValueError(
                f"{vantage!r} is not a vantage point of {region.name}: {', '.join(region.vantages)}"
            )
        self._region, self._vantage, self._ingest_url, self._secret = region, vantage, ingest_url, secret
        self._clock, self._client = clock, client

    def round(self) -> list[dict[str, Any]]:
        """Probes every endpoint once; an endpoint that answers otherwise than expected has failed."""
        by_component: dict[str, list[bool]] = {}
        for probe in self._region.probes:
            by_component.setdefault(probe.component, []).append(self._succeeds(probe))
        now = self._clock().isoformat()
        return [
            {
                "component": component,
                "workload": "website",
                "vantage": self._vantage,
                "measured_at": now,
                "attempts": len(found),
                "failures": found.count(False),
                "organizations_affected": 0,
                "organizations_total": 0,
            }
            for component, found in by_component.items()
        ]

    def send(self, measurements: Sequence[dict[str, Any]]) -> int:
        """Sends measurements to the site; its status code."""
        body = json.dumps({"region": self._region.name, "measurements": list(measurements)}).encode()
        message_id, at_s = f"probe_{secrets.token_hex(12)}", int(self._clock().timestamp())
        answer = self._client.post(
            self._ingest_url,
            content=body,
            headers={
                "Content-Type": "application/json",
                "webhook-id": message_id,
                "webhook-timestamp": str(at_s),
                "webhook-signature": sign(self._secret, message_id, at_s, body),
            },
        )
        return answer.status_code

    def run(
        self, stop: threading.Event, every_s: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Probes and sends until told to stop; what could not be sent is kept for the next round, bounded."""
        unsent: list[dict[str, Any]] = []
        while not stop.is_set():
            began = monotonic()
            unsent = [*unsent, *self.round()][-1_000:]
            try:
                if self.send(unsent) < 300:
                    unsent = []
            except httpx.HTTPError:
                pass
            stop.wait(max(0.0, every_s - (monotonic() - began)))

    def _succeeds(self, probe: Probe) -> bool:
        try:
            return self._client.get(probe.url, timeout=probe.timeout_s).status_code == probe.expect_status
        except httpx.HTTPError:
            return False
