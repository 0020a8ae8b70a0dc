"""From requests to rows: times, keys of duplicates, sizes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpersonalize.domain.columns import Column, DatasetColumns
from openpersonalize.domain.events import EventColumns
from openpersonalize.domain.recommendation_ids import cid_of
from openpersonalize.errors import InvalidInputException
from openpersonalize.events import ingest
from openpersonalize.events.refusals import check_sizes
from openpersonalize.events.shapes import PutEventsRequest
from openpersonalize.protocol.shapes import read
from openpersonalize.runtime.answers import recommendation_id
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


EVENT = {"eventType": "view", "itemId": "i", "sentAt": 1_700_000_000}
RID = "RID-12-3456-7890-abcdefabcdef-CID-{}"


def rows(*events: dict[str, Any], user_id: str | None = "u", session_id: str = "s") -> list[Event]:
    """The rows of a request with events."""
    document: dict[str, Any] = {"trackingId": "t", "sessionId": session_id, "eventList": list(events)}
    if user_id is not None:
        document["userId"] = user_id
    request = read(PutEventsRequest, document)
    sources = {"c1c1c1": "the campaign", "c2c2c2": "the recommender"}
    return ingest.rows(request, COLUMNS, sources, dataset_group_id=1, received_at=1.0)


def row(user_id: str | None = "u", session_id: str = "s", **members: Any) -> Event:
    """The row of a request with one event."""
    (stored,) = rows(EVENT | members, user_id=user_id, session_id=session_id)
    return stored


@pytest.mark.parametrize(
    ("recommendation_id", "source"),
    [
        (RID.format("c1c1c1"), "the campaign"),
        (RID.format("c2c2c2"), "the recommender"),
        (RID.format("ffffff"), None),
        ("RID-x", None),
        (RID.format("c1c1c1").replace("RID", "rid"), None),
        (RID.format("c1c1c1").replace("-CID-", "_CID_"), None),
        ("c1c1c1", None),
    ],
)
def test_an_event_belongs_to_who_gave_its_recommendation_id_out(
    recommendation_id: str, source: str | None
) -> None:
    stored = row(recommendationId=recommendation_id)

    assert (stored.recommendation_id, stored.source_arn) == (recommendation_id, source)
    assert row().source_arn is None


def test_the_ids_of_answers_say_whose_they_are() -> None:
    assert cid_of(recommendation_id("c1c1c1")) == "c1c1c1"


def test_every_refused_event_is_named_with_the_reason() -> None:
    bad = [EVENT | {"sentAt": -1}, EVENT, {"eventType": "view", "sentAt": 1}, EVENT | {"properties": "[]"}]
    with pytest.raises(InvalidInputException) as caught:
        rows(*bad)

    assert caught.value.message == (
        "eventList.1: sentAt is before 1970: give seconds since 1970, UTC. "
        "eventList.3: It has no itemId: the schema demands a value of ITEM_ID. "
        "eventList.4: Error parsing properties json: it must be a JSON object."
    )


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
    fits, large = {"impression": ["é" * 256] * 19}, {"impression": ["é" * 256] * 20}
    check_sizes("eventList", [fits])

    with pytest.raises(InvalidInputException) as caught:
        check_sizes("eventList", [fits, large, fits, large])
    assert caught.value.message == (
        "eventList.2: It is larger than 10240 bytes of JSON. "
        "eventList.4: It is larger than 10240 bytes of JSON."
    )
