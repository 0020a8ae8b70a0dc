"""PutEvents through boto3: what is stored, what is dropped, what is refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import select

from openpersonalize.storage.log_tables import EventRow
from openpersonalize.storage.tables import EventTrackerRow
from tests.api.stores_of_items import Store, a_store
from tests.world import World, until

EVENT = {"eventType": "view", "itemId": "i", "sentAt": 1_700_000_000}


def put(store: Store, *events: dict[str, Any], user_id: str | None = "u", session_id: str = "s") -> int:
    """Send events as they are and give the HTTP status."""
    owner = {} if user_id is None else {"userId": user_id}
    answer = store.world.events.put_events(
        trackingId=store.tracking_id, sessionId=session_id, eventList=list(events), **owner
    )
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


def rows(store: Store) -> list[EventRow]:
    """What is stored of a store's events."""
    with store.stores.database.read() as session:
        query = select(EventRow).where(EventRow.dataset_group_id == store.group_id).order_by(EventRow.id)
        return list(session.scalars(query))


def refused(store: Store, *events: dict[str, Any], **members: Any) -> str:
    """The text of the InvalidInputException; nothing is stored."""
    with pytest.raises(ClientError) as caught:
        put(store, *events, **members)
    assert caught.value.response["Error"]["Code"] == "InvalidInputException"
    assert rows(store) == []
    return str(caught.value.response["Error"]["Message"])


def with_properties(properties: Any, **members: Any) -> dict[str, Any]:
    text = properties if isinstance(properties, str) else json.dumps(properties)
    return EVENT | members | {"properties": text}


def test_an_event_is_stored_when_it_is_answered(world: World) -> None:
    store = a_store(world)
    status = put(
        store,
        EVENT
        | {
            "eventId": "e1",
            "eventValue": 2.5,
            "sentAt": 1_700_000_000.9,
            "recommendationId": "RID-x",
            "impression": ["i", "j"],
            "metricAttribution": {"eventAttributionSource": "mail"},
        },
    )

    assert status == 200
    (row,) = rows(store)
    assert (row.user_key, row.user_id, row.session_id, row.item_id) == ("u", "u", "s", "i")
    assert (row.event_id, row.event_type, row.event_value, row.timestamp) == (
        "e1",
        "view",
        2.5,
        1_700_000_000,
    )
    assert (row.recommendation_id, row.attribution_source) == ("RID-x", "mail")
    assert json.loads(row.impression or "") == ["i", "j"]


def test_the_answer_is_empty(world: World) -> None:
    store = a_store(World(world.server, account="000000000000"))
    body = {"trackingId": store.tracking_id, "sessionId": "s", "eventList": [EVENT]}
    answer = world.http.post("/events", json=body)

    assert (answer.status_code, answer.content) == (200, b"")


def test_anonymous_events_belong_to_their_session(world: World) -> None:
    store = a_store(world)
    put(store, EVENT, user_id=None, session_id="visit")

    (row,) = rows(store)
    assert (row.user_key, row.user_id) == ("visit", None)


def test_the_same_event_is_kept_once(world: World) -> None:
    store = a_store(world)
    for _ in range(2):
        put(store, EVENT, EVENT | {"sentAt": 1_700_000_000.4})
    put(store, EVENT | {"sentAt": 1_700_000_001})
    put(store, EVENT, user_id="other")
    put(store, EVENT, user_id=None, session_id="u")

    assert len(rows(store)) == 4


def test_an_event_id_is_taken_once_in_a_dataset_group(world: World) -> None:
    store, other = a_store(world), a_store(world)
    for each in (store, other):
        put(each, EVENT | {"eventId": "same"}, EVENT | {"eventId": "same", "itemId": "j"})
        put(each, EVENT | {"eventId": "same", "itemId": "k"})

    assert [row.item_id for row in rows(store)] == ["i"]
    assert [row.item_id for row in rows(other)] == ["i"]


def test_concurrent_copies_of_an_event_are_kept_once(world: World) -> None:
    store = a_store(world)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: put(store, EVENT | {"itemId": f"i{number % 10}"}), range(80)))

    assert sorted(row.item_id for row in rows(store)) == sorted(f"i{number}" for number in range(10))


def test_properties_fill_columns_whatever_their_case(world: World) -> None:
    store = a_store(
        world,
        [
            {"name": "NUM_RATINGS", "type": ["null", "int"]},
            {"name": "CABIN_TYPE", "type": ["null", "string"]},
            {"name": "DISCOUNT", "type": ["null", "float"]},
            {"name": "IS_GIFT", "type": ["null", "boolean"]},
        ],
    )
    given = {"numRatings": "3", "cabinType": "Economy", "discount": 0.5, "isGift": True, "unknown": [1]}
    put(store, with_properties(given))
    put(store, with_properties({"NUM_RATINGS": 4, "cabintype": None}))

    stored = [json.loads(row.properties or "{}") for row in rows(store)]
    assert stored[0] == {"NUM_RATINGS": 3, "CABIN_TYPE": "Economy", "DISCOUNT": 0.5, "IS_GIFT": True}
    assert stored[1] == {"NUM_RATINGS": 4}


