"""The state machine of the vault, seeded and short; long with BACKUPD_SOAK=1."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.vault_model.machine import VaultMachine
from tests.vault_model.reporting import Counts


def test_any_order_of_events(counts: Counts, soak: bool) -> None:
    VaultMachine.counts.clear()
    try:
        run_state_machine_as_test(
            VaultMachine,
            settings=settings(
                max_examples=2_000 if soak else 40,
                stateful_step_count=80 if soak else 40,
                derandomize=not soak,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        for what, number in VaultMachine.counts.items():
            counts.add(f"state machine: {what}", number)
            print(f"{what}: {number}")
