"""The tail: it holds what the log has after the watermarks, and says when it does not."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from sqlalchemy import text

from openpersonalize.storage import event_log
from openpersonalize.storage.database import Database
from openpersonalize.storage.event_log import START, Event, Position, Stored
from openpersonalize.storage.records import ERASURES, bump
from openpersonalize.storage.tail import Recents, Tail
from tests.unit.storage.log_readers import until_readable

GROUP = 1


def an_event(user: str, item: str, timestamp: int, group: int = GROUP) -> Event:
    key = f"{user} {item} {timestamp}".encode().ljust(16)[:16]
    return Event(
        group, key, None, user, user, "s", item, "view", None, timestamp, None, None, None, None, None, 0.5
    )


def append(database: Database, *events: Event) -> list[Stored]:
    stored = append_only(database, *events)
    until_readable(database)
    return stored


def append_only(database: Database, *events: Event) -> list[Stored]:
    """The same, without waiting until readers of what others wrote may see them."""
    connection = database.engine.raw_connection()
    try:
        return event_log.append(connection, events, is_sqlite=database.is_sqlite)
    finally:
        connection.close()


def items(recents: Recents | None) -> list[str] | None:
    return None if recents is None else [recent.item_id for recent in recents]


def test_it_reads_what_lies_after_the_watermark(database: Database) -> None:
    first = append(database, an_event("u", "old", 1))
    append(database, an_event("u", "new", 2), an_event("v", "other", 3))
    tail = Tail(database)
    tail.serve({GROUP: first[0].position})

    assert items(tail.recent(GROUP, "u", first[0].position)) == ["new"]
    assert items(tail.recent(GROUP, "nobody", first[0].position)) == []


def test_it_holds_only_what_is_served(database: Database) -> None:
    tail = Tail(database)
    tail.add_own(append(database, an_event("u", "i", 1)))

    assert tail.recent(GROUP, "u", START) is None
    tail.serve({GROUP: START})
    assert items(tail.recent(GROUP, "u", START)) == ["i"]
    tail.serve({})
    assert tail.recent(GROUP, "u", START) is None


def test_events_of_this_process_are_there_at_once(database: Database) -> None:
    tail = Tail(database)
    tail.serve({GROUP: START})
    tail.add_own(append(database, an_event("u", "i", 1)))

    assert items(tail.recent(GROUP, "u", START)) == ["i"]


def test_events_of_other_processes_are_read_once(database: Database) -> None:
    tail = Tail(database)
    tail.serve({GROUP: START})
    append(database, an_event("u", "theirs", 1))
    tail.add_own(append(database, an_event("u", "ours", 2)))
    append(database, an_event("u", "theirs too", 3))
    for _ in range(2):
        tail.read_others()

    assert items(tail.recent(GROUP, "u", START)) == ["theirs", "ours", "theirs too"]


def test_deleted_events_are_soon_in_no_memory(database: Database) -> None:
    stored = append(database, an_event("u", "a", 1), an_event("u", "erased", 2))
    tail = Tail(database)
    tail.serve({GROUP: START})
    tail.read_others()
    assert items(tail.recent(GROUP, "u", START)) == ["a", "erased"]
    with database.write() as session:
        session.execute(text("DELETE FROM events WHERE id = :id"), {"id": stored[1].position.id})
        bump(session, ERASURES)
    tail.read_others()

    assert items(tail.recent(GROUP, "u", START)) == ["a"]


def test_own_events_are_there_at_once_while_another_transaction_runs(database: Database) -> None:
    """On PostgreSQL it holds the log back, for readers of what others wrote."""
    tail = Tail(database)
    with ExitStack() as running:
        if not database.is_sqlite:
            session = running.enter_context(database.write())
            session.execute(text("SELECT pg_current_xact_id()"))
        tail.add_own(append_only(database, an_event("u", "i", 1)))
        tail.serve({GROUP: START})
        assert items(tail.recent(GROUP, "u", START)) == ["i"]

        tail.add_own(append_only(database, an_event("u", "j", 2)))
        with database.write() as another:
            bump(another, ERASURES)
        tail.read_others()
        assert items(tail.recent(GROUP, "u", START)) == ["i", "j"]


def test_what_is_served_anew_is_whole_while_others_erase(database: Database) -> None:
    n_events = 300
    stored = append(database, *(an_event("u", f"i{number}", number) for number in range(n_events)))
    tail = Tail(database)
    done = threading.Event()

    def read_anew() -> None:
        while not done.is_set():
            with database.write() as session:
                bump(session, ERASURES)
            tail.read_others()

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read_anew)
        try:
            for _ in range(200):
                tail.serve({GROUP: stored[-1].position})
                tail.serve({GROUP: START})
                assert len(tail.recent(GROUP, "u", START) or ()) == n_events
        finally:
            done.set()
        reader.result()


def test_events_stand_in_the_order_of_their_time(database: Database) -> None:
    tail = Tail(database)
    tail.serve({GROUP: START})
    for timestamp in (5, 1, 3, 3):
        tail.add_own(append(database, an_event("u", f"i{timestamp}", timestamp)))

    assert items(tail.recent(GROUP, "u", START)) == ["i1", "i3", "i5"]


def test_a_later_watermark_forgets_and_an_earlier_one_remembers(database: Database) -> None:
    stored = append(database, *(an_event("u", f"i{number}", number) for number in range(4)))
    tail = Tail(database)
    tail.serve({GROUP: START})
    tail.serve({GROUP: stored[1].position})

    assert items(tail.recent(GROUP, "u", stored[1].position)) == ["i2", "i3"]
    assert tail.recent(GROUP, "u", START) is None

    tail.serve({GROUP: START})

    assert items(tail.recent(GROUP, "u", START)) == ["i0", "i1", "i2", "i3"]


def test_of_a_user_it_keeps_the_newest(database: Database) -> None:
    tail = Tail(database, per_user=3)
    tail.serve({GROUP: START})
    tail.add_own(append(database, *(an_event("u", f"i{number}", number) for number in range(5))))

    assert items(tail.recent(GROUP, "u", START)) == ["i2", "i3", "i4"]
    assert items(tail.load(GROUP, "u", START)) == ["i2", "i3", "i4"]


def test_users_that_do_not_fit_are_read_from_sql(database: Database) -> None:
    tail = Tail(database, max_events=4)
    tail.serve({GROUP: START})
    for user in ("a", "b", "c"):
        tail.add_own(append(database, *(an_event(user, f"{user}{number}", number) for number in range(2))))

    assert tail.recent(GROUP, "a", START) is None
    assert items(tail.recent(GROUP, "c", START)) == ["c0", "c1"]

    assert items(tail.load(GROUP, "a", START)) == ["a0", "a1"]
    assert items(tail.recent(GROUP, "a", START)) == ["a0", "a1"]
    assert tail.recent(GROUP, "b", START) is None


def test_a_user_that_was_dropped_and_acts_again_is_read_from_sql(database: Database) -> None:
    tail = Tail(database, max_events=2)
    tail.serve({GROUP: START})
    for user in ("a", "b", "a"):
        tail.add_own(append(database, *(an_event(user, f"{user}{number}", number) for number in range(2))))
    tail.add_own(append(database, an_event("a", "a2", 2)))

    assert tail.recent(GROUP, "a", START) is None
    assert items(tail.load(GROUP, "a", START)) == ["a0", "a1", "a2"]


def test_whoever_never_acted_is_read_from_sql_once_something_was_dropped(database: Database) -> None:
    tail = Tail(database, max_events=2)
    tail.serve({GROUP: START})
    tail.add_own(append(database, *(an_event(f"u{number}", "i", number) for number in range(5))))

    assert tail.recent(GROUP, "nobody", START) is None
    assert items(tail.load(GROUP, "nobody", START)) == []


def test_a_smaller_tail_answers_as_a_larger_one(database: Database) -> None:
    small, large = Tail(database, max_events=3), Tail(database)
    for tail in (small, large):
        tail.serve({GROUP: START})
    for number in range(40):
        stored = append(database, an_event(f"u{number * 7 % 5}", f"i{number}", number % 11))
        for tail in (small, large):
            tail.add_own(stored)

        for user in (f"u{number % 5}", f"u{number * 3 % 5}"):
            held = small.recent(GROUP, user, START)
            answer = small.load(GROUP, user, START) if held is None else held
            assert answer == large.recent(GROUP, user, START)


def test_a_position_is_a_place_in_both_numbers() -> None:
    assert Position(1, 9) < Position(2, 1) < Position(2, 2)


def test_it_holds_what_any_of_its_readers_needs(database: Database) -> None:
    first, second = append(database, an_event("u", "first", 1), an_event("u", "second", 2))
    append(database, an_event("u", "third", 3))
    tail = Tail(database)
    tail.serve({GROUP: second.position})
    assert tail.recent(GROUP, "u", first.position) is None

    tail.serve({GROUP: first.position}, "filters")
    assert items(tail.recent(GROUP, "u", first.position)) == ["second", "third"]

    tail.serve({GROUP: second.position})
    assert items(tail.recent(GROUP, "u", first.position)) == ["second", "third"]

    tail.serve({}, "filters")
    assert items(tail.recent(GROUP, "u", second.position)) == ["third"]


def test_it_says_when_it_has_not_the_whole_of_what_a_user_did(database: Database) -> None:
    stored = append(database, *(an_event("u", f"i{number}", number) for number in range(5)))
    tail = Tail(database, per_user=3)
    tail.serve({GROUP: START})

    assert items(tail.recent(GROUP, "u", START)) == ["i2", "i3", "i4"]
    assert tail.whole(GROUP, "u", START) is None
    assert items(tail.whole(GROUP, "u", stored[1].position)) == ["i2", "i3", "i4"]
    tail.load(GROUP, "u", START)
    assert tail.whole(GROUP, "u", START) is None
    assert tail.whole(GROUP, "nobody", START) == ()
    assert tail.whole(GROUP + 1, "u", START) is None
