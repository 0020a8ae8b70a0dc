"""Event trackers by trackingId: where their events go and which columns these may fill."""

import asyncio
import time
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.domain.events import EventColumns
from openpersonalize.domain.schemas import parse_schema
from openpersonalize.errors import InvalidInputException
from openpersonalize.protocol.arns import Scope
from openpersonalize.storage.database import Database
from openpersonalize.storage.tables import DatasetGroupRow, DatasetRow, EventTrackerRow, SchemaRow

FRESH_S = 0.5
"""How long a tracker is used before it is looked up again: so long does a deletion take to show."""
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Tracker:
    """An ACTIVE tracker; `columns` is None while its group has no ACTIVE Interactions dataset."""

    account: str
    region: str
    dataset_group_id: int
    columns: EventColumns | None
    looked_up_at: float


class Trackers:
    """Looks trackers up; used by one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Tracker] = {}
        self._pending: dict[str, asyncio.Task[Tracker | None]] = {}

    def fresh(self, tracking_id: str, scope: Scope) -> Tracker | None:
        """The tracker if it is known and recent enough to be used at once."""
        tracker = self._known.get(tracking_id)
        if tracker is None or time.monotonic() - tracker.looked_up_at > FRESH_S:
            return None
        return checked(tracker, tracking_id, scope)

    async def look_up(self, tracking_id: str, scope: Scope) -> Tracker:
        """The tracker as the database has it now; concurrent callers share one look-up.

        Raises InvalidInputException if it is missing, not ACTIVE or somebody else's.
        """
        task = self._pending.get(tracking_id)
        if task is None:
            task = self._pending[tracking_id] = asyncio.create_task(self._look_up(tracking_id))
        return checked(await asyncio.shield(task), tracking_id, scope)

    async def _look_up(self, tracking_id: str) -> Tracker | None:
        try:
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
        return Tracker(tracker.account, tracker.region, group.id, columns, looked_up_at)


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


def checked(tracker: Tracker | None, tracking_id: str, scope: Scope) -> Tracker:
    """The tracker if it exists and is the caller's; raises InvalidInputException otherwise."""
    if tracker is None or (tracker.account, tracker.region) != (scope.account, scope.region):
        raise InvalidInputException(
            f"The given tracking id does not exist or is not active yet: {tracking_id}"
        )
    return tracker
