"""The jobs of resources that need no work: they become ACTIVE at once, or go and free what was theirs."""

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from openpersonalize.jobs.worker import Publish, RunningJob
from openpersonalize.storage import records
from openpersonalize.storage.erasing import Log, erase
from openpersonalize.storage.log_tables import ActionInteractionRow, EventRow, RecordRow
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import (
    DatasetGroupRow,
    DatasetRow,
    GenerationRow,
    SolutionVersionRow,
    TagRow,
)


def become_active(job: RunningJob, stores: Stores) -> Publish:
    """Make a resource ACTIVE that needs nothing else."""
    return lambda session: None


def delete_alone(job: RunningJob, stores: Stores) -> Publish:
    """Delete a resource that holds nothing but its tags."""
    return lambda session: _delete_tags(session, job.resource_arn)


def delete_dataset_group(job: RunningJob, stores: Stores) -> Publish:
    """Delete a dataset group, and the events that were sent to it."""
    with stores.database.read() as session:
        group = records.named(session, DatasetGroupRow, job.resource_arn)
    rows = _events_of(group)
    _erase_most(job, stores, *rows)

    def publish(session: Session) -> None:
        _erase_rest(session, *rows)
        _delete_tags(session, job.resource_arn)

    return publish


def delete_dataset(job: RunningJob, stores: Stores) -> Publish:
    """Delete a dataset with all its rows: those that were imported, and those that were sent one by one."""
    with stores.database.read() as session:
        dataset = records.named(session, DatasetRow, job.resource_arn)
        rows = _rows_of(session, dataset)
    _erase_most(job, stores, *rows)

    def publish(session: Session) -> None:
        session.execute(delete(GenerationRow).where(GenerationRow.dataset_id == dataset.id))
        records.bump(session, records.INDEXES)
        _erase_rest(session, *rows)
        _delete_tags(session, job.resource_arn)

    return publish


def delete_solution(job: RunningJob, stores: Stores) -> Publish:
    """Delete a solution with all its versions; their artifacts are named by nothing then."""

    def publish(session: Session) -> None:
        of_solution = SolutionVersionRow.solution_arn == job.resource_arn
        versions = list(session.scalars(select(SolutionVersionRow.arn).where(of_solution)))
        session.execute(delete(SolutionVersionRow).where(of_solution))
        _delete_tags(session, job.resource_arn, *versions)

    return publish


def delete_served(job: RunningJob, stores: Stores) -> Publish:
    """Delete a campaign or a recommender; it serves no more since its deletion was asked for."""

    def publish(session: Session) -> None:
        records.bump(session, records.DEPLOYMENTS)
        _delete_tags(session, job.resource_arn)

    return publish


def _rows_of(session: Session, dataset: DatasetRow) -> tuple[Log, ColumnElement[bool]]:
    """Which rows were sent to a dataset."""
    if dataset.dataset_type == "INTERACTIONS":
        return _events_of(records.named(session, DatasetGroupRow, dataset.dataset_group_arn))
    if dataset.dataset_type == "ACTION_INTERACTIONS":
        return ActionInteractionRow, ActionInteractionRow.dataset_id == dataset.id
    return RecordRow, RecordRow.dataset_id == dataset.id


def _events_of(group: DatasetGroupRow) -> tuple[Log, ColumnElement[bool]]:
    return EventRow, EventRow.dataset_group_id == group.id


def _erase_most(job: RunningJob, stores: Stores, log: Log, condition: ColumnElement[bool]) -> None:
    """Delete all rows that are there now, however many; if the deletion fails later, they are gone too."""
    erase(stores.database, log, condition, between=lambda _: job.progress("deleting rows", 0.0))


def _erase_rest(session: Session, log: Log, condition: ColumnElement[bool]) -> None:
    """Delete the few rows that have come meanwhile, and tell those who keep rows in memory."""
    session.execute(delete(log).where(condition))
    records.bump(session, records.ERASURES)


def _delete_tags(session: Session, *arns: str) -> None:
    session.execute(delete(TagRow).where(TagRow.resource_arn.in_(arns)))
