"""What a user did with actions since a training or an index, as requests read it."""

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.storage.event_log import Position
from openpersonalize.storage.log_tables import ActionInteractionRow
from openpersonalize.storage.record_log import is_after
from openpersonalize.storage.tables import DatasetGroupRow, DatasetRow

MOST_READ = 10_000
"""So many of a user's newest are read."""


class Done(NamedTuple):
    """One action interaction and its place in the log."""

    position: Position
    action_id: str
    event_type: str
    timestamp: int


def read_done(session: Session, group: int, user_key: str, after: Position) -> list[Done]:
    """Read what a user did with the actions of a dataset group after a position, newest first by time."""
    log = ActionInteractionRow
    dataset_id = (
        select(DatasetRow.id)
        .join(DatasetGroupRow, DatasetGroupRow.arn == DatasetRow.dataset_group_arn)
        .where(DatasetGroupRow.id == group, DatasetRow.dataset_type == "ACTION_INTERACTIONS")
        .scalar_subquery()
    )
    rows = session.execute(
        select(log.txid, log.id, log.action_id, log.event_type, log.timestamp)
        .where(log.dataset_id == dataset_id, log.user_key == user_key)
        .where(is_after(session, log, after))
        .order_by(log.timestamp.desc(), log.id.desc())
        .limit(MOST_READ)
    )
    return [
        Done(Position(txid, row), action_id, event_type, timestamp)
        for txid, row, action_id, event_type, timestamp in rows
    ]
