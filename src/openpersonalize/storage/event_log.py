"""The log of streamed events: how it is appended to, and the order in which it is read.

A `Position` is a place in that order. On SQLite rows become visible in the order of `id`, because one
transaction writes at a time. On PostgreSQL a smaller id may be committed after a larger one, so the order is
(transaction number, id), and a reader goes no further than the oldest transaction that is still running: what
lies before it is complete. A transaction that stays open for long, in any database of the cluster, therefore
delays readers of other processes, but never makes them miss an event.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from openpersonalize.storage.database import Database
from openpersonalize.storage.log_tables import ActionInteractionRow, EventRow, RecordRow

Log = EventRow | RecordRow | ActionInteractionRow
"""What has this order."""


class Position(NamedTuple):
    """A place in the log; everything at or before it has been read."""

    txid: int
    id: int


START = Position(0, 0)
EVERYTHING = Position(2**63 - 1, 2**63 - 1)
"""The end for a reader that takes what is committed, and goes on from the end of the log afterwards."""


class Event(NamedTuple):
    """One event as it is stored; the fields are the columns of `EventRow`, in the order of the INSERT."""

    dataset_group_id: int
    duplicate_key: bytes
    event_id: str | None
    user_key: str
    user_id: str | None
    session_id: str
    item_id: str
    event_type: str
    event_value: float | None
    timestamp: int
    properties: str | None
    recommendation_id: str | None
    impression: str | None
    attribution_source: str | None
    source_arn: str | None
    received_at: float


class Stored(NamedTuple):
    """An event and its place in the log."""

    position: Position
    event: Event


COLUMNS = ", ".join(Event._fields)
MAX_EVENTS_IN_STATEMENT = 1000
_ARRAYS = {
    "dataset_group_id": "bigint",
    "duplicate_key": "bytea",
    "event_value": "float8",
    "timestamp": "bigint",
    "received_at": "float8",
}
_POSTGRES_INSERT = (
    f"INSERT INTO events (txid, {COLUMNS}) SELECT pg_current_xact_id()::text::bigint, {COLUMNS} FROM unnest("
    + ", ".join(f"%s::{_ARRAYS.get(name, 'text')}[]" for name in Event._fields)
    + f") WITH ORDINALITY AS given({COLUMNS}, place) ORDER BY place"
    + " ON CONFLICT DO NOTHING RETURNING txid, id, dataset_group_id, duplicate_key"
)


@lru_cache(maxsize=128)
def _sqlite_insert(n_events: int) -> str:
    row = f"(0, {', '.join('?' * len(Event._fields))})"
    return f"INSERT INTO events (txid, {COLUMNS}) VALUES {', '.join([row] * n_events)} ON CONFLICT DO NOTHING"


def append(connection: Any, events: Sequence[Event], *, is_sqlite: bool) -> list[Stored]:
    """Insert events in one transaction on a driver's connection and commit it.

    Returns those that were stored, in the log's order; duplicates are dropped. All or nothing: an error rolls
    back and is raised. At most `MAX_EVENTS_IN_STATEMENT` events at a time.
    """
    cursor = connection.cursor()
    try:
        stored = _insert_sqlite(cursor, events) if is_sqlite else _insert_postgres(cursor, events)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        cursor.close()
    return stored


def _insert_sqlite(cursor: Any, events: Sequence[Event]) -> list[Stored]:
    cursor.execute("BEGIN IMMEDIATE")
    cursor.execute(_sqlite_insert(len(events)), [value for event in events for value in event])
    n_stored = cursor.rowcount
    if n_stored == len(events):
        first = cursor.lastrowid - n_stored + 1
        return [Stored(Position(0, first + place), event) for place, event in enumerate(events)]
    # The newest rows are ours: nobody else writes while this transaction has the lock.
    cursor.execute(
        "SELECT 0, id, dataset_group_id, duplicate_key FROM events ORDER BY id DESC LIMIT ?", (n_stored,)
    )
    return _matched(cursor.fetchall()[::-1], events)


def _insert_postgres(cursor: Any, events: Sequence[Event]) -> list[Stored]:
    cursor.execute(_POSTGRES_INSERT, [list(column) for column in zip(*events, strict=True)])
    return _matched(cursor.fetchall(), events)


def _matched(rows: Sequence[Any], events: Sequence[Event]) -> list[Stored]:
    """Give each stored row its event; of events with the same key any one will do, they say the same."""
    by_key = {(event.dataset_group_id, event.duplicate_key): event for event in events}
    return [Stored(Position(txid, row), by_key[group, bytes(key)]) for txid, row, group, key in rows]


def end_of_log(session: Session, database: Database, log: type[Log] = EventRow) -> Position:
    """The position in a log before which nothing can appear any more."""
    if database.is_sqlite:
        return Position(0, session.scalar(select(func.max(log.id))) or 0)
    xmin = session.scalar(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
    return Position(int(xmin or 0), 0)


def is_of_another_cluster(database: Database) -> bool:
    """Whether events carry transaction numbers that this PostgreSQL cluster has not reached yet."""
    if database.is_sqlite:
        return False
    with database.read() as session:
        reached = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        return bool(session.scalar(text(f"SELECT EXISTS (SELECT 1 FROM events WHERE txid >= {reached})")))


# SQLite has one transaction number, and only by `id` alone does it find where to begin.
_BETWEEN = {
    "sqlite": ("id > :after_id AND id <= :end_id", "id"),
    "postgresql": (
        "(txid, id) > (:after_txid, :after_id) AND (txid, id) <= (:end_txid, :end_id)",
        "txid, id",
    ),
}
_READ = {
    (dialect, of_group): text(
        f"SELECT txid, id, {COLUMNS} FROM events WHERE {between}"
        # The plus keeps the database from reading all of the group by its index and sorting it.
        f"{' AND +dataset_group_id = :group' if of_group else ''} ORDER BY {order} LIMIT :size"
    )
    for dialect, (between, order) in _BETWEEN.items()
    for of_group in (False, True)
}
_READ_USER = text(
    f"SELECT txid, id, {COLUMNS} FROM events WHERE dataset_group_id = :group AND user_key = :user_key"
    " AND (txid, id) > (:after_txid, :after_id) ORDER BY timestamp DESC, id DESC LIMIT :size"
)


_READ_TYPES = text(
    "SELECT item_id, event_type FROM events WHERE dataset_group_id = :group AND user_key = :user_key"
    " AND (txid, id) > (:after_txid, :after_id) ORDER BY timestamp DESC, id DESC"
)


def read(
    session: Session, *, after: Position, end: Position, group: int | None = None, size: int = 5000
) -> Iterator[Stored]:
    """Events after one position up to another, in the log's order; of one dataset group or of all."""
    statement = _READ[session.get_bind().dialect.name, group is not None]
    given = {"end_txid": end.txid, "end_id": end.id, "size": size, "group": group}
    while True:
        place = {"after_txid": after.txid, "after_id": after.id}
        rows = session.execute(statement, given | place).fetchall()
        for row in rows:
            yield _stored(row)
        if len(rows) < size:
            return
        after = Position(rows[-1][0], rows[-1][1])


