"""The database's tables before a process begins: in order, or an error that says the remedy."""

from alembic.util import CommandError
from sqlalchemy.exc import DatabaseError, OperationalError

from openpersonalize.settings import Settings, SettingsError, masked_url
from openpersonalize.storage import event_log, migrations
from openpersonalize.storage.database import Database, reason_of


def prepare_tables(settings: Settings, *, migrate: bool = True) -> None:
    """Bring the tables to this version, or only check that they are; safe to repeat. Raises SettingsError."""
    try:
        if migrate:
            migrations.upgrade(settings.database)
        _check_tables(settings)
    except CommandError as error:
        raise SettingsError(
            f"the database {masked_url(settings.database)} was migrated by another version of this program "
            f"({str(error).rstrip('.')}): run that version or a newer one, or give another database."
        ) from error
    except OperationalError as error:
        raise SettingsError(_no_answer(settings, error)) from error
    except DatabaseError as error:
        raise SettingsError(
            f"the database {masked_url(settings.database)} cannot be used: {reason_of(error)}. It has to "
            "be a database of this program's own, in which its user may create tables."
        ) from error


def _check_tables(settings: Settings) -> None:
    database = Database(settings.database)
    try:
        if not migrations.at_head(database):
            raise SettingsError(
                "the database has not this version's tables: run `openpersonalize migrate` first."
            )
        if event_log.is_of_another_cluster(database):
            raise SettingsError(
                "the events come from another PostgreSQL cluster (a restored dump), by whose transaction "
                "numbers they are ordered. Run `UPDATE events SET txid = 0` on the database, and after the "
                "start train new solution versions for the campaigns."
            )
    finally:
        database.dispose()


def _no_answer(settings: Settings, error: OperationalError) -> str:
    remedy = "Is it running, and is OPENPERSONALIZE_DATABASE_URL right?"
    if settings.database.startswith("sqlite"):
        remedy = "Is its folder there, and may this user write in it?"
    return f"the database {masked_url(settings.database)} does not answer: {reason_of(error)}. {remedy}"
