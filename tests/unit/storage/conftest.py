"""A migrated database for a module, without events for each test."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from openpersonalize.storage.database import Database
from openpersonalize.storage.migrations import upgrade
from tests.databases import new_database_in


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with new_database_in(tmp_path_factory.mktemp("database")) as new:
        upgrade(new)
        yield new


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    with opened.write() as session:
        session.execute(text("DELETE FROM events"))
    yield opened
    opened.dispose()
