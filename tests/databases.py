"""New databases for tests: SQLite, or PostgreSQL where the environment names a server."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

DATABASE_VARIABLE = "OPENPERSONALIZE_TEST_DATABASE_URL"


@contextmanager
def new_database() -> Iterator[str]:
    """URL of a new, empty database on the configured server, dropped afterwards; empty without a server."""
    configured = os.environ.get(DATABASE_VARIABLE, "")
    if not configured:
        yield ""
        return
    name = f"test_{uuid.uuid4().hex[:16]}"
    url = make_url(configured).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        engine.dispose()


@contextmanager
def new_database_in(folder: Path) -> Iterator[str]:
    """Like `new_database`, with SQLite in `folder` where no server is configured."""
    with new_database() as url:
        yield url or f"sqlite:///{folder / 'test.sqlite3'}"