def read_user(session: Session, group: int, user_key: str, *, after: Position, size: int) -> list[Stored]:
    """A user's newest events after a position, at most `size`, oldest first by their time."""
    rows = session.execute(
        _READ_USER,
        {
            "group": group,
            "user_key": user_key,
            "after_txid": after.txid,
            "after_id": after.id,
            "size": size,
        },
    ).fetchall()
    return [_stored(row) for row in reversed(rows)]


def read_user_types(session: Session, group: int, user_key: str, *, after: Position) -> list[tuple[str, str]]:
    """Item and type of all of a user's events after a position, newest first by their time."""
    place = {"after_txid": after.txid, "after_id": after.id}
    rows = session.execute(_READ_TYPES, {"group": group, "user_key": user_key} | place)
    return [(item_id, event_type) for item_id, event_type in rows]


def _stored(row: Any) -> Stored:
    return Stored(Position(row[0], row[1]), Event(*row[2:]))


class Streamed(NamedTuple):
    """What training reads: the columns of a dataset group's events, and how far it has read."""

    columns: dict[str, list[Any]]
    watermark: Position


def read_streamed(database: Database, group: int, *, after: Position = START) -> Streamed:
    """All events of a dataset group after a position, by column, in the log's order.

    The keys are the fields of `Event`, and `id`. The watermark is to be kept with whatever is made of the
    events: exactly the events after it are missing from that, and none is counted twice.
    """
    with database.read() as session:
        end = end_of_log(session, database)
        rows = list(read(session, after=after, end=end, group=group))
    columns: dict[str, list[Any]] = {
        name: [stored.event[place] for stored in rows] for place, name in enumerate(Event._fields)
    }
    columns["id"] = [stored.position.id for stored in rows]
    return Streamed(columns, max(end, after))
