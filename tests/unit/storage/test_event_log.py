"""The event log: what an append stores, and that no reader ever misses an event."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from openpersonalize.errors import ThrottlingException
from openpersonalize.storage import event_log
from openpersonalize.storage.database import Database
from openpersonalize.storage.event_log import START, Event, Position, Stored, end_of_log, read_streamed
from openpersonalize.storage.event_writer import EventWriter
from openpersonalize.storage.tail import Tail
from tests.unit.storage.log_readers import until_readable


def an_event(number: int, *, group: int = 1, user: str = "u", event_id: str | None = None) -> Event:
    return Event(
        dataset_group_id=group,
        duplicate_key=number.to_bytes(16, "big"),
        event_id=event_id,
        user_key=user,
        user_id=user,
        session_id="s",
        item_id=f"i{number}",
        event_type="view",
        event_value=None,
        timestamp=1000 + number,
        properties=None,
        recommendation_id=None,
        impression=None,
        attribution_source=None,
        source_arn=None,
        received_at=0.5,
    )


def append(database: Database, *events: Event) -> list[Stored]:
    connection = database.engine.raw_connection()
    try:
        stored = event_log.append(connection, events, is_sqlite=database.is_sqlite)
    finally:
        connection.close()
    until_readable(database)
    return stored


def read_all(
    database: Database, after: Position = START, *, is_held_back: bool = False
) -> tuple[list[str], Position]:
    if not is_held_back:
        until_readable(database)
    with database.read() as session:
        end = end_of_log(session, database)
        return [stored.event.item_id for stored in event_log.read(session, after=after, end=end, size=2)], end


def test_what_was_appended_is_read_in_order(database: Database) -> None:
    events = [an_event(number) for number in range(5)]
    stored = append(database, *events)

    assert [entry.event for entry in stored] == events
    assert sorted(entry.position for entry in stored) == [entry.position for entry in stored]
    assert read_all(database)[0] == ["i0", "i1", "i2", "i3", "i4"]
    assert read_all(database, after=stored[2].position)[0] == ["i3", "i4"]
    with database.read() as session:
        assert list(event_log.read(session, after=START, end=stored[-1].position, group=1)) == stored


def test_duplicates_are_dropped_and_the_rest_keeps_its_place(database: Database) -> None:
    append(database, an_event(1, event_id="e1"))
    stored = append(database, an_event(0), an_event(1), an_event(2, event_id="e1"), an_event(3), an_event(3))

    assert [entry.event.item_id for entry in stored] == ["i0", "i3"]
    assert read_all(database)[0] == ["i1", "i0", "i3"]
    with database.read() as session:
        assert list(event_log.read(session, after=START, end=stored[-1].position))[1:] == stored


def test_an_append_of_nothing_new_stores_nothing(database: Database) -> None:
    append(database, an_event(1))

    assert append(database, an_event(1)) == []


def test_the_same_event_of_two_groups_is_two_events(database: Database) -> None:
    assert len(append(database, an_event(1, group=1), an_event(1, group=2))) == 2


def test_a_reader_misses_nothing_when_transactions_commit_in_reverse_order(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    seen: list[str] = []
    position = START
    insert = text(
        "INSERT INTO events (txid, dataset_group_id, duplicate_key, user_key, session_id, item_id,"
        " event_type, timestamp, received_at)"
        " VALUES (pg_current_xact_id()::text::bigint, 1, :key, 'u', 's', :item, 'view', 1, 0)"
    )
    with database.write() as first, database.write() as second:
        first.execute(insert, {"key": b"1", "item": "began first"})
        second.execute(insert, {"key": b"2", "item": "committed first"})
        second.commit()
        items, position = read_all(database, after=position, is_held_back=True)
        seen += items
        first.commit()
    items, position = read_all(database, after=position)
    seen += items

    assert sorted(seen) == ["began first", "committed first"]
    assert read_all(database, after=position)[0] == []


def test_training_reads_its_group_up_to_a_watermark(database: Database) -> None:
    append(database, an_event(1), an_event(2, group=2), an_event(3))
    streamed = read_streamed(database, 1)
    later = append(database, an_event(4))

    assert streamed.columns["item_id"] == ["i1", "i3"]
    assert later[0].position > streamed.watermark
    assert read_streamed(database, 1, after=streamed.watermark).columns["item_id"] == ["i4"]


def test_training_on_no_events_has_a_watermark_too(database: Database) -> None:
    streamed = read_streamed(database, 99)

    assert streamed.columns["item_id"] == []
    assert append(database, an_event(1, group=99))[0].position > streamed.watermark


@pytest.mark.parametrize("group", [None, 1])
def test_reading_the_newest_events_does_not_scan_the_log(database: Database, group: int | None) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL plans by its statistics, which a small table does not have")
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    with database.read() as session:
        list(event_log.read(session, after=Position(0, 5), end=Position(0, 9), group=group))
        plan = session.connection().exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statements[0]}", (1,) * statements[0].count("?")
        )

        assert [line[3] for line in plan] == ["SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]


def write(database: Database, *calls: list[Event]) -> list[Any]:
    """What a writer answers calls that wait at the same time: b"" or the error."""
    tail = Tail(database)
    writer = EventWriter(database, tail.add_own)

    async def run() -> list[Any]:
        answers = [writer.append(call) for call in calls]
        writer.start()
        return list(await asyncio.gather(*answers, return_exceptions=True))

    try:
        return asyncio.run(run())
    finally:
        writer.stop()


def test_events_of_a_dump_restored_into_another_cluster_are_known(database: Database) -> None:
    append(database, an_event(1))
    before = event_log.is_of_another_cluster(database)
    with database.write() as session:
        session.execute(text("UPDATE events SET txid = txid + 1000000000"))
    restored = event_log.is_of_another_cluster(database)
    with database.write() as session:
        session.execute(text("UPDATE events SET txid = 0"))

    assert not before
    assert restored == (not database.is_sqlite)
    assert not event_log.is_of_another_cluster(database)
    assert read_streamed(database, 1).columns["item_id"] == ["i1"]


def test_calls_that_wait_are_committed_together(database: Database) -> None:
    tail = Tail(database)
    writer = EventWriter(database, tail.add_own)

    async def run() -> None:
        answers = [writer.append([an_event(number)]) for number in range(50)]
        writer.start()
        await asyncio.gather(*answers)

    asyncio.run(run())
    writer.stop()

    assert (writer.n_commits, writer.n_events) == (1, 50)
    assert len(read_all(database)[0]) == 50


def test_more_calls_than_a_transaction_takes_are_all_stored(database: Database) -> None:
    answers = write(database, *([an_event(10 * call + place) for place in range(10)] for call in range(250)))

    assert answers == [b""] * 250
    assert len(read_all(database)[0]) == 2500


def test_a_call_that_cannot_be_stored_fails_alone(database: Database) -> None:
    bad = an_event(2)._replace(timestamp=2**70)
    answers = write(database, [an_event(0)], [an_event(1), bad], [an_event(3)])

    assert [type(answer) is bytes for answer in answers] == [True, False, True]
    assert read_all(database)[0] == ["i0", "i3"]


def test_more_calls_than_may_wait_are_told_to_come_later(database: Database) -> None:
    writer = EventWriter(database, lambda stored: None, max_waiting_calls=2)

    async def run() -> None:
        answers = [writer.append([an_event(number)]) for number in range(2)]
        with pytest.raises(ThrottlingException):
            writer.append([an_event(2)])
        writer.start()
        await asyncio.gather(*answers)
        await writer.append([an_event(3)])

    asyncio.run(run())
    writer.stop()

    assert read_all(database)[0] == ["i0", "i1", "i3"]


def test_a_lost_connection_is_made_again(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has no connection to lose")
    writer = EventWriter(database, lambda stored: None)
    terminate = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    async def run() -> None:
        await writer.append([an_event(0)])
        with database.read() as session:
            session.execute(terminate)
        await writer.append([an_event(1)])

    writer.start()
    asyncio.run(run())
    writer.stop()

    assert read_all(database)[0] == ["i0", "i1"]


def test_a_writer_that_stops_commits_what_it_has(database: Database, tmp_path: Path) -> None:
    writer = EventWriter(database, lambda stored: None)

    async def run() -> None:
        answer = writer.append([an_event(1)])
        writer.start()
        writer.stop()
        await answer

    asyncio.run(run())

    assert read_all(database)[0] == ["i1"]
