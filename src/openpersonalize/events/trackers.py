"""Event trackers by trackingId: where their events go, what columns these may fill, who led to them.

An event that carries a recommendationId belongs to the campaign or recommender of its dataset group whose
constant part the id has. These parts come with the tracker, so an event costs no look-up of its own. Only a
part that a tracker's group did not have, which may be that of a campaign made a moment ago, makes one; if it
is still not there then, it never will be, as no id is given out before its campaign stands in the database.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from openpersonalize.domain.events import EventColumns
from openpersonalize.domain.schemas import parse_schema
from openpersonalize.errors import InvalidInputException
from openpersonalize.protocol.arns import Scope
from openpersonalize.storage.database import Database
from openpersonalize.storage.tables import (
    CampaignRow,
    DatasetGroupRow,
    DatasetRow,
    EventTrackerRow,
    RecommenderRow,
    SchemaRow,
    SolutionRow,
)

FRESH_S = 0.5
"""How long a tracker is used before it is looked up again: so long does a deletion take to show."""
LOOK_AGAIN_S = 0.05
"""So long lies between two look-ups of a tracker, however many unknown recommendationIds are sent to it."""
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Tracker:
    """An ACTIVE tracker; `columns` is None while its group has no ACTIVE Interactions dataset."""

    account: str
    region: str
    dataset_group_id: int
    columns: EventColumns | None
    looked_up_at: float
    sources: Mapping[str, str] = field(default_factory=dict)
    """The ARNs of the group's campaigns and recommenders by the constant part of their recommendationIds."""


class Trackers:
    """Looks trackers up; used by one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Tracker] = {}
        self._pending: dict[str, asyncio.Task[Tracker | None]] = {}
        self._foreign: set[tuple[int, str]] = set()

    def fresh(self, tracking_id: str, scope: Scope) -> Tracker | None:
        """The tracker if it is known and recent enough to be used at once."""
        tracker = self._known.get(tracking_id)
        if tracker is None or time.monotonic() - tracker.looked_up_at > FRESH_S:
            return None
        return checked(tracker, tracking_id, scope)

    def knows(self, tracker: Tracker, cids: Collection[str]) -> bool:
        """Whether it is known whose these parts of recommendationIds are, or that they are nobody's here."""
        sources, foreign, group = tracker.sources, self._foreign, tracker.dataset_group_id
        return all(cid in sources or (group, cid) in foreign for cid in cids)

    async def look_up(self, tracking_id: str, scope: Scope, cids: Iterable[str] = ()) -> Tracker:
        """The tracker as the database has it now; it knows these parts of recommendationIds afterwards.

        Concurrent callers share one look-up. Raises InvalidInputException if it is missing, not ACTIVE or
        somebody else's.
        """
        task = self._pending.get(tracking_id)
        if task is None:
            task = self._pending[tracking_id] = asyncio.create_task(self._look_up(tracking_id))
        tracker = checked(await asyncio.shield(task), tracking_id, scope)
        if len(self._foreign) >= REMEMBERED:
            self._foreign.clear()
        self._foreign.update((tracker.dataset_group_id, cid) for cid in cids if cid not in tracker.sources)
        return tracker

    async def _look_up(self, tracking_id: str) -> Tracker | None:
        try:
            before = self._known.get(tracking_id)
            if before is not None and (early := before.looked_up_at + LOOK_AGAIN_S - time.monotonic()) > 0:
                await asyncio.sleep(early)
            tracker = await asyncio.to_thread(self._read, tracking_id)
        finally:
            del self._pending[tracking_id]
        if tracker is None:
            self._known.pop(tracking_id, None)
            return None
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[tracking_id] = tracker
        return tracker

    def _read(self, tracking_id: str) -> Tracker | None:
        looked_up_at = time.monotonic()
        with self._database.read() as session:
            row = session.execute(
                select(EventTrackerRow, DatasetGroupRow)
                .join(DatasetGroupRow, DatasetGroupRow.arn == EventTrackerRow.dataset_group_arn)
                .where(EventTrackerRow.tracking_id == tracking_id, EventTrackerRow.status == "ACTIVE")
            ).one_or_none()
            if row is None:
                return None
            tracker, group = row
            columns = _columns(session, group)
            sources = _sources(session, group)
        return Tracker(tracker.account, tracker.region, group.id, columns, looked_up_at, sources)


def _columns(session: Session, group: DatasetGroupRow) -> EventColumns | None:
    schema = session.scalar(
        select(SchemaRow.schema)
        .join(DatasetRow, DatasetRow.schema_arn == SchemaRow.arn)
        .where(
            DatasetRow.dataset_group_arn == group.arn,
            DatasetRow.dataset_type == "INTERACTIONS",
            DatasetRow.status == "ACTIVE",
        )
    )
    return None if schema is None else EventColumns.of(parse_schema(schema, group.domain).columns)


def _sources(session: Session, group: DatasetGroupRow) -> dict[str, str]:
    campaigns = (
        select(CampaignRow.recommendation_cid, CampaignRow.arn)
        .join(SolutionRow, SolutionRow.arn == CampaignRow.solution_arn)
        .where(SolutionRow.dataset_group_arn == group.arn)
    )
    recommenders = select(RecommenderRow.recommendation_cid, RecommenderRow.arn).where(
        RecommenderRow.dataset_group_arn == group.arn
    )
    return {row[0]: row[1] for row in session.execute(union_all(campaigns, recommenders))}


def checked(tracker: Tracker | None, tracking_id: str, scope: Scope) -> Tracker:
    """The tracker if it exists and is the caller's; raises InvalidInputException otherwise."""
    if tracker is None or (tracker.account, tracker.region) != (scope.account, scope.region):
        raise InvalidInputException(
            f"The given tracking id does not exist or is not active yet: {tracking_id}"
        )
    return tracker
