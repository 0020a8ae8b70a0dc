"""How far jobs are, read from the database where it can be reached: the API tells only their status."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from openpersonalize.cli.client.statuses import PercentOf
from openpersonalize.settings import Settings
from openpersonalize.storage.database import Database
from openpersonalize.storage.tables import JobRow


@contextmanager
def percents(settings: Settings) -> Iterator[PercentOf]:
    """Give the function that knows the progress of the newest job on an ARN, or None of it."""
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        yield lambda _: None
        return
    database = Database(settings.database)

    def percent_of(arn: str) -> float | None:
        newest = select(JobRow.progress_percent).where(JobRow.resource_arn == arn).order_by(JobRow.id.desc())
        try:
            with database.read() as session:
                return session.scalar(newest.limit(1))
        except SQLAlchemyError:
            return None

    try:
        yield percent_of
    finally:
        database.dispose()
