"""What a filter keeps in recommendations and rankings, and how soon it knows what is new."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from openpersonalize.domain.limits import NEWEST_EVENTS
from openpersonalize.settings import Profile
from openpersonalize.storage.records import FILTERS, INDEXES, bump
from openpersonalize.storage.tables import SchemaRow
from openpersonalize.storage.tail import EVENTS_PER_USER
from tests.api.refusals import refused
from tests.api.stores_of_items import Store, a_store, popular_items, similar_items, two_tastes
from tests.world import World, running_server, text_field, until

ITEM_FIELDS = [
    text_field("ITEM_ID"),
    text_field("TAGS", categorical=True) | {"type": ["null", "string"]},
    {"name": "PRICE", "type": ["null", "float"]},
]
USER_FIELDS = [text_field("USER_ID"), {"name": "AGE", "type": "int"}]
ITEMS = (
    "ITEM_ID,TAGS,PRICE\n"
    + "".join(f"a{number},{'even' if number % 2 == 0 else 'odd|red'},{number}.99\n" for number in range(10))
    + "".join(f"b{number},blue,\n" for number in range(9))
)
"""b9 has no record; the b have no price."""
USERS = "USER_ID,AGE\nu,30\nyoung,12\n"
BOUGHT = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("buy")'


@dataclass
class Shop:
    """A store of two tastes, with records of items and users, and events of u."""

    store: Store
    items: str
    users: str
    campaign: str

    @property
    def world(self) -> World:
        return self.store.world

    def filter(self, expression: str) -> str:
        """A new ACTIVE filter."""
        arn: str = self.world.personalize.create_filter(
            name=f"filter-{time.monotonic_ns()}",
            datasetGroupArn=self.store.group_arn,
            filterExpression=expression,
        )["filterArn"]
        self.world.settle()
        status = self.world.personalize.describe_filter(filterArn=arn)["filter"]
        assert status["status"] == "ACTIVE", status
        return arn

    def kept(self, expression: str, user: str = "u", campaign: str = "", **members: Any) -> set[str]:
        """Everything that a filter leaves for a user."""
        members = {"numResults": 100, "userId": user} | members
        arn = self.filter(expression)
        return set(self.store.recommend(campaign or self.campaign, filterArn=arn, **members))

    def put_item(self, item: str, **properties: Any) -> None:
        self.world.events.put_items(
            datasetArn=self.items, items=[{"itemId": item, "properties": json.dumps(properties)}]
        )


def a_shop(world: World) -> Shop:
    store = a_store(world, [text_field("EVENT_TYPE")])
    world.imported(
        world.arn("dataset", store.name, "INTERACTIONS"),
        "USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP\nu,a1,buy,1\nu,a2,view,2\nother,a3,buy,3\n"
        + "".join(f"filler{number},a9,view,{number}\n" for number in range(1000)),
    )
    items, users = (
        world.dataset(store.group_arn, "Items", *ITEM_FIELDS),
        world.dataset(store.group_arn, "Users", *USER_FIELDS),
    )
    world.imported(items, ITEMS)
    world.imported(users, USERS)
    return Shop(store, items, users, store.deploy(two_tastes()))


@pytest.fixture
def shop(world: World) -> Shop:
    return a_shop(world)


ALL = {f"{taste}{number}" for taste in "ab" for number in range(10)}
EVEN = {f"a{number}" for number in range(0, 10, 2)}
ODD = {f"a{number}" for number in range(1, 10, 2)}
BLUE = {f"b{number}" for number in range(9)}


def test_items_are_kept_by_what_their_records_say(shop: Shop) -> None:
    assert shop.kept('INCLUDE ItemID WHERE Items.TAGS IN ("even")') == EVEN
    assert shop.kept('INCLUDE ItemID WHERE Items.TAGS = "red"') == ODD
    assert shop.kept('EXCLUDE ItemID WHERE Items.TAGS IN ("red", "blue")') == EVEN | {"b9"}
    assert shop.kept("INCLUDE ItemID WHERE Items.PRICE <= 3.99") == {"a0", "a1", "a2", "a3"}
    assert shop.kept("INCLUDE ItemID WHERE Items.PRICE = 3.99") == {"a3"}
    assert shop.kept('INCLUDE ItemID WHERE Items.TAGS NOT IN ("even")') == ALL - EVEN
    assert (
        shop.kept('INCLUDE ItemID WHERE Items.PRICE > 7 | INCLUDE ItemID WHERE Items.TAGS IN ("blue")')
        == {"a7", "a8", "a9"} | BLUE
    )


def test_scores_and_order_are_those_without_the_filter(shop: Shop) -> None:
    arn = shop.filter('INCLUDE ItemID WHERE Items.TAGS IN ("even", "blue")')
    ask = shop.world.runtime.get_recommendations
    whole = ask(campaignArn=shop.campaign, userId="u", numResults=100)["itemList"]
    some = ask(campaignArn=shop.campaign, userId="u", numResults=7, filterArn=arn)["itemList"]

    assert some == [entry for entry in whole if entry["itemId"] in EVEN | BLUE][:7]


def test_values_come_with_the_request(shop: Shop) -> None:
    price = shop.filter("INCLUDE ItemID WHERE Items.PRICE < $MAX AND Items.TAGS IN ($TAGS)")
    for given in ('"3"', "3"):
        values = {"MAX": given, "TAGS": '"even","blue"', "UNKNOWN": '"x"'}
        assert set(shop.store.recommend(shop.campaign, userId="u", filterArn=price, filterValues=values)) == {
            "a0",
            "a2",
        }
    without = shop.filter("EXCLUDE ItemID WHERE Items.TAGS IN ($TAGS)")
    assert len(shop.store.recommend(shop.campaign, userId="u", filterArn=without, numResults=100)) == len(ALL)


def test_events_count_from_imports_and_from_a_moment_ago(shop: Shop) -> None:
    arn = shop.filter(BOUGHT)

    def left() -> set[str]:
        return ALL - set(shop.store.recommend(shop.campaign, userId="u", filterArn=arn, numResults=100))

    assert left() == {"a1"}
    shop.store.put("u", "a5", eventType="BUY")
    assert left() == {"a1", "a5"}
    shop.store.put("u", "a6", eventType="view")
    shop.store.put(None, "a7", session_id="u2", eventType="buy")
    assert left() == {"a1", "a5"}
    assert ALL - shop.kept('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")') == {
        "a1",
        "a2",
        "a5",
        "a6",
    }
    assert shop.kept('INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view")') == {"a2", "a6"}
    assert shop.kept(BOUGHT, user="nobody") == ALL


def test_the_whole_history_counts_past_what_memory_holds(shop: Shop) -> None:
    arn = shop.filter(BOUGHT)
    shop.store.put("busy", "b3", eventType="buy")
    now = int(time.time())
    for first in range(0, EVENTS_PER_USER + 10, 10):
        events = [
            {"eventType": "view", "itemId": "a0", "sentAt": now + first + number} for number in range(10)
        ]
        shop.world.events.put_events(
            trackingId=shop.store.tracking_id, userId="busy", sessionId="s", eventList=events
        )

    kept = shop.store.recommend(shop.campaign, userId="busy", filterArn=arn, numResults=100)
    assert ALL - set(kept) == {"b3"}


def test_a_condition_on_the_user_decides_whether_an_expression_counts(shop: Shop) -> None:
    adults = 'EXCLUDE ItemID WHERE Items.TAGS IN ("red") IF CurrentUser.AGE < 18'

    assert shop.kept(adults, user="young") == ALL - ODD
    assert shop.kept(adults, user="u") == ALL
    assert shop.kept(adults, user="nobody") == ALL


def test_put_records_change_filters_within_a_second(shop: Shop) -> None:
    red = shop.filter('INCLUDE ItemID WHERE Items.TAGS IN ("red")')
    young = shop.filter('EXCLUDE ItemID WHERE Items.TAGS IN ("red") IF CurrentUser.AGE < 18')

    def kept(arn: str, user: str = "u") -> set[str]:
        return set(shop.store.recommend(shop.campaign, userId=user, filterArn=arn, numResults=100))

    assert kept(red) == ODD
    shop.put_item("a1", tags="green")
    shop.put_item("b9", tags="red")
    until(lambda: kept(red) == ODD - {"a1"} | {"b9"}, "the filter knows the items that were put")
    shop.world.events.put_users(
        datasetArn=shop.users, users=[{"userId": "u", "properties": json.dumps({"age": 9})}]
    )
    until(lambda: kept(young) == ALL - (ODD - {"a1"}) - {"b9"}, "the filter knows the user that was put")


def test_an_import_changes_filters_once_it_is_indexed(shop: Shop) -> None:
    red = shop.filter('INCLUDE ItemID WHERE Items.TAGS IN ("red")')
    shop.world.imported(shop.items, "ITEM_ID,TAGS,PRICE\nb0,red,1\na3,grey,1\n", importMode="INCREMENTAL")

    until(
        lambda: (
            set(shop.store.recommend(shop.campaign, userId="u", filterArn=red, numResults=100))
            == ODD - {"a3"} | {"b0"}
        ),
        "the filter knows the items that were imported",
    )


def test_popular_and_related_items_are_filtered(shop: Shop) -> None:
    names = [f"a{number}" for number in range(10)]
    popular = shop.store.deploy(popular_items(*names), "popularity-count")
    related = shop.store.deploy(
        similar_items({"a9": ["a8", "a7", "a1", "a2"], **{name: [] for name in names[:9]}}), "sims"
    )
    cheaper = "INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE AND Items.TAGS IN CurrentItem.TAGS"

    assert shop.kept('INCLUDE ItemID WHERE Items.TAGS IN ("even")', campaign=popular) == EVEN
    assert shop.kept(BOUGHT, campaign=popular) == set(names) - {"a1"}
    assert shop.kept(cheaper, campaign=related, itemId="a9", numResults=2) == {"a7", "a1"}
    assert "userId is required" in refused(
        "InvalidInputException",
        shop.world.runtime.get_recommendations,
        campaignArn=popular,
        filterArn=shop.filter(BOUGHT),
    )


def test_a_ranking_drops_what_the_filter_removes_known_or_not(shop: Shop) -> None:
    ranking = shop.store.deploy(two_tastes(), "personalized-ranking")
    shop.put_item("new-red", tags="red")
    shop.put_item("new-blue", tags="blue")
    no_red = shop.filter('EXCLUDE ItemID WHERE Items.TAGS IN ("red")')
    given = ["new-red", "new-blue", "a1", "a2", "b1", "b9", "stranger"]

    def ranked(arn: str) -> list[str]:
        answer = shop.world.runtime.get_personalized_ranking(
            campaignArn=ranking, userId="u", inputList=given, filterArn=arn
        )
        return [entry["itemId"] for entry in answer["personalizedRanking"]]

    until(lambda: ranked(no_red) == ["a2", "b1", "b9", "new-blue", "stranger"], "the ranking is filtered")
    assert ranked(shop.filter(BOUGHT)) == ["a2", "b1", "b9", "new-red", "new-blue", "stranger"]
    # These are newer than the index, which the filter's creation has made.
    shop.put_item("stranger", tags="red")
    shop.put_item("a1", tags="green")
    until(lambda: ranked(no_red) == ["a1", "a2", "b1", "b9", "new-blue"], "the ranking knows what was put")


@pytest.fixture(params=["standard", "aws"])
def profiled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Profile, World]]:
    with running_server(tmp_path / "data", limits=request.param) as server:
        yield request.param, World(server)


def test_only_the_newest_events_of_a_type_count_under_aws(profiled: tuple[Profile, World]) -> None:
    profile, world = profiled
    shop = a_shop(world)
    arn = shop.filter(BOUGHT)
    now = int(time.time())
    for first in range(0, NEWEST_EVENTS["INTERACTIONS"], 10):
        events = [{"eventType": "buy", "itemId": "b1", "sentAt": now + first + at} for at in range(10)]
        world.events.put_events(
            trackingId=shop.store.tracking_id, userId="u", sessionId="s", eventList=events
        )

    left = ALL - set(shop.store.recommend(shop.campaign, userId="u", filterArn=arn, numResults=100))
    assert left == ({"b1"} if profile == "aws" else {"a1", "b1"})


def test_a_second_server_on_the_database_knows_events_and_records_soon(shop: Shop, tmp_path: Path) -> None:
    bought, red = shop.filter(BOUGHT), shop.filter('INCLUDE ItemID WHERE Items.TAGS IN ("red")')
    first = shop.world.server
    with running_server(first.settings.data_dir, first.settings.database_url) as second:
        other = World(second, shop.world.account)

        def kept(arn: str) -> set[str]:
            answer = other.runtime.get_recommendations(
                campaignArn=shop.campaign, userId="u", filterArn=arn, numResults=100
            )
            return {entry["itemId"] for entry in answer["itemList"]}

        assert kept(bought) == ALL - {"a1"}
        assert kept(red) == ODD
        shop.store.put("u", "b2", eventType="buy")
        shop.put_item("b2", tags="red")

        until(lambda: kept(bought) == ALL - {"a1", "b2"}, "the other server knows the event")
        until(lambda: kept(red) == ODD | {"b2"}, "the other server knows the item")


def test_a_schema_that_cannot_be_read_harms_its_own_group_only(shop: Shop) -> None:
    other = a_shop(shop.world.elsewhere(account="333333333333"))
    other.filter('INCLUDE ItemID WHERE Items.TAGS IN ("red")')
    schema = other.world.personalize.describe_dataset(datasetArn=other.items)["dataset"]["schemaArn"]
    with other.store.stores.database.write() as session:
        session.query(SchemaRow).filter_by(arn=schema).one().schema = "no schema"
        bump(session, FILTERS)
        bump(session, INDEXES)

    assert shop.kept('INCLUDE ItemID WHERE Items.TAGS IN ("red")') == ODD
