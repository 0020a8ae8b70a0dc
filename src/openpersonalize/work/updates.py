"""Models that are made to know what came since, without a training: by themselves while they serve.

A version of a solution is updated while an ACTIVE campaign serves it, it is the newest one that was trained
in full, and no later one was made with trainingMode UPDATE (reference/recipes.md §1.6); a recommender while
it is ACTIVE. Each is looked at as often as its recipe says, and updated if data has arrived since the last
time. The new artifact takes the place of the old one in the version and in its campaigns, in one transaction;
its metrics and dates stay. What fails leaves the model as it was until the next look.
"""

import logging
import math
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from openpersonalize.jobs.lifecycle import RETRAIN_RECOMMENDER, UNFINISHED, UPDATE_MODEL, begin
from openpersonalize.jobs.trainings import newest_version, vanishing_dataset
from openpersonalize.jobs.worker import Publish, RunningJob
from openpersonalize.protocol.arns import resource_kind
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.recipe import Recipe
from openpersonalize.storage import records
from openpersonalize.storage.database import retry_on_contention
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import (
    CampaignRow,
    JobRow,
    RecommenderRow,
    SolutionRow,
    SolutionVersionRow,
)
from openpersonalize.work.arrivals import have_arrived
from openpersonalize.work.training import Subject, config_of, settings_of, train, tuned_of

log = logging.getLogger(__name__)

_MADE_AT = "madeAt"
"""In `updating`: when the newest update began that did not fail."""


def begin_due(stores: Stores) -> int:
    """Begin the updates that are due by the stores' clock; says how many were begun."""
    now = stores.clock()
    with stores.database.read() as session:
        served = select(CampaignRow.solution_version_arn).where(CampaignRow.status == "ACTIVE")
        versions = select(SolutionVersionRow).where(
            SolutionVersionRow.arn.in_(served), _is_due(SolutionVersionRow.next_update_at, now)
        )
        recommenders = select(RecommenderRow).where(
            RecommenderRow.status == "ACTIVE", _is_due(RecommenderRow.next_update_at, now)
        )
        found = [*session.scalars(versions), *session.scalars(recommenders)]
    due = [row for row in found if (row.next_update_at or _first_update(row) or math.inf) <= now]
    return sum(retry_on_contention(partial(_look_at, stores, row)) for row in due)


def _is_due(column: InstrumentedAttribute[float | None], now: float) -> ColumnElement[bool]:
    """Whether a row is due, or has never been looked at."""
    return column.is_(None) | (column <= now)


def _first_update(row: SolutionVersionRow | RecommenderRow) -> float | None:
    """When a model is looked at for the first time; None where its recipe has no such updates."""
    interval_s = _interval_s(row)
    return None if interval_s is None else row.creation_date_time + interval_s


def _interval_s(row: SolutionVersionRow | RecommenderRow) -> float | None:
    recipe = _recipe(row)
    if recipe is None or recipe.update is None or recipe.update_every_s is None:
        return None
    return recipe.update_every_s(settings_of(_subject(row), recipe))


def _look_at(stores: Stores, due: SolutionVersionRow | RecommenderRow) -> bool:
    """Update a model if there is something new, and plan the next look; says whether it is updated."""
    with stores.database.read() as session:
        is_wanted = _serves(session, due) and _has_news(session, due)
    with stores.database.write() as session:
        row = _still_due(session, due)
        if row is None:
            return False
        now = stores.clock()
        interval_s = _interval_s(row)
        row.next_update_at = None if interval_s is None else now + interval_s
        is_free = vanishing_dataset(session, row.dataset_group_arn) is None and not _is_busy(session, row.arn)
        if not (is_wanted and is_free):
            return False
        row.updating = {"creationDateTime": now, _MADE_AT: (row.updating or {}).get(_MADE_AT, 0.0)}
        changed_at = row.last_updated_date_time
        begin(session, row, UPDATE_MODEL, now=now)
        row.last_updated_date_time = changed_at  # no member of the API shows updates
        log.info("a model is updated", extra={"kind": resource_kind(row.arn), "number": row.id})
        return True


