"""Indexes of datasets, which serving reads: when a new one is begun."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.jobs.lifecycle import INDEX_DATASET, begin
from openpersonalize.storage.tables import DatasetRow, JobRow


def begin_index(session: Session, dataset: DatasetRow, *, now: float, has_changed: bool = False) -> None:
    """Begin the making of a dataset's index, in the caller's transaction, unless one is under way.

    `has_changed`: the rows are others than a moment ago, so one that runs already may have read the old ones.
    """
    unfinished = ("queued",) if has_changed else ("queued", "running")
    query = select(JobRow.id).where(
        JobRow.resource_arn == dataset.arn,
        JobRow.kind == INDEX_DATASET.kind,
        JobRow.state.in_(unfinished),
    )
    if session.scalar(query.limit(1)) is not None:
        return
    changed_at = dataset.last_updated_date_time
    dataset.indexing = {"creationDateTime": now}
    begin(session, dataset, INDEX_DATASET, now=now)
    dataset.last_updated_date_time = changed_at  # the dataset itself is as it was
