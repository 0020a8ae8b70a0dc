"""The logs of records and action interactions that arrive one by one: how they are appended to.

Both have the order of `event_log`: rows carry the number of their transaction on PostgreSQL, 0 on SQLite.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Text, cast, func, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from openpersonalize.storage.tables import ActionInteractionRow, RecordRow


class Record(NamedTuple):
    """One version of an item, user or action; the fields are columns of `RecordRow`."""

    dataset_id: int
    record_id: str
    properties: str | None
    received_at: float


class ActionInteraction(NamedTuple):
    """What somebody did with an action; the fields are columns of `ActionInteractionRow`."""

    dataset_id: int
    duplicate_key: bytes
    event_id: str | None
    user_key: str
    user_id: str | None
    session_id: str
    action_id: str
    event_type: str
    timestamp: int
    properties: str | None
    recommendation_id: str | None
    impression: str | None
    received_at: float


def append_records(session: Session, records: Sequence[Record]) -> None:
    """Add versions of records in the caller's transaction; of one id the last given is the newest."""
    _append(session, RecordRow, records)


def append_action_interactions(session: Session, interactions: Sequence[ActionInteraction]) -> None:
    """Add action interactions in the caller's transaction; duplicates are dropped."""
    _append(session, ActionInteractionRow, interactions)


def _append(session: Session, table: type[RecordRow | ActionInteractionRow], rows: Sequence[Any]) -> None:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    dialect: Any = sqlite if is_sqlite else postgresql
    txid: ColumnElement[int] = literal(0)
    if not is_sqlite:
        txid = cast(cast(func.pg_current_xact_id(), Text), BigInteger)
    values = [row._asdict() | {"txid": txid} for row in rows]
    session.execute(dialect.insert(table).values(values).on_conflict_do_nothing())
