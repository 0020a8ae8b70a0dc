"""Waiting for what readers of the log may see."""

from sqlalchemy import func, select

from openpersonalize.storage.database import Database
from openpersonalize.storage.event_log import Log, Position, end_of_log
from openpersonalize.storage.log_tables import EventRow
from tests.world import until


def until_readable(database: Database, log: type[Log] = EventRow) -> None:
    """Wait until all that is committed can be read.

    On PostgreSQL any transaction of the whole cluster that began earlier holds the log back: here those of
    tests that run beside, in databases of their own.
    """

    def is_readable() -> bool:
        with database.read() as session:
            newest = session.scalar(select(func.max(log.txid))) or 0
            return database.is_sqlite or end_of_log(session, database, log) > Position(newest, 0)

    until(is_readable, "no older transaction is running")
