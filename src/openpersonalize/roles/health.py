"""Health: whether this process lives, and whether it can answer; each check says what is wrong."""

import logging
import tempfile
from collections.abc import Callable, Mapping

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from openpersonalize.storage.migrations import at_head
from openpersonalize.storage.stores import Stores

log = logging.getLogger(__name__)

Check = Callable[[], str]
"""Empty when all is well, else the reason and the remedy."""


def checks_of(stores: Stores) -> dict[str, Check]:
    """The checks that every API process has."""
    return {
        "database": lambda: database_reason(stores),
        "migrations": lambda: migrations_reason(stores),
        "dataDirectory": lambda: data_directory_reason(stores),
    }


def run_checks(checks: Mapping[str, Check]) -> dict[str, str]:
    """The reasons of all checks by name, `ok` for those that pass."""
    return {name: check() or "ok" for name, check in checks.items()}


def database_reason(stores: Stores) -> str:
    """Whether the database answers."""
    try:
        with stores.database.read() as session:
            session.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError) as error:
        log.warning("database check failed", extra={"error": type(error).__name__})
        return "the database does not answer: is it running, and is OPENPERSONALIZE_DATABASE_URL right?"
    return ""


def migrations_reason(stores: Stores) -> str:
    """Whether the database has this version's tables."""
    try:
        if at_head(stores.database):
            return ""
    except (SQLAlchemyError, OSError):
        return "unknown: the database does not answer"
    return "the database has not this version's tables: run `openpersonalize migrate`"


def data_directory_reason(stores: Stores) -> str:
    """Whether the data directory can be written."""
    try:
        with tempfile.TemporaryFile(dir=stores.data_dir) as probe:
            probe.write(b"\0")
            probe.flush()
    except OSError as error:
        return f"the data directory cannot be written ({error.strerror}): free space or change its owner"
    return ""
