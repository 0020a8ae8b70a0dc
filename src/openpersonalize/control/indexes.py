"""The indexes of datasets as dry runs of filters read them, each with what came since it was made."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.filters.records import Records
from openpersonalize.models import INDEX_KINDS
from openpersonalize.models.columns import ColumnTable
from openpersonalize.models.event_pairs import EventPairs
from openpersonalize.storage import artifacts
from openpersonalize.storage.event_log import Position
from openpersonalize.storage.log_tables import ActionInteractionRow, EventRow, RecordRow
from openpersonalize.storage.record_log import is_after
from openpersonalize.storage.tables import DatasetRow

MOST_MAPPED = 16


class Streamed(NamedTuple):
    """An event that came after the index: the item, or the user where users are filtered, and its type."""

    id: str
    event_type: str


@dataclass(frozen=True)
class Events:
    """The events of a dataset: those of its index, and newer ones beside them.

    `newer`: each that differs, of all users. `own`: all of the request's user, newest first.
    """

    pairs: EventPairs
    newer: tuple[Streamed, ...]
    own: tuple[Streamed, ...]


@dataclass(frozen=True)
class _Log:
    """The log of streamed events, and its columns that matter here."""

    table: type[EventRow | ActionInteractionRow]
    owner: InstrumentedAttribute[int]
    item: InstrumentedAttribute[str]


_LOGS: Mapping[str, _Log] = {
    "INTERACTIONS": _Log(EventRow, EventRow.dataset_group_id, EventRow.item_id),
    "ACTION_INTERACTIONS": _Log(
        ActionInteractionRow, ActionInteractionRow.dataset_id, ActionInteractionRow.action_id
    ),
}


def read_records(session: Session, folder: Path, dataset: DatasetRow, columns: DatasetColumns) -> Records:
    """The records of a dataset whose index is in a folder, up to now."""
    base, watermark = _mapped(folder)
    query = (
        select(RecordRow.record_id, RecordRow.properties)
        .where(RecordRow.dataset_id == dataset.id, is_after(session, RecordRow, watermark))
        .order_by(RecordRow.txid, RecordRow.id)
    )
    newer = {
        record_id: json.loads(properties or "{}") | {columns.identifier: record_id}
        for record_id, properties in session.execute(query)
    }
    return Records(columns, base, ColumnTable.build(columns.columns, newer))


def read_events(
    session: Session, folder: Path, dataset: DatasetRow, *, group_id: int, user_id: str | None, of_users: bool
) -> Events:
    """The events of a dataset whose index is in a folder, up to now; `of_users` where users are filtered."""
    pairs, watermark = _mapped(folder)
    log = _LOGS[dataset.dataset_type]
    table = log.table
    owner = group_id if dataset.dataset_type == "INTERACTIONS" else dataset.id
    newer = (log.owner == owner, is_after(session, table, watermark))
    chosen: Any = table.user_key if of_users else log.item
    different = select(chosen, table.event_type).where(*newer).distinct()
    own = select(log.item, table.event_type).where(*newer, table.user_key == user_id)
    newest_first = own.order_by(table.timestamp.desc(), table.id.desc())
    return Events(
        pairs,
        tuple(Streamed(*found) for found in session.execute(different)),
        tuple(Streamed(*found) for found in session.execute(newest_first)),
    )


@lru_cache(maxsize=MOST_MAPPED)
def _mapped(folder: Path) -> tuple[Any, Position]:
    """An index and how far its maker had read the log. Raises CorruptArtifactError or OSError."""
    extra = artifacts.read_manifest(folder)["extra"]
    return artifacts.load(folder, INDEX_KINDS), Position(*extra["watermark"])
