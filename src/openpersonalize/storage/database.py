"""The SQL database: one engine, short transactions, and the clock that all processes share."""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from openpersonalize.settings import SettingsError

Result = TypeVar("Result")

BUSY_TIMEOUT_MS = 30_000
POSTGRES_OPTIONS = "-c idle_in_transaction_session_timeout=60s"
"""So that a process that was frozen in a transaction does not keep its locks for ever."""


class Database:
    """Opens transactions on SQLite or PostgreSQL; safe to share between threads, not across a fork."""

    def __init__(self, url: str) -> None:
        parsed = parse_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if not self.is_sqlite:
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.engine: Engine = create_engine(
            parsed,
            pool_pre_ping=not self.is_sqlite,
            pool_size=10,
            max_overflow=20,
            connect_args={"check_same_thread": False} if self.is_sqlite else {"options": POSTGRES_OPTIONS},
        )
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads; it is rolled back."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that commits when the block ends and rolls back when it raises.

        SQLite takes its write lock at once (BEGIN IMMEDIATE), so that a reader never has to upgrade.
        """
        with Session(self.engine, expire_on_commit=False) as session:
            if self.is_sqlite:
                session.execute(text("BEGIN IMMEDIATE"))
            yield session
            session.commit()

    def now(self, session: Session) -> float:
        """Epoch seconds by the database's clock, the only clock that leases are measured with."""
        if self.is_sqlite:
            return float(session.scalar(text("SELECT (julianday('now') - 2440587.5) * 86400.0")) or 0.0)
        return float(session.scalar(text("SELECT extract(epoch FROM clock_timestamp())")) or 0.0)

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def parse_url(url: str) -> URL:
    """Take a database URL apart. Raises SettingsError, whose text does not repeat the URL's secrets."""
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(
            "the database URL cannot be read: give postgresql://user:password@host:port/name, with the "
            "special characters of the password written as %40 and the like."
        ) from None


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite database; None for another kind of database."""
    parsed = parse_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def reason_of(error: SQLAlchemyError) -> str:
    """What the database said, in its first line; without the statement and its values."""
    said = str(getattr(error, "orig", None) or type(error).__name__)
    return said.strip().partition("\n")[0].rstrip(".")


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # The driver must not open transactions by itself: `write` says BEGIN IMMEDIATE, reads are autocommitted.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def retry_on_contention(work: Callable[[], Result], attempts: int = 5) -> Result:
    """Run a whole transaction again when the database says that it collided with another one."""
    for attempt in range(attempts):
        try:
            return work()
        except OperationalError:
            if attempt == attempts - 1:
                raise
            time.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311  (jitter, not a secret)
    raise AssertionError("unreachable")
