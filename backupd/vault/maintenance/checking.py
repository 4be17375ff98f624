"""Checking: proves a vault whole, or says what is wrong and whose data it touches. Changes nothing."""

from __future__ import annotations

from backupd.errors import UsageError
from backupd.vault.condemned import PREFIX
from backupd.vault.maintenance.checks.contents import read_contents
from backupd.vault.maintenance.checks.examination import Examination
from backupd.vault.maintenance.checks.objects import check_objects
from backupd.vault.maintenance.checks.packs import check_packs, read_packs
from backupd.vault.maintenance.checks.streams import check_streams
from backupd.vault.maintenance.reports import CheckReport, Progress, no_progress
from backupd.vault.vault import Vault


def check(
    vault: Vault, *, read_data: float | None = None, seed: int = 0, progress: Progress = no_progress
) -> CheckReport:
    """Return what is wrong in the vault. One bad object never ends the check; a store that does not answer does.

    Without `read_data`: the structure. Every object opens, snapshots follow from each other, pages are as described,
    indexes agree with the packs, every blob that a kept snapshot needs can be located in a pack of the right length.
    With it, a percentage (0 to 100): frames are opened, blob ids and item digests computed anew, for all packs and
    items or for a share chosen by `seed`; and each base is compared with what it stands for.
    """
    if read_data is not None and not 0 < read_data <= 100:
        raise UsageError(
            f"{read_data:g} % of the data cannot be read.", hint="Give more than 0 and at most 100."
        )
    before = _generation(vault)
    report = _examine(vault, read_data, seed, progress)
    if report.ok or _generation(vault) == before:
        return report
    # A prune moved things while the check looked at them: what it saw gone may only have moved.
    return _examine(vault, read_data, seed, progress)


def _examine(vault: Vault, read_data: float | None, seed: int, progress: Progress) -> CheckReport:
    report = CheckReport()
    with Examination(vault, report, progress) as exam:
        check_objects(exam)
        check_packs(exam)
        if read_data is not None:
            read_packs(exam, read_data, seed)
        check_streams(exam, compare_bases=read_data is not None)
        if read_data is not None:
            read_contents(exam, read_data, seed)
    return report


def _generation(vault: Vault) -> str:
    """Return the name of the newest condemned list; whatever stands there, this only tells whether it changed."""
    return max((info.name for info in vault.store.list(PREFIX)), default="")
