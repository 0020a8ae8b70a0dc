"""What one process is told, the filters and metadata of another know within a second."""

import json
import time
from collections.abc import Callable, Iterator

import pytest

from tests.api.test_events_change_answers import another_process
from tests.api.test_requests_with_filters import ALL, BOUGHT, ODD, Shop, a_shop
from tests.world import Server, World, until

WITHIN_S = 1.0


@pytest.fixture(scope="module")
def second_server(server: Server) -> Iterator[Server]:
    with another_process(server) as (second, _):
        yield second


def kept_elsewhere(shop: Shop, second: Server, arn: str, user: str = "u") -> set[str]:
    """What a filter leaves when the other process is asked."""
    answer = World(second, shop.world.account).runtime.get_recommendations(
        campaignArn=shop.campaign, userId=user, filterArn=arn, numResults=100
    )
    return {entry["itemId"] for entry in answer["itemList"]}


def soon(condition: Callable[[], bool], claim: str) -> None:
    """Demand that something becomes true in time."""
    asked = time.monotonic()
    until(condition, claim)
    assert time.monotonic() - asked < WITHIN_S


def test_another_process_filters_by_a_new_event_within_a_second(world: World, second_server: Server) -> None:
    shop = a_shop(world)
    bought = shop.filter(BOUGHT)
    assert kept_elsewhere(shop, second_server, bought) == ALL - {"a1"}
    left = ALL - {"a1"}
    for item in ("b2", "b3", "b4"):
        shop.store.put("u", item, eventType="buy")
        left = left - {item}

        soon(lambda left=left: kept_elsewhere(shop, second_server, bought) == left, "the event is known")


def test_another_process_filters_by_put_records_within_a_second(world: World, second_server: Server) -> None:
    shop = a_shop(world)
    red = shop.filter('INCLUDE ItemID WHERE Items.TAGS IN ("red")')
    young = shop.filter('EXCLUDE ItemID WHERE Items.TAGS IN ("red") IF CurrentUser.AGE < 18')
    assert kept_elsewhere(shop, second_server, red) == ODD
    assert kept_elsewhere(shop, second_server, young) == ALL

    shop.put_item("b2", tags="red")
    soon(lambda: kept_elsewhere(shop, second_server, red) == ODD | {"b2"}, "the item is known")
    shop.world.events.put_users(
        datasetArn=shop.users, users=[{"userId": "u", "properties": json.dumps({"age": 9})}]
    )
    soon(lambda: kept_elsewhere(shop, second_server, young) == ALL - ODD - {"b2"}, "the user is known")


def test_another_process_knows_a_filter_as_soon_as_it_is_active(world: World, second_server: Server) -> None:
    shop = a_shop(world)
    for bound in (2, 3, 4):
        arn = shop.filter(f"INCLUDE ItemID WHERE Items.PRICE < {bound}")

        assert kept_elsewhere(shop, second_server, arn) == {f"a{number}" for number in range(bound)}
