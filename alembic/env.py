"""Runs migrations on the connection it is given, else on the database that the settings name."""

from alembic import context
from sqlalchemy import Connection, text

from openpersonalize.settings import load_settings
from openpersonalize.storage.database import Database
from openpersonalize.storage.log_tables import Base  # of all tables: those of the logs too

# Any number that nothing else locks: replicas that start together migrate one after the other.
ADVISORY_LOCK = 4_607_182_418


def migrate(connection: Connection) -> None:
    """Run all migrations in one transaction; another process that migrates at the same time waits."""
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        # SQLite changes a table by copying it, which foreign keys would take for a deletion.
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.commit()
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ADVISORY_LOCK})
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=is_sqlite,
        compare_type=True,
        compare_server_default=True,
        transactional_ddl=False,
    )
    context.run_migrations()
    if is_sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
        raise RuntimeError(f"the migration breaks foreign keys of {sorted({row[0] for row in broken})}")
    connection.commit()
    if is_sqlite:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    settings = load_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    with database.engine.connect() as opened:
        migrate(opened)
    database.dispose()
