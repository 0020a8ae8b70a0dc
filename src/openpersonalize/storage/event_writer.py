"""The writer of the event log: one thread that commits whatever has queued up in one transaction.

While one group is being made durable the next one gathers, so the groups grow with the load by themselves.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from sqlalchemy.exc import DBAPIError

from openpersonalize.errors import ThrottlingException
from openpersonalize.storage import event_log
from openpersonalize.storage.database import Database
from openpersonalize.storage.event_log import Event, Stored

log = logging.getLogger(__name__)

MAX_WAITING_CALLS = 20_000
MAX_EVENTS_IN_GROUP = event_log.MAX_EVENTS_IN_STATEMENT
ATTEMPTS = 5
_DONE = b""


class _Append(NamedTuple):
    """The events of one call, and who waits for them."""

    events: Sequence[Event]
    answer: "asyncio.Future[bytes]"


Outcome = tuple["asyncio.Future[bytes]", BaseException | None]


class EventWriter:
    """Appends events in group commits; used by one event loop."""

    def __init__(
        self,
        database: Database,
        after_commit: Callable[[list[Stored]], None],
        *,
        max_waiting_calls: int = MAX_WAITING_CALLS,
    ) -> None:
        """`after_commit` gets what a group stored, in the writer's thread, before its calls are answered."""
        self._database = database
        self._after_commit = after_commit
        self._queue: SimpleQueue[_Append | None] = SimpleQueue()
        self._max_waiting_calls = max_waiting_calls
        self._waiting = 0
        self._thread: threading.Thread | None = None
        self._connection: Any = None
        self.n_commits = 0
        self.n_events = 0

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="event-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Commit what is queued and end the thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
            log.info("the event log is closed", extra={"events": self.n_events, "commits": self.n_commits})

    def append(self, events: Sequence[Event]) -> "asyncio.Future[bytes]":
        """Store the events of one call, all or none; the future is done when they are durable.

        Raises ThrottlingException while too many calls wait for the database.
        """
        if self._waiting >= self._max_waiting_calls:
            raise ThrottlingException("The event log does not keep up: send the events again a little later.")
        self._waiting += 1
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._queue.put(_Append(events, answer))
        return answer

    def _run(self) -> None:
        group: list[_Append] = []
        running = True
        while running:
            running = self._gather(group)
            if group:
                outcomes = self._commit(group)
                group[0].answer.get_loop().call_soon_threadsafe(self._answer, outcomes)
                group = []
        self._disconnect()

    def _gather(self, group: list[_Append]) -> bool:
        """Wait for a call and take all others that are queued; False when it is time to end."""
        append = self._queue.get()
        n_events = 0
        try:
            while append is not None:
                group.append(append)
                n_events += len(append.events)
                if n_events > MAX_EVENTS_IN_GROUP - 10:
                    return True
                append = self._queue.get_nowait()
        except Empty:
            return True
        return False

    def _commit(self, group: list[_Append]) -> list[Outcome]:
        try:
            self._store([event for append in group for event in append.events])
        except Exception as error:
            if len(group) == 1 or _is_passing(error):
                log.exception("events could not be stored")
                return [(append.answer, error) for append in group]
            # One call must not fail the others: each gets a transaction of its own.
            return [outcome for append in group for outcome in self._commit([append])]
        return [(append.answer, None) for append in group]

    def _store(self, events: list[Event]) -> None:
        """Append events, again where the database says that it collided or went away."""
        for attempt in range(ATTEMPTS):
            try:
                connection = self._connect()
                stored = event_log.append(connection, events, is_sqlite=self._database.is_sqlite)
                break
            except Exception as error:
                self._disconnect()
                if attempt == ATTEMPTS - 1 or not _is_passing(error):
                    raise
                time.sleep(0.02 * 2**attempt)
        self.n_commits += 1
        self.n_events += len(stored)
        self._after_commit(stored)

    def _connect(self) -> Any:
        if self._connection is None:
            self._connection = self._database.engine.raw_connection()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection = None

    def _answer(self, outcomes: list[Outcome]) -> None:
        self._waiting -= len(outcomes)
        for answer, error in outcomes:
            if answer.done():
                continue
            if error is None:
                answer.set_result(_DONE)
            else:
                answer.set_exception(error)


def _is_passing(error: Exception) -> bool:
    """Whether the database is at fault and not the statement: locks, deadlocks, a lost connection."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return any(kind.__name__ in ("OperationalError", "InterfaceError") for kind in type(original).__mro__)
