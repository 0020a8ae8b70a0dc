"""The logs of records and action interactions: what is read is all of it, once, in order."""

import pytest
from sqlalchemy import func, select, text

from openpersonalize.storage.database import Database
from openpersonalize.storage.event_log import START, Position, end_of_log
from openpersonalize.storage.log_tables import ActionInteractionRow, RecordRow
from openpersonalize.storage.record_log import (
    ActionInteraction,
    Record,
    append_action_interactions,
    append_records,
    is_after,
    read_action_interactions,
    read_records,
)
from tests.unit.storage.log_readers import until_readable


@pytest.fixture(autouse=True)
def _empty(database: Database) -> None:
    with database.write() as session:
        session.execute(text("DELETE FROM records"))
        session.execute(text("DELETE FROM action_interactions"))


def append(database: Database, *records: Record) -> None:
    with database.write() as session:
        append_records(session, records)


def a_record(number: int, dataset: int = 1) -> Record:
    return Record(dataset, f"r{number}", None, float(number))


def test_records_are_read_in_pages_and_in_their_order(database: Database) -> None:
    given = [a_record(number) for number in range(7)]
    append(database, *given[:4])
    append(database, *given[4:])
    until_readable(database, RecordRow)
    with database.read() as session:
        end = end_of_log(session, database, RecordRow)
        stored = list(read_records(session, after=START, end=end, size=3))
        rest = list(read_records(session, after=stored[2].position, end=stored[5].position, size=2))

    assert [each.record for each in stored] == given
    assert sorted(each.position for each in stored) == [each.position for each in stored]
    assert rest == stored[3:6]


def test_records_of_one_dataset_are_read_alone(database: Database) -> None:
    append(database, *(a_record(number, dataset=number % 2) for number in range(6)))
    until_readable(database, RecordRow)
    with database.read() as session:
        end = end_of_log(session, database, RecordRow)
        stored = list(read_records(session, after=START, end=end, dataset_id=1, size=2))

    assert [each.record.record_id for each in stored] == ["r1", "r3", "r5"]


def test_a_record_whose_transaction_goes_on_is_read_later_and_not_missed(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("one transaction writes at a time")
    with database.write() as slow:
        append_records(slow, [a_record(1)])
        append(database, a_record(2))
        with database.read() as session:
            end = end_of_log(session, database, RecordRow)
            before = [each.record for each in read_records(session, after=START, end=end)]
    until_readable(database, RecordRow)
    with database.read() as session:
        later = read_records(session, after=end, end=end_of_log(session, database, RecordRow))
        after = [each.record.record_id for each in later]

    assert before == []
    assert after == ["r1", "r2"]


def test_what_lies_after_a_position_can_be_counted(database: Database) -> None:
    append(database, *(a_record(number) for number in range(5)))
    until_readable(database, RecordRow)
    with database.read() as session:
        stored = list(read_records(session, after=START, end=Position(2**62, 2**62)))
        later = select(func.count()).select_from(RecordRow)
        counts = [session.scalar(later.where(is_after(session, RecordRow, each.position))) for each in stored]

    assert counts == [4, 3, 2, 1, 0]


def test_action_interactions_are_read_in_their_order(database: Database) -> None:
    given = [
        ActionInteraction(
            dataset_id=number % 2,
            duplicate_key=number.to_bytes(16, "big"),
            event_id=None,
            user_key="u",
            user_id=None,
            session_id="u",
            action_id=f"a{number}",
            event_type="Taken",
            timestamp=number,
            properties=None,
            recommendation_id=None,
            impression=None,
            received_at=0.5,
        )
        for number in range(5)
    ]
    with database.write() as session:
        append_action_interactions(session, given)
    until_readable(database, ActionInteractionRow)
    with database.read() as session:
        end = end_of_log(session, database, ActionInteractionRow)
        stored = list(read_action_interactions(session, after=START, end=end, dataset_id=0, size=1))

    assert [each.interaction for each in stored] == given[::2]
