"""When measurements open, move and end an incident. Pure: state and evidence in, state and step out.

Hysteresis: several bad windows in a row open, several good ones move to monitoring, and as many again resolve. What
fell back often within an hour must stay good for longer. docs/status-detection.md tells it for people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from regions.loader import Detection
from statuspage.domain.statuses import SEVERITY, ComponentStatus, worst

BAD_TO_OPEN, GOOD_TO_MONITOR, GOOD_TO_RESOLVE = 3, 5, 5
# Several senders report on one component; together they count once in this time.
COUNTED_EVERY = timedelta(seconds=30)
FLAP_WINDOW, FLAPS_KEPT, FLAP_FACTOR = timedelta(hours=1), 8, 2


class Phase(StrEnum):
    """Where a rule stands."""

    QUIET = "quiet"
    OPEN = "open"
    MONITORING = "monitoring"


class Step(StrEnum):
    """What is to be done now."""

    NOTHING = "nothing"
    OPEN = "open"
    WORSEN = "worsen"
    MONITOR = "monitor"
    RELAPSE = "relapse"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One window of one component, all its workloads and vantage points together."""

    at: datetime
    status: ComponentStatus
    organizations_affected: int
    organizations_total: int
    all_vantages_fail: bool
    reason: str
    # When the newest sample that is itself bad was measured; without it, ``at``.
    bad_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a rule remembers between windows."""

    phase: Phase = Phase.QUIET
    bad: int = 0
    good: int = 0
    status: ComponentStatus = ComponentStatus.OPERATIONAL
    relapses: tuple[datetime, ...] = ()
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """One measured workload of a window, as it was received."""

    attempts: int
    failures: int
    lag_s: float | None
    queue_age_s: float | None
    organizations_affected: int
    organizations_total: int
    workload: str
    vantage: str
    measured_at: datetime | None = None


def several(rule: Detection, evidence: Evidence) -> bool:
    """Whether several customers are affected, which anything public needs.

    A failure seen from every vantage point concerns all customers and counts as several.
    """
    if evidence.all_vantages_fail:
        return True
    share = evidence.organizations_affected / max(evidence.organizations_total, 1)
    return evidence.organizations_affected >= rule.min_organizations and share >= rule.min_share


def judge(rule: Detection, windows: Sequence[Window], vantages: Sequence[str], at: datetime) -> Evidence:
    """What the newest windows of one component amount to. One failing vantage point alone is no failure."""
    found: list[tuple[ComponentStatus, str]] = []
    ill: list[Window] = []
    probes = {window.vantage: window for window in windows if window.vantage}
    down = [vantage for vantage in vantages if vantage in probes and probes[vantage].failures > 0]
    every = bool(vantages) and len(down) == len(vantages)
    if every:
        found.append((ComponentStatus.MAJOR, f"probes fail from {', '.join(sorted(down))}"))
        ill += [probes[vantage] for vantage in down]
    for window in windows:
        if window.vantage:
            continue
        wrong = _wrong_with(rule, window)
        found += wrong
        if wrong:
            ill.append(window)
    return Evidence(
        at,
        worst(one for one, _ in found),
        max((one.organizations_affected for one in ill), default=0),
        max((one.organizations_total for one in windows), default=0),
        every,
        "; ".join(reason for _, reason in found),
        max((one.measured_at or at for one in ill), default=None),
    )


def _wrong_with(rule: Detection, window: Window) -> list[tuple[ComponentStatus, str]]:
    wrong: list[tuple[ComponentStatus, str]] = []
    if window.attempts:
        success = 1 - window.failures / window.attempts
        status = _by_share(rule, success)
        if status is not ComponentStatus.OPERATIONAL:
            wrong.append((status, f"{window.workload}: {success:.1%} succeed"))
    if window.lag_s is not None and window.lag_s > rule.max_lag_s:
        wrong.append((ComponentStatus.DEGRADED, f"{window.workload}: lag {window.lag_s / 60:.0f} min"))
    if window.queue_age_s is not None and window.queue_age_s > rule.max_queue_age_s:
        wrong.append(
            (ComponentStatus.DEGRADED, f"{window.workload}: queue {window.queue_age_s / 60:.0f} min old")
        )
    return wrong


def advance(rule: Detection, before: Standing, evidence: Evidence) -> tuple[Standing, Step]:
    """The next standing, and what is to be done. Evidence close upon the last, or older, counts not.

    Nor does a bad verdict that rests on samples counted before: it only keeps the window from being good.
    """
    if before.last_at is not None and evidence.at < before.last_at + COUNTED_EVERY:
        return before, Step.NOTHING
    now = replace(before, last_at=evidence.at)
    bad = evidence.status is not ComponentStatus.OPERATIONAL and several(rule, evidence)
    if bad:
        if before.last_at is not None and (evidence.bad_at or evidence.at) <= before.last_at:
            return before, Step.NOTHING
        return _on_bad(now, evidence)
    return _on_good(now, evidence)


def _on_bad(now: Standing, evidence: Evidence) -> tuple[Standing, Step]:
    counted = replace(now, bad=now.bad + 1, good=0)
    if now.phase is Phase.QUIET:
        if counted.bad >= BAD_TO_OPEN:
            return replace(counted, phase=Phase.OPEN, status=evidence.status, bad=0), Step.OPEN
        return counted, Step.NOTHING
    if now.phase is Phase.MONITORING:
        if counted.bad >= BAD_TO_OPEN:
            recent = tuple(at for at in (*now.relapses, evidence.at) if evidence.at - at <= FLAP_WINDOW)[
                -FLAPS_KEPT:
            ]
            return replace(
                counted, phase=Phase.OPEN, status=evidence.status, bad=0, relapses=recent
            ), Step.RELAPSE
        return counted, Step.NOTHING
    if SEVERITY[evidence.status] > SEVERITY[now.status]:
        if counted.bad >= BAD_TO_OPEN:
            return replace(counted, status=evidence.status, bad=0), Step.WORSEN
        return counted, Step.NOTHING
    return replace(counted, bad=0), Step.NOTHING


def _on_good(now: Standing, evidence: Evidence) -> tuple[Standing, Step]:
    recent = tuple(at for at in now.relapses if evidence.at - at <= FLAP_WINDOW)
    counted = replace(now, good=now.good + 1, bad=0, relapses=recent)
    needed = FLAP_FACTOR ** min(len(recent), 3)
    if now.phase is Phase.OPEN and counted.good >= GOOD_TO_MONITOR * needed:
        return replace(counted, phase=Phase.MONITORING, good=0), Step.MONITOR
    if now.phase is Phase.MONITORING and counted.good >= GOOD_TO_RESOLVE * needed:
        return Standing(relapses=recent, last_at=now.last_at), Step.RESOLVE
    return counted, Step.NOTHING


def _by_share(rule: Detection, success: float) -> ComponentStatus:
    if success < rule.major_below:
        return ComponentStatus.MAJOR
    if success < rule.partial_below:
        return ComponentStatus.PARTIAL
    return ComponentStatus.DEGRADED if success < rule.degraded_below else ComponentStatus.OPERATIONAL
