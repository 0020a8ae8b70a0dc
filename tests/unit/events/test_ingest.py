"""From requests to rows: times, keys of duplicates, sizes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpersonalize.domain.columns import Column, DatasetColumns
from openpersonalize.domain.events import EventColumns
from openpersonalize.errors import InvalidInputException
from openpersonalize.events import ingest
from openpersonalize.events.shapes import PutEventsRequest
from openpersonalize.protocol.shapes import read
from openpersonalize.storage.event_log import Event

COLUMNS = EventColumns.of(
    DatasetColumns(
        "INTERACTIONS",
        (
            Column("USER_ID", "string"),
            Column("ITEM_ID", "string"),
            Column("TIMESTAMP", "long"),
            Column("DEVICE", "string", nullable=True),
        ),
    )
)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)


def row(user_id: str | None = "u", session_id: str = "s", **members: Any) -> Event:
    """The row of a request with one event."""
    event = {"eventType": "view", "itemId": "i", "sentAt": 1_700_000_000} | members
    document: dict[str, Any] = {"trackingId": "t", "sessionId": session_id, "eventList": [event]}
    if user_id is not None:
        document["userId"] = user_id
    request = read(PutEventsRequest, document)
    (stored,) = ingest.rows(request, COLUMNS, dataset_group_id=1, received_at=1.0)
    return stored


@pytest.mark.parametrize(
    ("sent_at", "seconds"),
    [(0, 0), (1.999, 1), (9_999_999_999, 9_999_999_999), (1_700_000_000.5, 1_700_000_000)],
)
def test_times_are_whole_seconds(sent_at: float, seconds: int) -> None:
    assert row(sentAt=sent_at).timestamp == seconds


@pytest.mark.parametrize("sent_at", [10_000_000_000, 1_700_000_000_000, 1e300])
def test_milliseconds_are_refused(sent_at: float) -> None:
    with pytest.raises(InvalidInputException, match="not milliseconds"):
        row(sentAt=sent_at)


def test_times_before_1970_are_refused() -> None:
    with pytest.raises(InvalidInputException, match="before 1970"):
        row(sentAt=-1)


SAID = st.fixed_dictionaries(
    {
        "user_id": TEXT | st.none(),
        "session_id": TEXT,
        "itemId": TEXT,
        "eventType": TEXT,
        "sentAt": st.integers(0, 9_999_999_999),
        "eventValue": st.none() | st.floats(-5, 5),
        "properties": st.sampled_from(["{}", '{"device":"a"}', '{"DEVICE": "a"}', '{"device":"b"}']),
    }
)


@given(SAID, SAID)
def test_two_events_have_one_key_exactly_when_they_say_the_same(
    one: dict[str, Any], two: dict[str, Any]
) -> None:
    first, second = row(**one), row(**two)

    def what(event: Event) -> tuple[Any, ...]:
        return (
            *(event.user_id, None if event.user_id is not None else event.session_id, event.item_id),
            *(event.event_type, event.timestamp, event.event_value, event.properties),
        )

    assert (first.duplicate_key == second.duplicate_key) == (what(first) == what(second))


@given(SAID)
def test_the_same_event_has_the_same_key_each_time(said: dict[str, Any]) -> None:
    assert row(**said) == row(**said)


def test_sizes_are_those_of_the_events_json() -> None:
    document = {"eventList": [{"impression": ["é" * 256] * 19}]}
    ingest.check_sizes(document["eventList"])
    document["eventList"].append({"impression": ["é" * 256] * 20})

    with pytest.raises(InvalidInputException, match="larger than 10240 bytes"):
        ingest.check_sizes(document["eventList"])
