"""How far jobs are, read from the database where it can be reached: the API tells only their status."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from openpersonalize.cli.client.statuses import HowFar
from openpersonalize.jobs.reports import newest_job_of
from openpersonalize.settings import Settings
from openpersonalize.storage.database import Database, sqlite_file


@contextmanager
def job_progress(settings: Settings) -> Iterator[HowFar]:
    """Give the function that knows the progress of the newest job on an ARN, or None of it."""
    file = sqlite_file(settings.database)
    if file is not None and not file.is_file():
        yield lambda _: None
        return
    database = Database(settings.database)

    def how_far(arn: str) -> tuple[float, str] | None:
        try:
            with database.read() as session:
                job = newest_job_of(session, arn)
        except SQLAlchemyError:
            return None
        return None if job is None or job.percent is None else (job.percent, job.phase or "")

    try:
        yield how_far
    finally:
        database.dispose()
