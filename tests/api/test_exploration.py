"""itemExplorationConfig: which new items are tried out, and how often, in real answers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openpersonalize.models.ids import IdIndex
from openpersonalize.models.newness import Newness
from openpersonalize.storage.event_log import read_streamed
from openpersonalize.work import impressions
from tests.api.stores_of_items import a_store, two_tastes
from tests.api.stores_of_newcomers import DAY_S, GENRES, NOW, NewcomerStore, shares
from tests.world import World, until

NEW = [f"{genre}-new{number}" for genre in GENRES for number in range(3)]
OLD = [f"{genre}-late{number}" for genre in GENRES for number in range(3)]


@pytest.fixture(scope="module")
def store(server: Any) -> NewcomerStore:
    """Twelve items that are a day old and twelve that are forty, of which nobody has had any.

    One more new item was shown with sixty events.
    """
    store = NewcomerStore(World(server))
    store.put(*NEW[:10])
    store.put(*NEW[10:])
    store.put(*OLD[:10], age_days=40)
    store.put(*OLD[10:], age_days=40)
    store.put("space-shown")
    world = store.world
    tracker = world.personalize.create_event_tracker(name="t", datasetGroupArn=store.group)["trackingId"]
    world.settle()
    for user in range(6):
        events = [
            {
                "eventType": "Watch",
                "itemId": f"nature-{place:02}",
                "sentAt": NOW - DAY_S - place,
                "impression": ["space-shown", "nature-00"],
            }
            for place in range(10)
        ]
        world.events.put_events(trackingId=tracker, sessionId="s", userId=f"e{user}", eventList=events)
    return store


@pytest.fixture(scope="module")
def version(store: NewcomerStore) -> str:
    return store.world.trained(store.world.solution(store.group, "aws-user-personalization"))


def test_without_weight_no_cold_item_comes_in_a_thousand_requests(store: NewcomerStore, version: str) -> None:
    campaign = store.deployed(version, 0.0)

    assert shares(store.lists(campaign, 1000), NEW + OLD) == 0.0


def test_the_share_of_new_items_grows_with_the_weight_and_old_ones_stay_out(
    store: NewcomerStore, version: str
) -> None:
    found = []
    for weight in (0.0, 0.3, 1.0):
        lists = store.lists(store.deployed(version, weight), 80)
        found.append(shares(lists, NEW))
        assert shares(lists, OLD) == 0.0

    assert found[0] == 0.0
    assert found[1] == pytest.approx(0.1, abs=0.04)
    assert found[2] == pytest.approx(0.33, abs=0.06)


def test_a_later_cut_off_lets_older_items_in(store: NewcomerStore, version: str) -> None:
    lists = store.lists(store.deployed(version, 1.0, explorationItemAgeCutOff="41"), 40)

    assert shares(lists, OLD) > 0.05


def test_new_items_are_tried_out_on_those_whom_they_suit(store: NewcomerStore, version: str) -> None:
    campaign = store.deployed(version, 1.0)
    lists = store.lists(campaign, 80)
    shown = [(user, item) for user, items in enumerate(lists) for item in items if item in NEW]
    fitting = [item.startswith(GENRES[user % 4]) for user, item in shown]

    assert sum(fitting) / len(fitting) > 0.5  # a quarter by chance


def test_only_what_the_filter_keeps_is_tried_out_and_promotions_stay_as_they_are(
    store: NewcomerStore, version: str
) -> None:
    expressions = {
        "space": 'INCLUDE ItemID WHERE Items.GENRES IN ("space")',
        "crime": 'INCLUDE ItemID WHERE Items.GENRES IN ("crime")',
    }
    arns = {
        name: store.world.personalize.create_filter(
            name=name, datasetGroupArn=store.group, filterExpression=text
        )["filterArn"]
        for name, text in expressions.items()
    }
    store.world.settle()
    campaign = store.deployed(version, 1.0)
    filtered = store.lists(campaign, 40, filterArn=arns["space"])
    promotion = {"name": "p", "percentPromotedItems": 50, "filterArn": arns["crime"]}
    promoted = store.world.runtime.get_recommendations(
        campaignArn=campaign, userId="u0", numResults=10, filterArn=arns["space"], promotions=[promotion]
    )["itemList"]

    assert {item.split("-")[0] for one in filtered for item in one} == {"space"}
    assert shares(filtered, NEW) > 0.1
    marked = [entry["itemId"] for entry in promoted if entry.get("promotionName") == "p"]
    others = [entry["itemId"] for entry in promoted if "promotionName" not in entry]
    assert len(marked) == len(others) == 5
    assert {item.split("-")[0] for item in marked} == {"crime"}
    assert {item.split("-")[0] for item in others} == {"space"}


def test_scores_fall_also_where_items_are_tried_out(store: NewcomerStore, version: str) -> None:
    campaign = store.deployed(version, 1.0)
    for user in range(10):
        answer = store.world.runtime.get_recommendations(
            campaignArn=campaign, userId=f"u{user}", numResults=25
        )
        scores = [entry["score"] for entry in answer["itemList"]]
        assert scores == sorted(scores, reverse=True)
        assert 0.0 < sum(scores) <= 1.0


def test_what_was_shown_is_tried_out_less(store: NewcomerStore, version: str) -> None:
    campaign = store.deployed(version, 1.0)
    lists = [one for user in range(3, 80, 4) for one in store.lists(campaign, 6, userId=f"u{user}")]

    assert shares(lists, ["space-new0"]) > 0.02
    assert shares(lists, ["space-shown"]) < 0.4 * shares(lists, ["space-new0"])


def test_rankings_try_nothing_out(world: World) -> None:
    """The same model, all of whose items are new, in a campaign that recommends and in one that ranks."""
    model = two_tastes()
    nothing = np.zeros(len(model.items), np.int64)
    object.__setattr__(model, "newness", Newness(nothing, nothing + 1, nothing, 0))
    store = a_store(world)
    config = {"itemExplorationConfig": {"explorationWeight": "1"}}
    recommending = store.deploy(model, campaign_config=config)
    ranking = store.deploy(model, "personalized-ranking", campaign_config=config)
    given = model.items.texts(np.arange(len(model.items), dtype=np.int32))
    orders, lists = set(), set()
    for _ in range(10):
        answer = world.runtime.get_personalized_ranking(campaignArn=ranking, userId="u", inputList=given)
        orders.add(tuple(entry["itemId"] for entry in answer["personalizedRanking"]))
        lists.add(tuple(store.recommend(recommending, userId="u", numResults=8)))

    assert len(orders) == 1
    assert len(lists) > 1


def test_a_list_that_several_events_name_was_shown_once(world: World, tmp_path: Path) -> None:
    store = a_store(world)
    answer = world.runtime.get_recommendations(
        campaignArn=store.deploy(two_tastes()), userId="u", numResults=3
    )
    named = answer["recommendationId"]
    first, second, third = (entry["itemId"] for entry in answer["itemList"])
    store.put("u", first, second, recommendationId=named)
    store.put("v", third, impression=[third])

    def counted() -> list[int]:
        columns = read_streamed(store.stores.database, store.group_id).columns
        files = impressions.write_streamed(store.stores, columns, tmp_path / "shown.parquet")
        return impressions.count([], files, IdIndex.build([first, second, third])).tolist()

    until(lambda: counted() == [1, 1, 2], "the list is stored, and counts once", 5)
