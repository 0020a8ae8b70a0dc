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
from openpersonalize.jobs.worker import Publish, RunningJob, WorkFunction
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import GenerationRow, JobRow, SolutionVersionRow

log = logging.getLogger(__name__)

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
        named = {stores.generations / name for name in session.scalars(select(GenerationRow.id))}
        named |= {
            stores.artifacts / name
            for name in session.scalars(select(SolutionVersionRow.artifact_id))
            if name is not None
        }
    garbage = [folder for folder in listed if folder not in named]
    for folder in garbage:
        _remove(folder)
    return len(garbage)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    log.info("files deleted", extra={"folder": folder.name})
