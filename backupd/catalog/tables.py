"""All tables in one place, for migrations and for tests that compare them with the migrated schema."""

from backupd.catalog import accounts, connections, failures, organizations, runs, snapshots, streams
from backupd.catalog.schema import METADATA

__all__ = ["METADATA", "accounts", "connections", "failures", "organizations", "runs", "snapshots", "streams"]
