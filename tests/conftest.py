"""What holds for every test: long ones are asked for, and where services are required a skip is a failure."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

SOAK = os.environ.get("BACKUPD_SOAK") == "1"
REQUIRE_SERVICES = os.environ.get("BACKUPD_TEST_REQUIRE_SERVICES") == "1"

# No deadline: a test never measures time; speed is the benchmarks' matter.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("soak", settings.get_profile("default"), max_examples=2_000, print_blob=True)
settings.load_profile("soak" if SOAK else "default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the soak tests out unless they are asked for (left out, not skipped: nothing is missing)."""
    if SOAK:
        return
    soak = [item for item in items if item.get_closest_marker("soak")]
    if soak:
        config.hook.pytest_deselected(items=soak)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one where everything has to run."""
    report = yield
    if REQUIRE_SERVICES and report.skipped and not hasattr(report, "wasxfail"):
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole module that skips itself (`importorskip`, `allow_module_level`)."""
    report = yield
    if REQUIRE_SERVICES and report.skipped:
        _fail(report)
    return report


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make the report say that a skip is not allowed here, and why the test skipped."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"BACKUPD_TEST_REQUIRE_SERVICES=1 allows no skip, but this one said: {reason}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what long tests counted: kills, flipped bits, steps of state machines."""
    counts: Counter[str] = Counter()
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    for report in reports:
        if getattr(report, "when", "") == "teardown":
            for name, value in report.user_properties:
                if name == "count":
                    what, _, number = str(value).rpartition(": ")
                    counts[what] += int(number)
    if counts:
        terminalreporter.section("counts")
        for what, number in sorted(counts.items()):
            terminalreporter.line(f"{number:>8}  {what}")