def test_the_old_form_with_item_and_value_in_properties_is_read(world: World) -> None:
    store = a_store(world, [{"name": "EVENT_VALUE", "type": "float"}])
    old = {"eventType": "rating", "sentAt": 1_700_000_000}
    put(store, old | {"properties": '{"itemId": "film", "eventValue": "4"}'})
    put(store, old | {"properties": '{"itemId": 7, "eventValue": 4.5}'})
    put(store, old | {"itemId": "wins", "eventValue": 1.0, "properties": '{"itemId": "x", "eventValue": 2}'})

    assert [(row.item_id, row.event_value) for row in rows(store)] == [
        ("film", 4.0),
        ("7", 4.5),
        ("wins", 1.0),
    ]


@pytest.mark.parametrize(
    "key", ["userId", "sessionId", "eventType", "timestamp", "TIMESTAMP", "recommendationId", "impression"]
)
def test_keys_that_are_members_of_the_request_are_refused(world: World, key: str) -> None:
    assert f"The key {key} is not allowed" in refused(a_store(world), with_properties({key: "x"}))


@pytest.mark.parametrize("text", ["no json", "[1]", '"text"', '{"a": NaN}', "{'a': 1}", '{"a":1} x'])
def test_properties_must_be_a_json_object(world: World, text: str) -> None:
    assert "Error parsing properties json" in refused(a_store(world), with_properties(text))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ({"name": "A", "type": ["null", "int"]}, 1.5),
        ({"name": "A", "type": ["null", "int"]}, 2**31),
        ({"name": "A", "type": ["null", "long"]}, "1_000"),
        ({"name": "A", "type": ["null", "float"]}, "much"),
        ({"name": "A", "type": ["null", "float"]}, True),
        ({"name": "A", "type": ["null", "double"]}, "Infinity"),
        ({"name": "A", "type": ["null", "string"]}, 5),
        ({"name": "A", "type": ["null", "boolean"]}, "yes"),
    ],
)
def test_a_property_of_a_wrong_type_is_refused(world: World, column: dict[str, Any], value: Any) -> None:
    assert "The property a must be" in refused(a_store(world, [column]), with_properties({"a": value}))


def test_columns_that_may_not_be_null_are_demanded(world: World) -> None:
    store = a_store(
        world, [{"name": "CABIN_TYPE", "type": "string"}, {"name": "EVENT_VALUE", "type": "float"}]
    )

    assert "cabinType" in refused(store, EVENT)
    assert "eventValue" in refused(store, with_properties({"cabinType": "x"}))
    assert put(store, with_properties({"cabinType": "x"}, eventValue=1.0)) == 200


def test_an_event_without_an_item_is_refused(world: World) -> None:
    assert "itemId" in refused(a_store(world), {"eventType": "view", "sentAt": 1})


def test_milliseconds_are_refused_with_the_remedy(world: World) -> None:
    body = {
        "trackingId": a_store(World(world.server, account="000000000000")).tracking_id,
        "sessionId": "s",
        "eventList": [EVENT | {"sentAt": 1_700_000_000_000}],
    }
    answer = world.http.post("/events", json=body)

    assert answer.status_code == 400
    assert "give seconds since 1970, not milliseconds" in answer.json()["message"]


def test_one_bad_event_refuses_all_of_its_call(world: World) -> None:
    assert "itemId" in refused(a_store(world), EVENT, {"eventType": "view", "sentAt": 1})


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"eventType": "view", "sentAt": 1}, "It has no itemId"),
        (EVENT, "It has no eventValue: the schema demands"),
        (EVENT | {"eventValue": 1, "sentAt": -1}, "sentAt is before 1970"),
        (EVENT | {"eventValue": 1, "sentAt": 10**10}, "sentAt has more than ten digits"),
        (with_properties({"userId": "x"}, eventValue=1), "The key userId is not allowed in properties"),
        (with_properties("[]", eventValue=1), "Error parsing properties json"),
        (with_properties({"device": 5}, eventValue=1), "The property device must be a string"),
        (with_properties({"eventValue": "much"}), "The property eventValue must be a number"),
        (with_properties({"itemId": ""}, eventValue=1), "The property itemId must be a string"),
    ],
)
def test_a_refused_event_is_named_by_its_place(world: World, event: dict[str, Any], reason: str) -> None:
    store = a_store(
        world,
        [{"name": "EVENT_VALUE", "type": "float"}, {"name": "DEVICE", "type": ["null", "string"]}],
    )
    good = EVENT | {"eventValue": 1}

    assert refused(store, good, event, good).startswith(f"eventList.2: {reason}")


