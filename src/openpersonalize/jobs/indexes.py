"""Indexes of datasets, which serving reads, and when they are made anew.

An index is made where something needs one: a filter that names the dataset, metadata in answers. From then on
it is made anew whenever what it is made of has changed. Each making comes after all that is under way for the
dataset, so one that waits will see every change that is committed before it begins.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.jobs.lifecycle import INDEX_DATASET, begin
from openpersonalize.storage.tables import DatasetRow, JobRow

_GOING = ("DELETE PENDING", "DELETE IN_PROGRESS")


def begin_index(session: Session, dataset: DatasetRow, *, now: float) -> bool:
    """Have the index of a dataset made, whose row is locked; says whether a job was begun for it.

    None is where one waits already, or the dataset is going. Changes nothing that the API shows.
    """
    waiting = select(JobRow.id).where(
        JobRow.resource_arn == dataset.arn, JobRow.kind == INDEX_DATASET.kind, JobRow.state == "queued"
    )
    if dataset.status in _GOING or session.scalar(waiting.limit(1)) is not None:
        return False
    changed_at = dataset.last_updated_date_time
    dataset.indexing = {"creationDateTime": now}
    begin(session, dataset, INDEX_DATASET, now=now)
    dataset.last_updated_date_time = changed_at
    return True


def renew_index(session: Session, dataset: DatasetRow, *, now: float) -> None:
    """Have the index of a dataset made anew if it has one; its row is locked."""
    if dataset.index_id is not None:
        begin_index(session, dataset, now=now)
