"""The logs of records and action interactions that arrive one by one: how they are appended to and read.

Both have the order of `event_log`: rows carry the number of their transaction on PostgreSQL, 0 on SQLite.
`event_log.end_of_log(session, database, RecordRow)` says how far a reader may go.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Text, cast, func, literal, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from openpersonalize.storage.event_log import Log, Position
from openpersonalize.storage.log_tables import ActionInteractionRow, RecordRow


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


class StoredRecord(NamedTuple):
    """A version of a record and its place in the log."""

    position: Position
    record: Record


class StoredActionInteraction(NamedTuple):
    """An action interaction and its place in the log."""

    position: Position
    interaction: ActionInteraction


def append_records(session: Session, records: Sequence[Record]) -> None:
    """Add versions of records in the caller's transaction; of one id the last given is the newest."""
    _append(session, RecordRow, records)


def append_action_interactions(session: Session, interactions: Sequence[ActionInteraction]) -> None:
    """Add action interactions in the caller's transaction; duplicates are dropped."""
    _append(session, ActionInteractionRow, interactions)


def _append(session: Session, table: type[RecordRow | ActionInteractionRow], rows: Sequence[Any]) -> None:
    is_sqlite = _is_sqlite(session)
    dialect: Any = sqlite if is_sqlite else postgresql
    txid: ColumnElement[int] = literal(0)
    if not is_sqlite:
        txid = cast(cast(func.pg_current_xact_id(), Text), BigInteger)
    values = [row._asdict() | {"txid": txid} for row in rows]
    session.execute(dialect.insert(table).values(values).on_conflict_do_nothing())


def read_records(
    session: Session, *, after: Position, end: Position, dataset_id: int | None = None, size: int = 5000
) -> Iterator[StoredRecord]:
    """Versions of records after one position up to another, in the log's order; of one dataset or of all."""
    rows = _read(session, RecordRow, Record._fields, after=after, end=end, dataset_id=dataset_id, size=size)
    for row in rows:
        yield StoredRecord(Position(row[0], row[1]), Record(*row[2:]))


def read_action_interactions(
    session: Session, *, after: Position, end: Position, dataset_id: int | None = None, size: int = 5000
) -> Iterator[StoredActionInteraction]:
    """Action interactions after one position up to another, likewise."""
    fields = ActionInteraction._fields
    rows = _read(
        session, ActionInteractionRow, fields, after=after, end=end, dataset_id=dataset_id, size=size
    )
    for row in rows:
        yield StoredActionInteraction(Position(row[0], row[1]), ActionInteraction(*row[2:]))


def _read(
    session: Session,
    log: type[RecordRow | ActionInteractionRow],
    fields: tuple[str, ...],
    *,
    after: Position,
    end: Position,
    dataset_id: int | None,
    size: int,
) -> Iterator[Any]:
    """Rows of a log by pages: txid, id, and the fields."""
    columns = (log.txid, log.id, *(getattr(log, name) for name in fields))
    query = select(*columns).where(~is_after(session, log, end)).limit(size)
    if dataset_id is not None:
        # The zero keeps the database from reading all of the dataset by its index and sorting it.
        query = query.where(log.dataset_id + 0 == dataset_id)
    query = query.order_by(log.id) if _is_sqlite(session) else query.order_by(log.txid, log.id)
    while True:
        rows = session.execute(query.where(is_after(session, log, after))).fetchall()
        yield from rows
        if len(rows) < size:
            return
        after = Position(rows[-1][0], rows[-1][1])


def is_after(session: Session, log: type[Log], position: Position) -> ColumnElement[bool]:
    """The condition on a log's rows that they lie after a position."""
    if _is_sqlite(session):  # only by `id` alone does it find where to begin
        return log.id > position.id
    return tuple_(log.txid, log.id) > tuple_(position.txid, position.id)


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
