"""Maintenance: what keeps a vault small, proves it whole and lets people's data end.

Each module is a noun; these are the ways in (reports are in `reports`):

    retention.retention_of(vault, stream) -> Retention        retention.set_retention(vault, rule, stream="")
    holds.place_hold(vault, key, Hold) / release_hold(vault, key) / all_holds(vault)
    holds.place_pin(vault, key, Pin) / release_pin(vault, key) / all_pins(vault)
    pruning.prune(vault, now_ms=None, dry_run=False, heads=None, progress=no_progress) -> PruneReport
    checking.check(vault, read_data=None, seed=0, progress=no_progress) -> CheckReport   # read_data: percent
    rebuild.rebuild_index(vault, progress=no_progress) -> RebuildReport
    purging.purge(vault, stream, items) -> PurgeReport        # items: ids, a predicate over ids, or None for all

All of them are safe beside running backups and beside each other; what cannot go on raises `Busy` and is simply run
again. A crash at any store operation loses nothing: the next call goes on.
"""
