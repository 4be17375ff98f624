"""Objects: every name in the store has a place in the format, and the small sealed objects open."""

from __future__ import annotations

import re

from backupd.vault.condemned import PREFIX, read_condemned
from backupd.vault.format import read_format
from backupd.vault.maintenance.checks.examination import Examination
from backupd.vault.maintenance.reports import FindingKind
from backupd.vault.records import KINDS

_NAMES = re.compile(
    r"format|packs/([0-9a-f]{2})/\1[0-9a-f]{62}|indexes/[0-9a-f]{32}|snapshots/[0-9a-f]{32}/\d{10}"
    r"|bases/[0-9a-f]{32}/\d{10}-\d{10}|condemned/\d{10}|(names|holds|pins|policy)/[0-9a-f]{32}"
)


def check_objects(exam: Examination) -> None:
    """List everything; note strays; open the format object, condemned lists and records."""
    vault = exam.vault
    for info in vault.store.list():
        exam.report.objects += 1
        if exam.report.objects % 1000 == 0:
            exam.progress("listing", exam.report.objects, 0)
        if not _NAMES.fullmatch(info.name):
            exam.found(FindingKind.STRAY, info.name, f"The object {info.name} is no part of a vault.")
    exam.attempt("format", read_format, vault.store, vault.names, vault.vault_id)
    for info in vault.store.list(PREFIX):
        number = info.name.removeprefix(PREFIX)
        if number.isdigit():
            exam.attempt(info.name, read_condemned, vault.store, vault.keys, int(number))
    for kind in KINDS:
        for info in vault.store.list(f"{kind}/"):
            if _NAMES.fullmatch(info.name):
                exam.attempt(info.name, vault.records.open, info.name)
