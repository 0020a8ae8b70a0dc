"""Automatic training: solutions and recommenders that are due, found by whichever worker looks first.

A training is begun, and the time of the next one written, in one transaction that has the row locked and
changes nothing where the time is another than the look has found. So of several workers exactly one begins.
Whether interactions have arrived is asked before, without a lock, as that may have to read many events.
"""

import logging
from functools import partial
from typing import TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from openpersonalize.domain.schedules import (
    FIRST_TRAINING_S,
    HOUR_S,
    next_recommender_training,
    training_interval_s,
)
from openpersonalize.jobs.lifecycle import RETRAIN_RECOMMENDER, UNFINISHED, begin
from openpersonalize.jobs.trainings import begin_training, newest_version, vanishing_dataset
from openpersonalize.storage.database import retry_on_contention
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import JobRow, RecommenderRow, SolutionRow, SolutionVersionRow
from openpersonalize.work.arrivals import have_arrived

log = logging.getLogger(__name__)

EVERY_S = 10.0
AGAIN_S = FIRST_TRAINING_S
"""Seconds until the next look at what cannot be trained now, as something else is under way for it."""

Trained = TypeVar("Trained", SolutionRow, RecommenderRow)


def begin_due(stores: Stores) -> int:
    """Begin the trainings that are due by the stores' clock; says how many were begun."""
    now = stores.clock()
    with stores.database.read() as session:
        solutions = session.scalars(select(SolutionRow).where(SolutionRow.next_training_at <= now)).all()
        recommenders = session.scalars(
            select(RecommenderRow).where(RecommenderRow.next_training_at <= now)
        ).all()
    looks = [
        *(partial(_look_at_solution, stores, solution) for solution in solutions),
        *(partial(_look_at_recommender, stores, recommender) for recommender in recommenders),
    ]
    return sum(retry_on_contention(look) for look in looks)


def _look_at_solution(stores: Stores, due: SolutionRow) -> bool:
    """Train a solution if there is something to learn, and plan the next look; says whether it is trained."""
    with stores.database.read() as session:
        newest = newest_version(session, due.arn)
        is_wanted = not _has_own_first_version(due, newest) and _interactions_arrived(session, due, newest)
    with stores.database.write() as session:
        solution = _still_due(session, SolutionRow, due)
        if solution is None:
            return False
        now = stores.clock()
        if not solution.perform_auto_training:
            solution.next_training_at = None
            return False
        if _is_busy(session, solution):
            solution.next_training_at = now + AGAIN_S
            return False
        solution.next_training_at = now + training_interval_s(solution.solution_config)
        if is_wanted:
            version = begin_training(
                session, solution, now=now, training_mode="AUTOTRAIN", training_type="AUTOMATIC"
            )
            log.info("an automatic training begins", extra={"solution_version": version.id})
        return is_wanted


def _look_at_recommender(stores: Stores, due: RecommenderRow) -> bool:
    """Train a recommender again unless it rests or is changed just now; says whether it is trained."""
    with stores.database.write() as session:
        recommender = _still_due(session, RecommenderRow, due)
        if recommender is None:
            return False
        now = stores.clock()
        if (
            recommender.status != "ACTIVE"
            or vanishing_dataset(session, recommender.dataset_group_arn) is not None
            or _have_unfinished_job(session, JobRow.resource_arn == recommender.arn)
        ):
            recommender.next_training_at = now + AGAIN_S
            return False
        recommender.next_training_at = next_recommender_training(recommender.creation_date_time, now)
        recommender.retraining = {"creationDateTime": now}
        changed_at = recommender.last_updated_date_time
        begin(session, recommender, RETRAIN_RECOMMENDER, now=now)
        # No member of the API shows retrainings, so neither does this one.
        recommender.last_updated_date_time = changed_at
        log.info("an automatic training begins", extra={"recommender": recommender.id})
        return True


def _still_due(session: Session, table: type[Trained], due: Trained) -> Trained | None:
    """The row as it is now, locked; None where another worker has moved its time on, or has it just now."""
    query = select(table).where(table.id == due.id, table.next_training_at == due.next_training_at)
    return session.scalar(query.with_for_update(skip_locked=True))


def _has_own_first_version(solution: SolutionRow, newest: SolutionVersionRow | None) -> bool:
    """Whether this is the first run since the schedule began, and the client has been faster."""
    update = solution.latest_update or {}
    began = solution.creation_date_time
    if update.get("status") == "ACTIVE":
        began = max(began, float(update["lastUpdatedDateTime"]))
    is_first = (solution.next_training_at or 0.0) <= began + HOUR_S
    return is_first and newest is not None and newest.creation_date_time >= began


def _interactions_arrived(session: Session, solution: SolutionRow, newest: SolutionVersionRow | None) -> bool:
    """Whether interactions have arrived since the newest version was made, or ever where there is none."""
    return have_arrived(
        session,
        solution.dataset_group_arn,
        newest.creation_date_time if newest is not None else 0.0,
        with_actions=(solution.recipe_arn or "").endswith("/aws-next-best-action"),
    )


def _is_busy(session: Session, solution: SolutionRow) -> bool:
    """Whether the solution is not ACTIVE or has a version in the making, or data of its group is going."""
    versions = select(SolutionVersionRow.arn).where(SolutionVersionRow.solution_arn == solution.arn)
    return (
        solution.status != "ACTIVE"
        or vanishing_dataset(session, solution.dataset_group_arn) is not None
        or _have_unfinished_job(session, JobRow.resource_arn.in_(versions))
    )


def _have_unfinished_job(session: Session, resources: ColumnElement[bool]) -> bool:
    query = select(JobRow.id).where(resources, JobRow.state.in_(UNFINISHED))
    return session.scalar(query.limit(1)) is not None
