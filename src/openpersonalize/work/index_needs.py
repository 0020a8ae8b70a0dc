"""A chore that has indexes made where they are missed, and made anew where too much lies after them.

What lies after an index is read by every API process and held in its memory, so an index must not fall far
behind. It is missed where a dataset has taken the place of one that was deleted, and filters still name it.
"""

import logging
from collections.abc import Iterator
from functools import lru_cache, partial

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from openpersonalize.filters.checking import columns_of
from openpersonalize.filters.parser import parse
from openpersonalize.filters.tokens import FilterError
from openpersonalize.jobs.indexes import begin_index
from openpersonalize.jobs.lifecycle import INDEX_DATASET, UNFINISHED
from openpersonalize.storage.artifacts import CorruptArtifactError, read_manifest
from openpersonalize.storage.database import retry_on_contention
from openpersonalize.storage.event_log import Log, Position
from openpersonalize.storage.log_tables import ActionInteractionRow, EventRow, RecordRow
from openpersonalize.storage.record_log import is_after
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import (
    CampaignRow,
    DatasetGroupRow,
    DatasetRow,
    FilterRow,
    JobRow,
    RecommenderRow,
    SolutionRow,
)
from openpersonalize.work.indexing import gives_metadata, leaves_out

log = logging.getLogger(__name__)

EVERY_S = 30.0
RECORDS_BEHIND = 5_000
"""Put after an index: each change of them makes an API process build a table of all of them."""
EVENTS_BEHIND = 200_000
"""Sent after an index; the tail of events holds a million of a dataset group."""
AGAIN_S = 600.0
"""Seconds after which an index is tried again that could not be made."""


def begin_wanted(stores: Stores) -> int:
    """Have the indexes made that are missed or behind; says how many."""
    with stores.database.read() as session:
        wanted = [dataset for dataset in _candidates(session, stores) if _is_wanted(session, stores, dataset)]
    return sum(retry_on_contention(partial(_begin, stores, dataset)) for dataset in wanted)


def _candidates(session: Session, stores: Stores) -> list[DatasetRow]:
    """The datasets for which no index is being made, nor has been in vain a moment ago."""
    busy = select(JobRow.resource_arn).where(JobRow.kind == INDEX_DATASET.kind, JobRow.state.in_(UNFINISHED))
    datasets = session.scalars(
        select(DatasetRow).where(DatasetRow.status == "ACTIVE", DatasetRow.arn.not_in(busy))
    )
    return [dataset for dataset in datasets if not _has_just_failed(dataset, stores.clock())]


def _has_just_failed(dataset: DatasetRow, now: float) -> bool:
    words = dataset.indexing or {}
    failed = words.get("status") == INDEX_DATASET.phase.failed
    return failed and now - float(words["lastUpdatedDateTime"]) < AGAIN_S


def _is_wanted(session: Session, stores: Stores, dataset: DatasetRow) -> bool:
    if dataset.index_id is None:
        return dataset.dataset_type in set(_needed(session, dataset.dataset_group_arn))
    return _is_behind(session, stores, dataset)


def _needed(session: Session, group_arn: str) -> Iterator[str]:
    """The types of datasets whose index something in a dataset group reads."""
    filters = select(FilterRow.filter_expression).where(
        FilterRow.dataset_group_arn == group_arn, FilterRow.status == "ACTIVE"
    )
    for expression in session.scalars(filters):
        yield from _named(expression)
    configs = [
        *session.scalars(
            select(CampaignRow.campaign_config)
            .join(SolutionRow, SolutionRow.arn == CampaignRow.solution_arn)
            .where(SolutionRow.dataset_group_arn == group_arn, CampaignRow.artifact_id.is_not(None))
        ),
        *session.scalars(
            select(RecommenderRow.recommender_config).where(
                RecommenderRow.dataset_group_arn == group_arn, RecommenderRow.artifact_id.is_not(None)
            )
        ),
    ]
    if any(map(gives_metadata, configs)):
        yield "ITEMS"
    recipes = select(RecommenderRow.recipe_arn).where(
        RecommenderRow.dataset_group_arn == group_arn, RecommenderRow.artifact_id.is_not(None)
    )
    if any(map(leaves_out, session.scalars(recipes))):
        yield "INTERACTIONS"


@lru_cache(maxsize=1000)
def _named(expression: str) -> frozenset[str]:
    """The types of datasets that a filter names."""
    try:
        return frozenset(column.partition(".")[0] for column in columns_of(parse(expression)))
    except FilterError:
        return frozenset()


def _is_behind(session: Session, stores: Stores, dataset: DatasetRow) -> bool:
    """Whether too much lies after an index, or it cannot be read any more."""
    try:
        extra = read_manifest(stores.artifacts / str(dataset.index_id))["extra"]
    except CorruptArtifactError:
        return True
    table, owner, number = _log_of(session, dataset)
    most = RECORDS_BEHIND if table is RecordRow else EVENTS_BEHIND
    # The first look is answered by an index: what is short as a whole needs no other one.
    if not _has_more(session, table, owner == number, most):
        return False
    after = is_after(session, table, Position(*extra["watermark"]))
    # The zero keeps the database from reading all that the owner ever had.
    return _has_more(session, table, after & (owner + 0 == number), most)


def _log_of(session: Session, dataset: DatasetRow) -> tuple[type[Log], InstrumentedAttribute[int], int]:
    """The log of what is sent to a dataset, and by which column and number its rows are known."""
    if dataset.dataset_type == "INTERACTIONS":
        group = select(DatasetGroupRow.id).where(DatasetGroupRow.arn == dataset.dataset_group_arn)
        return EventRow, EventRow.dataset_group_id, session.scalar(group) or 0
    if dataset.dataset_type == "ACTION_INTERACTIONS":
        return ActionInteractionRow, ActionInteractionRow.dataset_id, dataset.id
    return RecordRow, RecordRow.dataset_id, dataset.id


def _has_more(session: Session, table: type[Log], condition: ColumnElement[bool], most: int) -> bool:
    found = select(table.id).where(condition).limit(most + 1).subquery()
    return (session.scalar(select(func.count()).select_from(found)) or 0) > most


def _begin(stores: Stores, seen: DatasetRow) -> bool:
    with stores.database.write() as session:
        dataset = session.scalar(
            select(DatasetRow)
            .where(DatasetRow.id == seen.id, DatasetRow.index_id.is_not_distinct_from(seen.index_id))
            .with_for_update(skip_locked=True)
        )
        if dataset is None or not begin_index(session, dataset, now=stores.clock()):
            return False
    log.info("an index is to be made", extra={"dataset": seen.id})
    return True
