"""The migrations lead to exactly the tables that the code maps, on either database."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from openpersonalize.storage.database import Database
from openpersonalize.storage.migrations import at_head, scripts, upgrade
from openpersonalize.storage.tables import Base
from tests.databases import new_database_in


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with new_database_in(tmp_path) as made:
        yield made


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.dispose()


def test_an_empty_database_is_not_at_head(database: Database) -> None:
    assert not at_head(database)


def test_the_migrations_lead_to_the_mapped_tables(url: str, database: Database) -> None:
    upgrade(url)

    assert at_head(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(url: str, database: Database) -> None:
    upgrade(url)
    first = sorted(inspect(database.engine).get_table_names())

    upgrade(url)

    assert sorted(inspect(database.engine).get_table_names()) == first
    assert at_head(database)


def test_several_processes_may_migrate_at_once(url: str, database: Database, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "openpersonalize.cli", "migrate", "--database-url", url]
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tmp_path) for _ in range(3)]

    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert at_head(database)


def test_every_constraint_has_a_name_by_which_a_migration_can_drop_it(url: str, database: Database) -> None:
    upgrade(url)

    inspector = inspect(database.engine)
    for table in Base.metadata.tables:
        assert all(key["name"] for key in inspector.get_foreign_keys(table)), table
        assert all(unique["name"] for unique in inspector.get_unique_constraints(table)), table


def test_foreign_keys_are_enforced_after_a_migration(url: str, database: Database) -> None:
    upgrade(url)

    if database.is_sqlite:
        with database.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_the_scripts_are_found() -> None:
    assert (scripts() / "env.py").is_file()
