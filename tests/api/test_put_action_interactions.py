"""PutActionInteractions through boto3: what is stored, what is dropped, what is refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import select

from openpersonalize.storage.log_tables import ActionInteractionRow
from openpersonalize.storage.tables import DatasetRow
from tests.api.refusals import refused
from tests.world import FIELDS, World

DONE = {"actionId": "a", "sessionId": "s", "timestamp": 1_700_000_000, "eventType": "Viewed", "userId": "u"}
OWN_FIELDS = [*FIELDS["ActionInteractions"], {"name": "CHANNEL", "type": ["null", "string"]}]


@dataclass(frozen=True)
class Actions:
    """A group with an ACTIVE Action_Interactions dataset."""

    world: World
    dataset: str
    tracking_id: str

    def put(self, *interactions: dict[str, Any], tracking_id: str = "") -> int:
        """Send interactions as they are; the HTTP status."""
        answer = self.world.events.put_action_interactions(
            trackingId=tracking_id or self.tracking_id, actionInteractions=list(interactions)
        )
        return int(answer["ResponseMetadata"]["HTTPStatusCode"])

    def rows(self) -> list[ActionInteractionRow]:
        """What is stored, in the order of the log."""
        query = select(ActionInteractionRow).join(
            DatasetRow, DatasetRow.id == ActionInteractionRow.dataset_id
        )
        with self.world.server.stores.database.read() as session:
            found = session.scalars(query.where(DatasetRow.arn == self.dataset))
            return sorted(found, key=lambda row: row.id)


def some_actions(world: World, *fields: Any) -> Actions:
    dataset = world.dataset(world.dataset_group(), "ActionInteractions", *(fields or OWN_FIELDS))
    described = world.personalize.describe_dataset(datasetArn=dataset)["dataset"]
    return Actions(world, dataset, described["trackingId"])


@pytest.fixture
def actions(world: World) -> Actions:
    return some_actions(world)


def failure(put: Any) -> tuple[str, int]:
    """Code and HTTP status of a refusal."""
    with pytest.raises(ClientError) as caught:
        put()
    answer: Any = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_an_interaction_is_stored_when_it_is_answered(actions: Actions) -> None:
    more = {"eventId": "e1", "recommendationId": "RID-x", "impression": ["a", "b"], "timestamp": 1.9}
    status = actions.put(DONE | more | {"properties": '{"channel":"mail","shelf":"none"}'})

    assert status == 200
    (row,) = actions.rows()
    assert (row.user_key, row.user_id, row.session_id, row.action_id) == ("u", "u", "s", "a")
    assert (row.event_id, row.event_type, row.timestamp, row.recommendation_id) == (
        "e1",
        "Viewed",
        1,
        "RID-x",
    )
    assert (row.properties, row.impression) == ('{"CHANNEL":"mail"}', '["a","b"]')


def test_anonymous_interactions_belong_to_their_session(actions: Actions) -> None:
    actions.put({name: value for name, value in DONE.items() if name != "userId"})

    (row,) = actions.rows()
    assert (row.user_key, row.user_id) == ("s", None)


@pytest.mark.parametrize("event_type", ["Viewed", "TAKEN", "taken", "Not Taken", "NOT_TAKEN", "not taken"])
def test_event_types_are_known_in_any_spelling_and_kept_as_they_are(
    actions: Actions, event_type: str
) -> None:
    actions.put(DONE | {"eventType": event_type})

    assert [row.event_type for row in actions.rows()] == [event_type]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"eventType": "click"}, "must be one of Viewed, Taken, Not Taken"),
        ({"timestamp": 20_000_000_000}, "timestamp has more than ten digits"),
        ({"timestamp": -1}, "timestamp is before 1970"),
        ({"properties": "[]"}, "Error parsing properties json"),
        ({"properties": '{"channel":7}'}, "The property channel must be a string"),
        *(
            ({"properties": json.dumps({key: "x"})}, f"The key {key} is not allowed in properties")
            for key in ("userId", "sessionId", "eventType", "TIMESTAMP", "recommendation_id", "impression")
        ),
        ({"impression": ["é" * 256] * 25}, "larger than 10240 bytes"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_of_the_call_is_stored(
    actions: Actions, members: dict[str, Any], expected: str
) -> None:
    message = refused("InvalidInputException", lambda: actions.put(DONE, DONE | members))

    assert message.startswith("actionInteractions.2: ")
    assert expected in message
    assert actions.rows() == []


def test_a_column_that_may_not_be_null_must_be_given(world: World) -> None:
    actions = some_actions(world, *FIELDS["ActionInteractions"], {"name": "CHANNEL", "type": "string"})

    assert "demands a value of CHANNEL" in refused("InvalidInputException", lambda: actions.put(DONE))
    actions.put(DONE | {"properties": '{"channel":"mail"}'})
    assert len(actions.rows()) == 1


def test_the_same_interaction_is_kept_once(actions: Actions) -> None:
    for _ in range(2):
        actions.put(DONE, DONE | {"eventType": "VIEWED", "timestamp": 1_700_000_000.4})
    actions.put(DONE | {"eventType": "Taken"}, DONE | {"userId": "other"}, DONE | {"timestamp": 1})
    actions.put({name: value for name, value in DONE.items() if name != "userId"} | {"sessionId": "u"})

    assert len(actions.rows()) == 5


def test_an_event_id_is_taken_once(actions: Actions) -> None:
    actions.put(DONE | {"eventId": "same"}, DONE | {"eventId": "same", "actionId": "b"})
    actions.put(DONE | {"eventId": "same", "actionId": "c"})

    assert [row.action_id for row in actions.rows()] == ["a"]


def test_concurrent_copies_are_kept_once(actions: Actions) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: actions.put(DONE | {"actionId": f"a{number % 5}"}), range(40)))

    assert sorted(row.action_id for row in actions.rows()) == [f"a{number}" for number in range(5)]


def test_an_unknown_tracking_id_is_not_found(actions: Actions) -> None:
    world = actions.world
    tracker = world.personalize.create_event_tracker(
        name="tracker", datasetGroupArn=world.arn("dataset-group", "store")
    )
    world.settle()

    not_found = ("ResourceNotFoundException", 404)
    assert failure(lambda: actions.put(DONE, tracking_id="none")) == not_found
    assert failure(lambda: actions.put(DONE, tracking_id=tracker["trackingId"])) == not_found


def test_the_tracking_id_of_another_account_or_region_is_not_found(actions: Actions) -> None:
    for stranger in (World(actions.world.server), actions.world.elsewhere(region="eu-west-1")):
        theirs = Actions(stranger, actions.dataset, actions.tracking_id)

        assert failure(lambda theirs=theirs: theirs.put(DONE)) == ("ResourceNotFoundException", 404)
    assert actions.rows() == []


def test_a_dataset_that_is_not_active_takes_nothing(world: World) -> None:
    dataset = world.personalize.create_dataset(
        name="it",
        datasetGroupArn=world.dataset_group(),
        datasetType="Action_Interactions",
        schemaArn=world.schema("ActionInteractions"),
    )["datasetArn"]
    tracking_id = world.personalize.describe_dataset(datasetArn=dataset)["dataset"]["trackingId"]
    actions = Actions(world, dataset, tracking_id)

    assert failure(lambda: actions.put(DONE)) == ("ResourceInUseException", 409)
    world.settle()
    assert actions.put(DONE) == 200
