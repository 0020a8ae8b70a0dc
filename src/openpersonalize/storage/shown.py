"""The lists that were shown: what an event's recommendationId stands for when it names no impression itself.

They are written behind: an answer is queued as it is, and a thread stores those of the last half second in
one transaction. A process that is killed loses that half second, and one with too much to do drops the
oldest. Of dataset groups without a tracker, to which no event can come, nothing is stored.

A list is kept for `KEPT_S`, and for `KEPT_NAMED_S` if an event has named it by then, so that weekly trainings
find the lists of all their events.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session

from openpersonalize.storage.database import Database, retry_on_contention
from openpersonalize.storage.erasing import erase
from openpersonalize.storage.log_tables import EventRow, ShownListRow
from openpersonalize.storage.tables import DatasetGroupRow, EventTrackerRow

log = logging.getLogger(__name__)

FLUSH_S = 0.5
MOST_WAITING = 5_000
KEPT_S = 86_400.0
KEPT_NAMED_S = 90 * 86_400.0
MOST_KEPT = 1_000_000
"""Lists that no event has named; about 400 MB."""
PIECE = 500
DECODED_AT_ONCE = 50


class _Item(msgspec.Struct, rename="camel", gc=False):
    item_id: str


class _Answer(msgspec.Struct, rename="camel"):
    """What is read of an answer."""

    item_list: list[_Item]
    recommendation_id: str


class _Shown(NamedTuple):
    """An answer of a campaign or recommender, and the number of its dataset group."""

    group: int
    source_arn: str
    answer: bytes


Row = tuple[str, str, str, float]
"""recommendationId, source, the items as a JSON list, and when they were shown."""

_INSERT = (
    "INSERT INTO shown_lists (recommendation_id, source_arn, item_ids, shown_at, is_kept) {}"
    " ON CONFLICT DO NOTHING"
)
_INSERT_SQLITE = _INSERT.format("VALUES (?, ?, ?, ?, 0)")
_INSERT_POSTGRES = _INSERT.format(
    "SELECT *, false FROM unnest(%s::text[], %s::text[], %s::text[], %s::float8[])"
)

_decode = msgspec.json.Decoder(_Answer).decode
_decode_ids = msgspec.json.Decoder(list[str]).decode
_encode = msgspec.json.encode


class ShownLists:
    """Keeps what the answers of one process have shown."""

    def __init__(
        self, database: Database, clock: Callable[[], float], *, most_waiting: int = MOST_WAITING
    ) -> None:
        self._database = database
        self._clock = clock
        self._waiting: deque[_Shown] = deque(maxlen=most_waiting)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_failing = False

    def start(self) -> None:
        """Start the thread."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="shown-lists", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Store what is queued and end the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def remember(self, group: int, source_arn: str, answer: bytes) -> None:
        """Queue the body of an answer of GetRecommendations; from any thread, at no cost to speak of."""
        self._waiting.append(_Shown(group, source_arn, answer))

    def flush(self) -> int:
        """Store what is queued; says how many lists."""
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not taken:
            return 0
        rows = list(self._rows(taken))
        if rows:
            retry_on_contention(partial(self._insert, rows))
        return len(rows)

    def _run(self) -> None:
        while not self._stopping.wait(FLUSH_S):
            self._try()
        self._try()

    def _try(self) -> None:
        try:
            self.flush()
            self._is_failing = False
        except Exception as error:  # noqa: BLE001  (these lists are lost, the next ones need not be)
            if not self._is_failing:
                log.warning("lists that were shown cannot be stored", extra={"error": type(error).__name__})
            self._is_failing = True

    def _rows(self, taken: Sequence[_Shown]) -> Iterator[Row]:
        tracked, now = self._tracked(), self._clock()
        for place, (group, source_arn, answer) in enumerate(taken):
            if place % DECODED_AT_ONCE == 0:
                time.sleep(0)  # let the event loop go on
            if group not in tracked:
                continue
            shown = _decode(answer)
            if shown.item_list:
                items = _encode([item.item_id for item in shown.item_list]).decode()
                yield shown.recommendation_id, source_arn, items, now

    def _tracked(self) -> set[int]:
        """The dataset groups with an event tracker."""
        query = select(DatasetGroupRow.id).join(
            EventTrackerRow, EventTrackerRow.dataset_group_arn == DatasetGroupRow.arn
        )
        with self._database.read() as session:
            return set(session.scalars(query))

    def _insert(self, rows: Sequence[Row]) -> None:
        with self._database.write() as session:
            connection = session.connection()
            if self._database.is_sqlite:
                connection.exec_driver_sql(_INSERT_SQLITE, list(rows))
            else:
                columns = tuple(list(column) for column in zip(*rows, strict=True))
                connection.exec_driver_sql(_INSERT_POSTGRES, columns)


def impressions_of(session: Session, columns: Mapping[str, Sequence[Any]]) -> list[list[str] | None]:
    """The items that were shown with each streamed event; None where that is not known.

    `columns` are those of `event_log.Streamed`. An impression that an event names itself wins over the list
    of its recommendationId.
    """
    given = list(zip(columns["impression"], columns["recommendation_id"], columns["source_arn"], strict=True))
    wanted = sorted({shown for own, shown, source in given if own is None and shown and source})
    lists: dict[tuple[str, str], str] = {}
    for start in range(0, len(wanted), PIECE):
        query = select(ShownListRow.recommendation_id, ShownListRow.source_arn, ShownListRow.item_ids).where(
            ShownListRow.recommendation_id.in_(wanted[start : start + PIECE])
        )
        lists |= {(row[0], row[1]): row[2] for row in session.execute(query)}
    found = [own if own is not None else lists.get((shown, source)) for own, shown, source in given]
    return [None if text is None else _decode_ids(text) for text in found]


def forget(database: Database, now: float, *, most_kept: int = MOST_KEPT) -> int:
    """Delete the lists that have expired; says how many."""
    with database.read() as session:
        newest = session.scalar(select(func.max(ShownListRow.id))) or 0
    unnamed, named = ShownListRow.is_kept.is_(False), ShownListRow.is_kept.is_(True)
    n_deleted = 0
    for expired in (ShownListRow.shown_at < now - KEPT_S, ShownListRow.id <= newest - most_kept):
        _keep_named(database, unnamed & expired)
        n_deleted += erase(database, ShownListRow, unnamed & expired)
    return n_deleted + erase(database, ShownListRow, named & (ShownListRow.shown_at < now - KEPT_NAMED_S))


def _keep_named(database: Database, condition: ColumnElement[bool]) -> None:
    """Mark the lists which events name."""
    is_named = exists().where(EventRow.recommendation_id == ShownListRow.recommendation_id)
    with database.read() as session:
        ids = list(session.scalars(select(ShownListRow.id).where(condition, is_named)))
    for start in range(0, len(ids), PIECE):
        retry_on_contention(partial(_mark, database, ids[start : start + PIECE]))


def _mark(database: Database, ids: Sequence[int]) -> None:
    with database.write() as session:
        session.execute(update(ShownListRow).where(ShownListRow.id.in_(ids)).values(is_kept=True))
