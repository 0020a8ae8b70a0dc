"""The context of a request: learnt from imported and streamed events, and used in both answers for users."""

import json
import time
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from openpersonalize.models import Contexts
from openpersonalize.models.contexts import key_of
from openpersonalize.models.ids import IdIndex
from tests.api.stores_of_items import a_store, two_tastes
from tests.planted import device_store
from tests.world import FIELDS, World, text_field

DEVICE = text_field("DEVICE", categorical=True) | {"type": ["null", "string"]}


def _numbers(items: list[str]) -> list[int]:
    return [int(item.rpartition("-")[2]) for item in items]


def _with_devices(world: World, recipe: str = "user-personalization") -> str:
    """A campaign of two tastes, in which tablets lift the items whose number is odd, and there is a SHOP."""
    odd = np.arange(1, 20, 2, dtype=np.int32)
    contexts = Contexts(
        columns=("DEVICE_TYPE", "SHOP"),
        values=IdIndex.build([key_of("DEVICE_TYPE", "tablet")]),
        starts=np.array([0, len(odd)]),
        items=odd,
        lifts=np.full(len(odd), 3.0, np.float32),
    )
    model = two_tastes()
    object.__setattr__(model, "contexts", contexts)
    fields = [text_field("DEVICE_TYPE"), text_field("SHOP")]
    return a_store(world, fields).deploy(model, recipe)


def _refused(call: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**members)
    assert caught.value.response["Error"]["Code"] == "InvalidInputException"
    return str(caught.value.response["Error"]["Message"])


def test_the_device_of_a_request_flips_the_top_ten_of_a_user(world: World) -> None:
    """Phones are known from the import, watches from streamed events alone, of a few items."""
    planted = device_store(n_users=160, faith=1.0).interactions
    devices = [planted.contexts.values["DEVICE"][code] for code in planted.contexts.codes[:, 0].tolist()]
    users = planted.users.texts(planted.user_of_event)
    items = planted.items.texts(planted.histories.items)
    rows = zip(users, items, planted.histories.times.tolist(), devices, strict=True)
    text = "USER_ID,ITEM_ID,TIMESTAMP,DEVICE\n" + "".join(
        f"{user},{item},{at},{device}\n" for user, item, at, device in rows
    )
    group = world.dataset_group()
    world.imported(world.dataset(group, "Interactions", *FIELDS["Interactions"], DEVICE), text)
    tracker = world.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)["trackingId"]
    world.settle()
    on_watches = set()
    for user in range(24):
        known = _numbers(items[20 * user : 20 * user + 20])
        cluster = known[0] // 60
        on_watches.update(range(60 * cluster, 60 * cluster + 20, 2))
        for again in range(6):
            events = [
                {
                    "eventType": "view",
                    "itemId": f"item-{item:04d}",
                    "sentAt": int(time.time()) - 100 * again - place,
                    "properties": json.dumps({"device": "watch"}),
                }
                for place, item in enumerate(range(60 * cluster, 60 * cluster + 20, 2))
            ]
            world.events.put_events(
                trackingId=tracker, userId=f"user-{user:04d}", sessionId="s", eventList=events
            )
    campaign = world.campaign(world.trained(world.solution(group, "aws-user-personalization")))

    def top(user: str, **context: str) -> set[int]:
        answer = world.runtime.get_recommendations(
            campaignArn=campaign, userId=user, numResults=10, context=context
        )
        return set(_numbers([entry["itemId"] for entry in answer["itemList"]]))

    for user in ("user-0050", "user-0101", "somebody-new"):
        phone, desktop, watch = (top(user, DEVICE=device) for device in ("phone", "desktop", "watch"))
        assert sum(item % 2 for item in phone) <= 1, user
        assert sum(item % 2 for item in desktop) >= 9, user
        if user != "somebody-new":  # who is shown what is popular, and so the watches' items anyway
            assert len(watch & on_watches) > len(top(user) & on_watches), user
            assert {item % 2 for item in top(user)} == {0, 1}, user
        assert not phone & desktop


@pytest.mark.parametrize("key", ["DEVICE_TYPE", "device_type", "DeviceType"])
def test_a_column_may_be_written_in_any_case(world: World, key: str) -> None:
    campaign = _with_devices(world)
    answer = world.runtime.get_recommendations(
        campaignArn=campaign, userId="u", numResults=5, context={key: "tablet"}
    )

    assert [entry["itemId"] for entry in answer["itemList"]] == ["a1", "a3", "a5", "a7", "a9"]


def test_a_ranking_follows_the_context(world: World) -> None:
    campaign = _with_devices(world, "personalized-ranking")
    orders = [
        [
            entry["itemId"]
            for entry in world.runtime.get_personalized_ranking(
                campaignArn=campaign, userId="u", inputList=["a2", "a4", "a5", "a7"], context=context
            )["personalizedRanking"]
        ]
        for context in ({}, {"DEVICE_TYPE": "tablet"})
    ]

    assert orders == [["a2", "a4", "a5", "a7"], ["a5", "a7", "a2", "a4"]]


def test_values_that_nothing_is_known_of_change_nothing(world: World) -> None:
    campaign = _with_devices(world)
    answers = [
        world.runtime.get_recommendations(campaignArn=campaign, userId="u", context=context)["itemList"]
        for context in ({}, {"DEVICE_TYPE": "fridge"}, {"SHOP": "north"}, {"DEVICE_TYPE": "Tablet"})
    ]

    assert answers[1:] == answers[:1] * 3


def test_a_key_that_is_no_column_is_refused_by_name(world: World) -> None:
    for_you, ranking = _with_devices(world), _with_devices(world, "personalized-ranking")
    said = _refused(
        world.runtime.get_recommendations,
        campaignArn=for_you,
        userId="u",
        context={"WEATHER": "secret-rain", "SHOP": "north"},
    )
    said_of_ranking = _refused(
        world.runtime.get_personalized_ranking,
        campaignArn=ranking,
        userId="u",
        inputList=["a1"],
        context={"WEATHER": "secret-rain"},
    )

    for message in (said, said_of_ranking):
        assert "WEATHER" in message
        assert "secret-rain" not in message
