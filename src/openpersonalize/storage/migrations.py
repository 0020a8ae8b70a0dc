"""The way of a database from one version of the tables to the next; scripts in `alembic/`."""

import logging
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from openpersonalize.storage.database import Database

log = logging.getLogger(__name__)


def upgrade(database_url: str) -> None:
    """Bring the database to the newest version of the tables; safe to repeat and to run at the same time."""
    database = Database(database_url)
    try:
        before = _current_heads(database)
        with database.engine.connect() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        if before != _heads():
            log.info("the tables were migrated", extra={"before": before, "now": _heads()})
    finally:
        database.dispose()


def at_head(database: Database) -> bool:
    """Whether the database has exactly the tables that this program was written for."""
    return _current_heads(database) == _heads()


def scripts() -> Path:
    """The folder of the migration scripts: inside the installed package, else the checkout's."""
    packed = Path(__file__).parents[1] / "_alembic"
    return packed if packed.is_dir() else Path(__file__).parents[3] / "alembic"


def _current_heads(database: Database) -> tuple[str, ...]:
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_heads()


@cache
def _heads() -> tuple[str, ...]:
    return tuple(ScriptDirectory.from_config(_config()).get_heads())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
