"""Lists that were shown: what is stored of answers, which event gets which list, and when they go."""

import json
from typing import Any

import pytest
from sqlalchemy import delete, select, text

from openpersonalize.storage import event_log
from openpersonalize.storage.database import Database
from openpersonalize.storage.event_log import Event, read_streamed
from openpersonalize.storage.log_tables import ShownListRow
from openpersonalize.storage.shown import KEPT_NAMED_S, KEPT_S, ShownLists, forget, impressions_of
from openpersonalize.storage.tables import DatasetGroupRow, EventTrackerRow
from tests.unit.storage.log_readers import until_readable
from tests.world import until

NOW = 1_700_000_000.0
CAMPAIGN, OTHER = "arn:aws:personalize:r:a:campaign/c", "arn:aws:personalize:r:a:campaign/o"
ROW = {
    "account": "0" * 12,
    "region": "r",
    "status": "ACTIVE",
    "creation_date_time": NOW,
    "last_updated_date_time": NOW,
}


@pytest.fixture
def group(database: Database) -> int:
    """The number of a dataset group with a tracker; no list is stored yet."""
    with database.write() as session:
        for table in (ShownListRow, EventTrackerRow, DatasetGroupRow):
            session.execute(delete(table))
        row = DatasetGroupRow(arn="group", name="g", **ROW)
        session.add(row)
        session.flush()
        session.add(
            EventTrackerRow(arn="tracker", name="t", tracking_id="t", dataset_group_arn="group", **ROW)
        )
        session.flush()
        return row.id


def rid(number: int) -> str:
    return f"RID-00-0000-0000-{number:012d}-CID-c1c1c1"


def answer(number: int, *items: str) -> bytes:
    """An answer as the runtime gives it, with all that entries may have."""
    entries: list[dict[str, Any]] = [{"itemId": item, "score": 0.5, "metadata": {"a": "b"}} for item in items]
    return json.dumps({"itemList": entries, "recommendationId": rid(number)}).encode()


def shown_at(database: Database, time_s: float = NOW, **settings: Any) -> ShownLists:
    return ShownLists(database, lambda: time_s, **settings)


def stored(database: Database) -> dict[str, list[str]]:
    with database.read() as session:
        query = select(ShownListRow.recommendation_id, ShownListRow.item_ids).order_by(ShownListRow.id)
        return {row[0]: json.loads(row[1]) for row in session.execute(query)}


def put(database: Database, *events: tuple[str | None, str | None, str | None]) -> None:
    """Store events with recommendationId, source and impression."""
    rows = [
        Event(
            *(1, number.to_bytes(16, "big"), None, "u", "u", "s", "i", "view", None, 1, None),
            *(recommendation_id, impression, None, source, NOW),
        )
        for number, (recommendation_id, source, impression) in enumerate(events)
    ]
    connection = database.engine.raw_connection()
    try:
        event_log.append(connection, rows, is_sqlite=database.is_sqlite)
    finally:
        connection.close()
    until_readable(database)


def impressions(database: Database) -> list[list[str] | None]:
    columns = read_streamed(database, 1).columns
    with database.read() as session:
        return impressions_of(session, columns)


def test_the_items_of_answers_are_stored_in_their_order(database: Database, group: int) -> None:
    shown = shown_at(database)
    shown.remember(group, CAMPAIGN, answer(1, "b", "a", 'it"em ü'))
    shown.remember(group, CAMPAIGN, answer(2, "a"))

    assert shown.flush() == 2
    assert shown.flush() == 0
    assert stored(database) == {rid(1): ["b", "a", 'it"em ü'], rid(2): ["a"]}


def test_of_groups_without_tracker_and_of_empty_answers_nothing_is_stored(
    database: Database, group: int
) -> None:
    shown = shown_at(database)
    shown.remember(group + 1, CAMPAIGN, answer(1, "a"))
    shown.remember(group, CAMPAIGN, answer(2))

    assert shown.flush() == 0
    assert stored(database) == {}


def test_an_id_that_is_stored_already_harms_nothing(database: Database, group: int) -> None:
    shown = shown_at(database)
    for items in ("a", "b"):
        shown.remember(group, CAMPAIGN, answer(1, items))
        shown.remember(group, CAMPAIGN, answer(2 if items == "a" else 3, items))
        shown.flush()

    assert stored(database) == {rid(1): ["a"], rid(2): ["a"], rid(3): ["b"]}


