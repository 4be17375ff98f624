"""What must be true of a vault after a kill at any moment."""

from __future__ import annotations

from backupd.vault.maintenance.checking import check
from tests.crash.jobs import Job
from tests.vault_model.place import Place
from tests.vault_model.reference import Reference, assert_between, assert_same

OTHER_MACHINE = "another machine"


def assert_survived(place: Place, job: Job, before: Reference) -> None:
    """Open the vault again, on the same and on another machine; compare, do the job again, compare and check."""
    after = job.after(before)
    assert_between(place.open(), before, after)
    place.forget_cache(OTHER_MACHINE)
    elsewhere = place.open(cache=OTHER_MACHINE)
    assert_between(elsewhere, before, after)
    found = check(elsewhere, read_data=100)
    assert found.ok, [finding.sentence for finding in found.findings]
    again = place.open()
    job.act(again)
    assert_same(again, after)
    place.forget_cache(OTHER_MACHINE)
    elsewhere = place.open(cache=OTHER_MACHINE)
    assert_same(elsewhere, after)
    found = check(elsewhere, read_data=100)
    assert found.ok, [finding.sentence for finding in found.findings]
