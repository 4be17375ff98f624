"""A catalog made at once has the same tables as one that went through every migration."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, create_engine, inspect

from backupd.catalog.creation import create
from backupd.catalog.upgrade import upgrade


def _schema(connection: Connection) -> dict[str, object]:
    found = inspect(connection)
    return {
        table: {
            "columns": [{**column, "type": str(column["type"])} for column in found.get_columns(table)],
            "key": found.get_pk_constraint(table),
            "foreign": sorted(found.get_foreign_keys(table), key=str),
            "unique": sorted(found.get_unique_constraints(table), key=str),
            "indexes": sorted(
                (
                    {
                        **index,
                        "dialect_options": {k: str(v) for k, v in index.get("dialect_options", {}).items()},
                    }
                    for index in found.get_indexes(table)
                ),
                key=str,
            ),
        }
        for table in sorted(found.get_table_names())
    }


def test_new_catalog_equals_a_migrated_one(tmp_path: Path) -> None:
    schemas = []
    for name, make in (("made", create), ("migrated", upgrade)):
        with create_engine(f"sqlite:///{tmp_path / name}").begin() as connection:
            make(connection)
            schemas.append(_schema(connection))
            version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
            schemas[-1]["version"] = version
    assert schemas[0] == schemas[1]


def test_making_it_twice_changes_nothing(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path / 'catalog'}").begin() as connection:
        create(connection)
        first = _schema(connection)
        create(connection)
        assert _schema(connection) == first
        assert len(connection.exec_driver_sql("SELECT * FROM alembic_version").all()) == 1
