"""The tail: what users did since what serves was made of their events, in memory.

It holds, for each dataset group with a deployment or an index of its interactions, the events after the
oldest of their watermarks. The process that took an event adds it as soon as it is committed; a thread reads
what other processes wrote. Adding an event twice changes nothing, so neither needs to know of the other.

The tail is bounded. Of one user it keeps the newest `EVENTS_PER_USER`, more than any model reads. When it
holds more than `max_events` of a dataset group, the users whose last event came longest ago are dropped;
when one of them asks again, the events are read from SQL (by an index over group, user and time: about a
millisecond instead of one look-up) and kept again.

Whoever deletes events from the log bumps the counter `ERASURES` in the same transaction; each process then
reads its whole tail anew, so that a deleted event is soon in no memory either.
"""

import logging
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from openpersonalize.storage import event_log
from openpersonalize.storage.database import Database
from openpersonalize.storage.event_log import Position, Stored
from openpersonalize.storage.records import ERASURES, counter

log = logging.getLogger(__name__)

EVENTS_PER_USER = 500
MAX_EVENTS = 1_000_000
POLL_S = 0.2
ADDED_AT_ONCE = 500


class Recent(NamedTuple):
    """One event of a user; the fields are in the order by which events are sorted."""

    timestamp: int
    id: int
    txid: int
    item_id: str
    event_type: str
    event_value: float | None


Recents = tuple[Recent, ...]
NOTHING: Recents = ()


@dataclass(slots=True)
class _User:
    """A user's events, oldest first: all of those after `since`. The tuple is replaced, never changed."""

    events: Recents
    since: Position


@dataclass
class _Group:
    """The users of one dataset group, the one that acted longest ago first.

    Everything after `floor` is here; of what lies before, only what the users' own `since` says.
    """

    watermark: Position
    floor: Position
    users: OrderedDict[str, _User] = field(default_factory=OrderedDict)
    n_events: int = 0