def test_with_too_much_to_do_the_oldest_are_dropped(database: Database, group: int) -> None:
    shown = shown_at(database, most_waiting=2)
    for number in range(5):
        shown.remember(group, CAMPAIGN, answer(number, "a"))
    shown.flush()

    assert list(stored(database)) == [rid(3), rid(4)]


def test_the_thread_stores_what_is_queued_and_the_rest_when_it_ends(database: Database, group: int) -> None:
    shown = shown_at(database)
    shown.start()
    shown.remember(group, CAMPAIGN, answer(1, "a"))
    until(lambda: stored(database), "the list is stored", 5)
    shown.remember(group, CAMPAIGN, answer(2, "b"))
    shown.stop()

    assert list(stored(database)) == [rid(1), rid(2)]


def test_one_batch_that_cannot_be_stored_does_not_end_the_thread(
    database: Database, group: int, caplog: pytest.LogCaptureFixture
) -> None:
    shown = shown_at(database)
    shown.start()
    shown.remember(group, CAMPAIGN, b'{"no":"answer"}')
    until(lambda: "cannot be stored" in caplog.text, "it is said that a batch is lost", 5)
    shown.remember(group, CAMPAIGN, answer(1, "a"))
    shown.stop()

    assert list(stored(database)) == [rid(1)]


def test_an_event_gets_the_list_of_its_recommendation_id(database: Database, group: int) -> None:
    shown = shown_at(database)
    shown.remember(group, CAMPAIGN, answer(1, "a", "b"))
    shown.flush()
    put(
        database,
        (rid(1), CAMPAIGN, None),
        (rid(1), CAMPAIGN, '["own"]'),
        (None, None, '["own"]'),
        (rid(2), CAMPAIGN, None),
        (None, None, None),
        ("nothing of ours", None, None),
    )

    assert impressions(database) == [["a", "b"], ["own"], ["own"], None, None, None]


def test_an_event_gets_no_list_of_another_source(database: Database, group: int) -> None:
    shown = shown_at(database)
    shown.remember(group, CAMPAIGN, answer(1, "a", "b"))
    shown.flush()
    put(database, (rid(1), OTHER, None), (rid(1), None, None))

    assert impressions(database) == [None, None]


def test_events_find_their_lists_however_many_there_are(database: Database, group: int) -> None:
    shown = shown_at(database)
    for number in range(1200):
        shown.remember(group, CAMPAIGN, answer(number, f"i{number}"))
    shown.flush()
    put(database, *((rid(number), CAMPAIGN, None) for number in range(900)))
    with database.write() as session:
        session.execute(text("DELETE FROM shown_lists WHERE recommendation_id = :id"), {"id": rid(7)})

    assert impressions(database) == [[f"i{number}"] if number != 7 else None for number in range(900)]


def test_lists_are_forgotten_after_a_day_unless_an_event_has_named_them(
    database: Database, group: int
) -> None:
    shown = shown_at(database)
    for number in (1, 2):
        shown.remember(group, CAMPAIGN, answer(number, "a"))
    shown.flush()
    put(database, (rid(2), CAMPAIGN, None))
    later = shown_at(database, NOW + KEPT_S)
    later.remember(group, CAMPAIGN, answer(3, "a"))
    later.flush()

    assert forget(database, NOW + KEPT_S) == 0
    assert list(stored(database)) == [rid(1), rid(2), rid(3)]

    assert forget(database, NOW + KEPT_S + 1) == 1
    assert list(stored(database)) == [rid(2), rid(3)]

    assert forget(database, NOW + KEPT_NAMED_S) == 1
    assert list(stored(database)) == [rid(2)]

    assert forget(database, NOW + KEPT_NAMED_S + 1) == 1
    assert stored(database) == {}


def test_of_lists_that_no_event_has_named_the_newest_are_kept(database: Database, group: int) -> None:
    shown = shown_at(database)
    for number in range(6):
        shown.remember(group, CAMPAIGN, answer(number, "a"))
    shown.flush()
    put(database, (rid(1), CAMPAIGN, None))

    assert forget(database, NOW, most_kept=2) == 3
    assert list(stored(database)) == [rid(1), rid(4), rid(5)]
