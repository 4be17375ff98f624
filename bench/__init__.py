"""Benchmarks: backupd beside restic and borg, on the same data, in the same run."""
