"""The jobs of resources that need no work: they become ACTIVE at once, or go and free what was theirs."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from openpersonalize.jobs.worker import Publish, RunningJob
from openpersonalize.storage import records
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import (
    DatasetGroupRow,
    DatasetRow,
    EventRow,
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

    def publish(session: Session) -> None:
        _delete_events(session, job.resource_arn)
        _delete_tags(session, job.resource_arn)

    return publish


def delete_dataset(job: RunningJob, stores: Stores) -> Publish:
    """Delete a dataset with all its rows: imported ones, and for interactions those sent as events."""

    def publish(session: Session) -> None:
        dataset = records.named(session, DatasetRow, job.resource_arn)
        session.execute(delete(GenerationRow).where(GenerationRow.dataset_id == dataset.id))
        if dataset.dataset_type == "INTERACTIONS":
            _delete_events(session, dataset.dataset_group_arn)
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


def _delete_events(session: Session, dataset_group_arn: str) -> None:
    group = records.named(session, DatasetGroupRow, dataset_group_arn)
    session.execute(delete(EventRow).where(EventRow.dataset_group_id == group.id))
    records.bump(session, records.ERASURES)


def _delete_tags(session: Session, *arns: str) -> None:
    session.execute(delete(TagRow).where(TagRow.resource_arn.in_(arns)))