class Tail:
    """The newest events of all users; one for a process. Reading takes no lock."""

    def __init__(
        self, database: Database, *, max_events: int = MAX_EVENTS, per_user: int = EVENTS_PER_USER
    ) -> None:
        self._database = database
        self._max_events = max_events
        self._per_user = per_user
        self._groups: dict[int, _Group] = {}
        self._filling: dict[int, _Group] = {}
        self._wanted: dict[str, Mapping[int, Position]] = {}
        self._serving = threading.Lock()
        self._lock = threading.Lock()
        self._read_up_to: Position | None = None
        self._erasures: int | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread that reads what other processes write."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="tail-reader", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def recent(self, group: int, user_key: str, watermark: Position) -> Recents | None:
        """A user's events, oldest first: all after the watermark, and perhaps some before it.

        None where memory does not have them all: `load` has.
        """
        held = self._groups.get(group)
        if held is None:
            return None
        user = held.users.get(user_key)
        if user is None:
            return NOTHING if watermark >= held.floor else None
        if watermark >= user.since or len(user.events) >= self._per_user:
            return user.events
        return None

    def whole(self, group: int, user_key: str, watermark: Position) -> Recents | None:
        """The same, but None as well for a user with more of them than are kept in memory."""
        held = self._groups.get(group)
        user = None if held is None else held.users.get(user_key)
        if user is None:
            return NOTHING if held is not None and watermark >= held.floor else None
        events = user.events  # before `since`, which is raised before an event is dropped
        return events if watermark >= user.since else None

    def load(self, group: int, user_key: str, watermark: Position) -> Recents:
        """What `recent` gives, from SQL, and kept in memory from then on if the group is served."""
        held = self._groups.get(group)
        floor = held.floor if held is not None else None
        with self._database.read() as session:
            stored = event_log.read_user(session, group, user_key, after=watermark, size=self._per_user)
        events = tuple(_recent(entry) for entry in stored)
        with self._lock:
            # What was dropped meanwhile may be newer than what was read.
            if held is None or held.floor != floor or not events:
                return events
            user = self._user(held, user_key)
            # Of more than are kept, those left out may lie anywhere before the newest.
            since = watermark if len(stored) < self._per_user else max(entry.position for entry in stored)
            user.since = min(user.since, since)
            for event in events:
                self._insert(held, user, event)
            self._shrink(held)
            return user.events

    def load_types(self, group: int, user_key: str, watermark: Position) -> list[tuple[str, str]]:
        """Item and type of each event that `whole` gives, newest first, from SQL."""
        with self._database.read() as session:
            return event_log.read_user_types(session, group, user_key, after=watermark)

    def add(self, stored: Iterable[Stored]) -> None:
        """Add committed events; those of groups that are not served are left out."""
        entries = iter(stored)
        # Some at a time: `stored` may be reading from SQL, and others wait for the lock.
        while some := list(islice(entries, ADDED_AT_ONCE)):
            with self._lock:
                for entry in some:
                    self._add(entry)

    def add_own(self, stored: list[Stored]) -> None:
        """Add what this process has just committed; on SQLite the reader then need not read it again."""
        self.add(stored)
        if not stored or not self._database.is_sqlite:
            return
        with self._lock:
            if self._read_up_to is not None and self._read_up_to.id + 1 == stored[0].position.id:
                self._read_up_to = stored[-1].position

    def _add(self, entry: Stored) -> None:
        group = entry.event.dataset_group_id
        for held in (self._groups.get(group), self._filling.get(group)):
            if held is not None and entry.position > held.watermark:
                user = self._user(held, entry.event.user_key)
                self._insert(held, user, _recent(entry))
                self._shrink(held)

    def serve(self, watermarks: Mapping[int, Position], reader: str = "models") -> None:
        """Hold, from now on, the events of these dataset groups after these positions, and no others.

        Each reader says what it needs; what any of them needs is held. Returns when everything committed up
        to now is there.
        """
        with self._serving:
            self._wanted[reader] = watermarks
            oldest: dict[int, Position] = {}
            for wanted in self._wanted.values():
                for group, watermark in wanted.items():
                    oldest[group] = min(oldest.get(group, watermark), watermark)
            self._serve(oldest)

    def _serve(self, watermarks: Mapping[int, Position]) -> None:
        for group, watermark in watermarks.items():
            held = self._groups.get(group)
            if held is None or watermark < held.watermark:
                self._fill(group, watermark)
            elif watermark > held.watermark:
                self._advance(held, watermark)
        with self._lock:
            for group in self._groups.keys() - watermarks.keys():
                del self._groups[group]

    def _fill(self, group: int, watermark: Position) -> None:
        with self._lock:
            # New events come in from here on; those before are read below.
            filling = self._filling[group] = _Group(watermark, floor=watermark)
        try:
            with self._database.read() as session:
                end = event_log.end_of_log(session, self._database)
                # What lies after the end is read once more by `read_others`. It is taken here, too: this
                # process may have added it to the group that is replaced, or before the group was served.
                self.add(event_log.read(session, after=watermark, end=event_log.EVERYTHING, group=group))
            with self._lock:
                self._groups[group] = filling
                if self._read_up_to is None:
                    self._read_up_to = end
        finally:
            with self._lock:
                del self._filling[group]

    def _advance(self, held: _Group, watermark: Position) -> None:
        """Forget what all readers have by other means."""
        with self._lock:
            held.watermark = watermark
            held.floor = max(held.floor, watermark)
            for user_key, user in list(held.users.items()):
                left = tuple(event for event in user.events if (event.txid, event.id) > watermark)
                held.n_events -= len(user.events) - len(left)
                user.events, user.since = left, max(user.since, watermark)
                if not left:
                    del held.users[user_key]

    def _user(self, held: _Group, user_key: str) -> _User:
        user = held.users.get(user_key)
        if user is None:
            user = held.users[user_key] = _User(NOTHING, held.floor)
        else:
            held.users.move_to_end(user_key)
        return user

    def _insert(self, held: _Group, user: _User, event: Recent) -> None:
        events = user.events
        place = len(events) if not events or events[-1] < event else bisect_left(events, event)
        if place < len(events) and events[place].id == event.id:
            return
        events = (*events[:place], event, *events[place:])
        held.n_events += 1
        if len(events) > self._per_user:
            user.since = max(user.since, Position(events[0].txid, events[0].id))
            events = events[1:]
            held.n_events -= 1
        user.events = events

    def _shrink(self, held: _Group) -> None:
        """Drop the users that acted longest ago; what they did is to be read from SQL."""
        while held.n_events > self._max_events and len(held.users) > 1:
            _, user = held.users.popitem(last=False)
            held.n_events -= len(user.events)
            dropped = max(Position(event.txid, event.id) for event in user.events)
            held.floor = max(held.floor, dropped)

    def _run(self) -> None:
        is_failing = False
        while not self._stopping.wait(POLL_S):
            try:
                self.read_others()
                is_failing = False
            except Exception as error:  # noqa: BLE001  (the next round reads the same again)
                if not is_failing:
                    log.warning("the event log cannot be read", extra={"error": type(error).__name__})
                is_failing = True

    def read_others(self) -> None:
        """Add what was committed since the last time, by whatever process."""
        with self._database.read() as session:
            erasures = counter(session, ERASURES)
            end = event_log.end_of_log(session, self._database)
            start = self._read_up_to
            if start is not None and end > start and (self._groups or self._filling):
                self.add(event_log.read(session, after=start, end=end))
        with self._lock:
            self._read_up_to = end if self._read_up_to is None else max(self._read_up_to, end)
        if erasures != self._erasures:
            self._forget_erased()
            self._erasures = erasures

    def _forget_erased(self) -> None:
        # Two may not fill the same group at a time: one of them would serve what the other has not read yet.
        with self._serving:
            for group, held in list(self._groups.items()):
                self._fill(group, held.watermark)


def _recent(stored: Stored) -> Recent:
    position, event = stored
    return Recent(
        event.timestamp, position.id, position.txid, event.item_id, event.event_type, event.event_value
    )