def _still_due(
    session: Session, due: SolutionVersionRow | RecommenderRow
) -> SolutionVersionRow | RecommenderRow | None:
    """The row as it is now, locked; None where another worker has moved its time on, or has it just now."""
    table: Any = type(due)
    is_same = table.next_update_at.is_not_distinct_from(due.next_update_at)
    query = select(table).where(table.id == due.id, is_same).with_for_update(skip_locked=True)
    row: SolutionVersionRow | RecommenderRow | None = session.scalar(query)
    return row


def _is_busy(session: Session, arn: str) -> bool:
    query = select(JobRow.id).where(JobRow.resource_arn == arn, JobRow.state.in_(UNFINISHED))
    return session.scalar(query.limit(1)) is not None


def _serves(session: Session, row: SolutionVersionRow | RecommenderRow) -> bool:
    """Whether a model serves, and is one that is updated by itself."""
    if isinstance(row, RecommenderRow):
        return row.status == "ACTIVE"
    newest = newest_version(session, row.solution_arn, SolutionVersionRow.status == "ACTIVE")
    if newest is None or newest.arn != row.arn or row.training_mode == "UPDATE":
        return False
    recipe = _recipe(row)
    if recipe is not None and recipe.is_updated_if_asked:
        asked = select(SolutionRow.perform_incremental_update).where(SolutionRow.arn == row.solution_arn)
        if not session.scalar(asked):
            return False
    served = select(CampaignRow.id).where(
        CampaignRow.solution_version_arn == row.arn, CampaignRow.status == "ACTIVE"
    )
    return session.scalar(served.limit(1)) is not None


def _has_news(session: Session, row: SolutionVersionRow | RecommenderRow) -> bool:
    """Whether data has arrived since the model was made or updated."""
    made_at = row.creation_date_time
    retraining = row.retraining if isinstance(row, RecommenderRow) else None
    if retraining is not None and retraining.get("status") == RETRAIN_RECOMMENDER.phase.done:
        made_at = max(made_at, float(retraining["creationDateTime"]))
    updated_at = float((row.updating or {}).get(_MADE_AT, 0.0))
    recipe = _recipe(row)
    return have_arrived(
        session,
        row.dataset_group_arn,
        max(made_at, updated_at),
        with_actions=True,
        with_records=recipe is not None and bool(recipe.tables),
    )


def update_model(job: RunningJob, stores: Stores) -> Publish:
    """Update the model of a solution version or a recommender; the old one serves until then."""
    with stores.database.read() as session:
        row = _row(session, job.resource_arn)
        if row is None or row.artifact_id is None:
            return lambda session: None
        subject, before = _subject(row, previous=row.artifact_id), row.artifact_id
    trained = train(job, stores, subject)

    def publish(session: Session) -> None:
        row = _row(session, job.resource_arn, is_locked=True)
        if row is None or row.artifact_id != before:  # deleted, or trained anew meanwhile
            return
        row.artifact_id = trained.artifact_id
        words = row.updating or {}
        row.updating = words | {_MADE_AT: words.get("creationDateTime", 0.0)}
        if isinstance(row, SolutionVersionRow):
            serving = select(CampaignRow).where(
                CampaignRow.solution_version_arn == row.arn, CampaignRow.artifact_id == before
            )
            for campaign in session.scalars(serving.with_for_update()):
                campaign.artifact_id = trained.artifact_id
        records.bump(session, records.DEPLOYMENTS)

    return publish


def _row(
    session: Session, arn: str, *, is_locked: bool = False
) -> SolutionVersionRow | RecommenderRow | None:
    table: Any = RecommenderRow if resource_kind(arn) == "recommender" else SolutionVersionRow
    query = select(table).where(table.arn == arn)
    if is_locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    row: SolutionVersionRow | RecommenderRow | None = session.scalar(query)
    return row


def _recipe(row: SolutionVersionRow | RecommenderRow) -> Recipe | None:
    return RECIPES.get(row.recipe_arn.rpartition("/")[2])


def _subject(row: SolutionVersionRow | RecommenderRow, previous: str | None = None) -> Subject:
    if isinstance(row, RecommenderRow):
        return Subject(
            row.dataset_group_arn, row.recipe_arn, config=row.recommender_config or {}, previous=previous
        )
    return Subject(
        row.dataset_group_arn, row.recipe_arn, row.event_type, config_of(row), previous, tuned=tuned_of(row)
    )
