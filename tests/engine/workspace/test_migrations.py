"""The migrations: from nothing to exactly the schema that the tables describe."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

import engine.workspace.migrations as migrations
from engine.workspace.catalogue import HEAD, Catalogue, CatalogueError
from engine.workspace.tables import Table


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(_config()).get_current_head() == HEAD


def test_the_migrations_make_exactly_the_tables(tmp_path: Path) -> None:
    catalogue = create_engine(f"sqlite:///{tmp_path / 'migrated.sqlite'}")
    migrations.upgrade(catalogue)
    with catalogue.connect() as connection:
        differences = compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), Table.metadata
        )
    assert differences == []
    catalogue.dispose()


def test_a_migrated_catalogue_and_a_new_one_are_the_same(tmp_path: Path) -> None:
    migrated = create_engine(f"sqlite:///{tmp_path / 'migrated.sqlite'}")
    migrations.upgrade(migrated)
    Catalogue(tmp_path / "new.sqlite").close()
    created = create_engine(f"sqlite:///{tmp_path / 'new.sqlite'}")

    def shape(engine: object) -> dict[str, object]:
        found = inspect(engine)
        return {
            name: (
                [
                    (column["name"], str(column["type"]), column["nullable"])
                    for column in found.get_columns(name)
                ],
                sorted(
                    (key["constrained_columns"], key["referred_table"])
                    for key in found.get_foreign_keys(name)
                ),
                sorted((index["name"], tuple(index["column_names"])) for index in found.get_indexes(name)),
                sorted(tuple(one["column_names"]) for one in found.get_unique_constraints(name)),
            )
            for name in found.get_table_names()
        }

    assert shape(migrated) == shape(created)
    migrated.dispose()
    created.dispose()


def test_an_older_catalogue_of_an_unknown_schema_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    older = create_engine(f"sqlite:///{path}")
    with older.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('0000')"))
    older.dispose()
    with pytest.raises(CatalogueError) as refused:
        Catalogue(path)
    assert refused.value.code == "catalogue.unknown_schema"
    assert "0000" in refused.value.message
