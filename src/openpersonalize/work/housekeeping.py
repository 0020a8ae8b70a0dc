"""Files that nothing names any more: found, and deleted when no job can be reading or writing them.

Rows go first, in the transaction of whatever made them superfluous; the files go after its commit. So a
crash in between leaves garbage, which the next sweep finds, and never a row without its files.
"""

import logging
import shutil
from pathlib import Path

from sqlalchemy import delete, event, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from openpersonalize.jobs.lifecycle import (
    CREATE_DATASET,
    CREATE_DATASET_GROUP,
    CREATE_EVENT_TRACKER,
    CREATE_SOLUTION,
    DELETE_CAMPAIGN,
    DELETE_DATASET,
    DELETE_DATASET_GROUP,
    DELETE_EVENT_TRACKER,
    DELETE_SOLUTION,
)
from openpersonalize.jobs.queue import files_prefix
from openpersonalize.jobs.worker import Publish, RunningJob, WorkFunction
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import GenerationRow, JobRow, RecommenderRow, SolutionVersionRow

log = logging.getLogger(__name__)

MOST_DIGITS = 18  # of a row number; what is longer is none
_TOUCH_NO_FILES = tuple(
    job.kind
    for job in (
        CREATE_DATASET_GROUP,
        CREATE_DATASET,
        CREATE_EVENT_TRACKER,
        CREATE_SOLUTION,
        DELETE_DATASET_GROUP,
        DELETE_DATASET,
        DELETE_EVENT_TRACKER,
        DELETE_SOLUTION,
        DELETE_CAMPAIGN,
    )
)


def sweeping(work: WorkFunction) -> WorkFunction:
    """The same work, with a sweep after the commit of its result."""

    def run(job: RunningJob, stores: Stores) -> Publish:
        publish = work(job, stores)

        def publish_then_sweep(session: Session) -> None:
            publish(session)
            event.listen(session, "after_commit", lambda _: _try_to_sweep(stores), once=True)

        return publish_then_sweep

    return run


def _try_to_sweep(stores: Stores) -> None:
    try:
        sweep(stores)
    except (OSError, SQLAlchemyError):
        # The job is done; the next sweep finds what this one has left.
        log.warning("sweep failed", exc_info=True)


def sweep(stores: Stores) -> int:
    """Delete generations that an import replaced, and folders that no row names; say how many folders.

    Does nothing while a job runs that reads or writes such folders: a published folder is named by a row
    only when its job commits, and a training reads the generations that were active when it began. The
    folders are listed before the look at the jobs, so that one of a job that begins later is not among them.
    """
    listed = [folder for parent in (stores.generations, stores.artifacts) for folder in parent.iterdir()]
    with stores.database.write() as session:
        busy = (
            select(JobRow.id).where(JobRow.state == "running", JobRow.kind.not_in(_TOUCH_NO_FILES)).limit(1)
        )
        if session.scalar(busy) is not None:
            return 0
        session.execute(delete(GenerationRow).where(GenerationRow.active.is_(False)))
        named = {
            *session.scalars(select(GenerationRow.id)),
            *session.scalars(select(SolutionVersionRow.artifact_id)),
            *session.scalars(select(RecommenderRow.artifact_id)),
        }
        unnamed = [folder for folder in listed if folder.name not in named]
        garbage = [folder for folder in unnamed if _is_ours(session, folder.name)]
    for folder in garbage:
        _remove(folder)
    return len(garbage)


def _is_ours(session: Session, name: str) -> bool:
    """Whether a job of this database made the folder; the data directory may have served another one."""
    number = name.split("-", 1)[0]
    if not number.isdecimal() or len(number) > MOST_DIGITS:
        return False
    created_at = session.scalar(select(JobRow.created_at).where(JobRow.id == int(number)))
    return created_at is not None and name.startswith(files_prefix(int(number), created_at))


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    log.info("files deleted", extra={"folder": folder.name})