@pytest.mark.parametrize(
    ("members", "constraint"),
    [
        ({"eventType": ""}, "eventType' failed to satisfy constraint: Member must have length greater"),
        ({"eventType": None}, "eventType' failed to satisfy constraint: Member must not be null"),
        ({"sentAt": None}, "sentAt' failed to satisfy constraint: Member must not be null"),
        ({"itemId": "x" * 257}, "itemId' failed to satisfy constraint: Member must have length less"),
        ({"eventId": ""}, "eventId' failed to satisfy constraint: Member must have length greater"),
        ({"properties": "{}" + " " * 1023}, "properties' failed to satisfy constraint: Member must"),
        ({"recommendationId": "x" * 41}, "recommendationId' failed to satisfy constraint: Member must"),
        ({"impression": []}, "impression' failed to satisfy constraint: Member must"),
        ({"impression": ["x"] * 26}, "impression' failed to satisfy constraint: Member must"),
        (
            {"metricAttribution": {"eventAttributionSource": " "}},
            "metricAttribution.eventAttributionSource' failed to satisfy constraint: Member must satisfy",
        ),
        (
            {"metricAttribution": {}},
            "metricAttribution.eventAttributionSource' failed to satisfy constraint: Member must not be null",
        ),
    ],
)
def test_a_member_of_a_wrong_form_is_named_with_its_event(
    world: World, members: dict[str, Any], constraint: str
) -> None:
    store = a_store(World(world.server, account="000000000000"))
    body = {"trackingId": store.tracking_id, "sessionId": "s", "eventList": [EVENT, EVENT | members]}
    answer = world.http.post("/events", json=body)

    assert answer.status_code == 400
    assert f"at 'eventList.2.member.{constraint}" in answer.json()["message"]
    assert rows(store) == []


def test_all_refused_events_of_a_call_are_named(world: World) -> None:
    message = refused(a_store(world), EVENT | {"sentAt": -1}, EVENT, with_properties("7"))

    assert message == (
        "eventList.1: sentAt is before 1970: give seconds since 1970, UTC. "
        "eventList.3: Error parsing properties json: it must be a JSON object."
    )


def test_a_call_has_one_to_ten_events(world: World) -> None:
    store = a_store(World(world.server, account="000000000000"))
    for events in ([], [EVENT | {"itemId": str(number)} for number in range(11)]):
        body = {"trackingId": store.tracking_id, "sessionId": "s", "eventList": events}
        answer = world.http.post("/events", json=body)

        assert answer.status_code == 400
        assert "at 'eventList' failed to satisfy constraint" in answer.json()["message"]
    put(store, *(EVENT | {"itemId": str(number)} for number in range(10)))
    assert len(rows(store)) == 10


def test_a_call_without_session_is_refused(world: World) -> None:
    answer = world.http.post("/events", json={"trackingId": "t", "userId": "u", "eventList": [EVENT]})

    assert answer.status_code == 400
    assert "'sessionId' failed to satisfy constraint: Member must not be null" in answer.json()["message"]


def test_an_event_may_have_at_most_ten_kilobytes(world: World) -> None:
    large = EVENT | {"impression": ["日" * 256] * 25}

    message = refused(a_store(world), EVENT, large)
    assert message == "eventList.2: It is larger than 10240 bytes of JSON."


def test_times_long_ago_and_in_the_future_are_taken(world: World) -> None:
    store = a_store(world)
    for sent_at in (0, 1, 946_684_800, 4_102_444_800, 9_999_999_999):
        put(store, EVENT | {"sentAt": sent_at})

    assert [row.timestamp for row in rows(store)] == [0, 1, 946_684_800, 4_102_444_800, 9_999_999_999]


def test_a_group_without_interactions_dataset_takes_no_events(world: World) -> None:
    assert "no active Interactions dataset" in refused(a_store(world, has_dataset=False), EVENT)


def test_trackers_of_others_do_not_exist(world: World) -> None:
    store = a_store(world)
    put(store, EVENT | {"itemId": "mine"})

    for foreign in (world.elsewhere(account="999999999999"), world.elsewhere(region="eu-west-1")):
        with pytest.raises(ClientError, match="does not exist or is not active yet"):
            foreign.events.put_events(trackingId=store.tracking_id, sessionId="s", eventList=[EVENT])
    with pytest.raises(ClientError, match="does not exist or is not active yet"):
        world.events.put_events(trackingId="unknown", sessionId="s", eventList=[EVENT])
    assert len(rows(store)) == 1


def test_a_tracker_that_is_being_deleted_takes_no_events(world: World) -> None:
    store = a_store(world)
    put(store, EVENT)
    with store.stores.database.write() as session:
        session.query(EventTrackerRow).filter_by(tracking_id=store.tracking_id).update(
            {"status": "DELETE PENDING"}
        )

    def is_refused() -> bool:
        try:
            put(store, EVENT)
        except ClientError as error:
            return "is not active yet" in str(error)
        return False

    until(is_refused, "the tracker takes no events", deadline_s=5)


def test_sensitive_values_are_not_echoed(world: World) -> None:
    body = {"trackingId": "t", "userId": "secret" * 50, "sessionId": "s", "eventList": [EVENT]}
    answer = world.http.post("/events", json=body)

    assert answer.status_code == 400
    assert "secret" not in answer.text
