"""The first catalog: organizations, connections, accounts, streams, runs, snapshots, failures."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _who_is_protected()
    _what_was_run()
    _what_is_stored()


def _who_is_protected() -> None:
    op.create_table(
        "organizations",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(40), nullable=False),
        sa.Column("retention", sa.String(), nullable=False, server_default="forever"),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("rebuilt_ms", sa.BigInteger()),
        sa.Column("erased_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_organizations"),
        sa.UniqueConstraint("name", name="uq_organizations_name"),
        sa.UniqueConstraint("vault_id", name="uq_organizations_vault_id"),
    )
    op.create_table(
        "connections",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("organization_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_connections"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name="fk_connections_organization_id"
        ),
        sa.UniqueConstraint(
            "organization_id", "kind", "name", name="uq_connections_organization_id_kind_name"
        ),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("connection_id", sa.String(40), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("found_ms", sa.BigInteger(), nullable=False),
        sa.Column("gone_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_accounts_connection_id"),
        sa.UniqueConstraint("connection_id", "source_id", name="uq_accounts_connection_id_source_id"),
    )
    op.create_table(
        "streams",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(40), nullable=False),
        sa.Column("service", sa.String(20), nullable=False),
        sa.Column("head_seq", sa.BigInteger()),
        sa.Column("head_hash", sa.LargeBinary()),
        sa.Column("newer_cursor", sa.LargeBinary()),
        sa.Column("proven_ms", sa.BigInteger()),
        sa.Column("last_state", sa.String(20)),
        sa.Column("last_run_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_streams"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_streams_account_id"),
    )
    op.create_index("ix_streams_account_id", "streams", ["account_id"])


def _what_was_run() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("organization_id", sa.String(40), nullable=False),
        sa.Column("stream", sa.String()),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger()),
        sa.Column("items", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("deletes", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("bytes_in", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("bytes_stored", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("message", sa.String(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_runs_organization_id"),
        sa.ForeignKeyConstraint(["stream"], ["streams.name"], name="fk_runs_stream"),
    )
    op.create_index("ix_runs_organization_started", "runs", ["organization_id", "started_ms"])
    running = sa.text("state = 'running' AND kind = 'backup'")
    op.create_index(
        "uq_runs_stream_running",
        "runs",
        ["stream"],
        unique=True,
        sqlite_where=running,
        postgresql_where=running,
    )


def _what_is_stored() -> None:
    op.create_table(
        "snapshots",
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("run_id", sa.String(40), nullable=False),
        sa.Column("as_of_ms", sa.BigInteger(), nullable=False),
        sa.Column("committed_ms", sa.BigInteger(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("upserts", sa.BigInteger(), nullable=False),
        sa.Column("deletes", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("bytes_in", sa.BigInteger(), nullable=False),
        sa.Column("bytes_stored", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "seq", name="pk_snapshots"),
        sa.ForeignKeyConstraint(["stream"], ["streams.name"], name="fk_snapshots_stream"),
    )
    op.create_table(
        "failures",
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(80), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "item_id", name="pk_failures"),
        sa.ForeignKeyConstraint(["stream"], ["streams.name"], name="fk_failures_stream"),
    )
