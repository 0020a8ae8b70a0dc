"""Promotions and metadata in answers, and every combination that a request is refused for."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from openpersonalize.storage.records import DEPLOYMENTS, bump
from openpersonalize.storage.tables import CampaignRow
from tests.api.refusals import refused
from tests.api.stores_of_items import a_store, popular_items, similar_items, two_tastes
from tests.api.test_requests_with_filters import ALL, BLUE, BOUGHT, EVEN, ODD, Shop, a_shop
from tests.world import World, until

IN_BLUE = 'INCLUDE ItemID WHERE Items.TAGS IN ("blue")'
SECRET = "a-value-of-the-customer"


@pytest.fixture
def shop(world: World) -> Shop:
    return a_shop(world)


def with_metadata(shop: Shop, recipe: str = "user-personalization") -> str:
    """A campaign that gives metadata, with the items indexed."""
    shop.filter(IN_BLUE)
    config = {"enableMetadataWithRecommendations": True}
    return shop.store.deploy(two_tastes(), recipe, campaign_config=config)


def promoted(shop: Shop, percent: int, expression: str = IN_BLUE, **members: Any) -> list[dict[str, Any]]:
    promotion = {
        "name": "autumn",
        "percentPromotedItems": percent,
        "filterArn": shop.filter(expression),
    }
    members = {"campaignArn": shop.campaign, "userId": "u", "numResults": 10} | members
    answer = shop.world.runtime.get_recommendations(promotions=[promotion], **members)
    return list(answer["itemList"])


def names(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["itemId"] for entry in entries]


def test_a_share_of_the_answer_is_promoted_in_the_order_of_the_users_taste(shop: Shop) -> None:
    entries = promoted(shop, 30)
    chosen = [entry for entry in entries if "promotionName" in entry]
    others = [entry for entry in entries if "promotionName" not in entry]

    assert {entry["promotionName"] for entry in chosen} == {"autumn"}
    assert names(chosen) == ["b0", "b1", "b2"]
    assert names(others) == [f"a{number}" for number in range(7)]
    for part in (chosen, others):
        scores = [entry["score"] for entry in part]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("percent", "n_results", "n_promoted"), [(1, 10, 1), (25, 10, 3), (24, 10, 2), (100, 5, 5), (50, 3, 2)]
)
def test_the_share_is_the_nearest_whole_number_and_at_least_one(
    shop: Shop, percent: int, n_results: int, n_promoted: int
) -> None:
    entries = promoted(shop, percent, numResults=n_results)

    assert len(entries) == n_results
    assert sum("promotionName" in entry for entry in entries) == n_promoted


def test_too_few_promotable_items_are_filled_up_without_showing_one_twice(shop: Shop) -> None:
    entries = promoted(shop, 50, "INCLUDE ItemID WHERE Items.PRICE = 3.99")

    assert [entry["itemId"] for entry in entries if "promotionName" in entry] == ["a3"]
    assert set(names(entries)) == {f"a{number}" for number in range(10)}
    assert len(names(promoted(shop, 50, numResults=100))) == len(ALL)


def test_the_filter_of_the_request_holds_for_the_others_only(shop: Shop) -> None:
    entries = promoted(shop, 20, 'INCLUDE ItemID WHERE Items.TAGS IN ("red")', filterArn=shop.filter(IN_BLUE))
    chosen = {entry["itemId"] for entry in entries if "promotionName" in entry}

    assert chosen <= ODD
    assert len(chosen) == 2
    assert set(names(entries)) - chosen <= BLUE
    assert len(entries) == 10


def test_promoted_items_stand_anywhere(shop: Shop) -> None:
    """300 answers of 5 with one promoted item: 60 at each place; 5 standard deviations are 35."""
    promotion = [{"name": "p", "percentPromotedItems": 20, "filterArn": shop.filter(IN_BLUE)}]
    places: Counter[int] = Counter()
    for _ in range(300):
        answer = shop.world.runtime.get_recommendations(
            campaignArn=shop.campaign, userId="u", numResults=5, promotions=promotion
        )
        places.update(place for place, entry in enumerate(answer["itemList"]) if "promotionName" in entry)

    assert set(places) == set(range(5))
    assert all(25 <= times <= 95 for times in places.values()), places


def test_metadata_are_texts_under_lower_case_names(shop: Shop) -> None:
    campaign = with_metadata(shop)
    answer = shop.world.runtime.get_recommendations(
        campaignArn=campaign,
        userId="u",
        numResults=20,
        metadataColumns={"ITEMS": ["tags", "PRICE", "ITEM_ID"]},
    )
    found = {entry["itemId"]: entry["metadata"] for entry in answer["itemList"]}

    assert found["a1"] == {"tags": "odd|red", "price": "1.99", "item_id": "a1"}
    assert found["b1"] == {"tags": "blue", "item_id": "b1"}
    assert found["b9"] == {}
    assert all("score" in entry for entry in answer["itemList"])


def test_put_items_change_metadata_within_a_second(shop: Shop) -> None:
    campaign = with_metadata(shop)

    def price(item: str) -> str | None:
        answer = shop.world.runtime.get_recommendations(
            campaignArn=campaign, userId="u", numResults=20, metadataColumns={"ITEMS": ["PRICE"]}
        )
        found = {entry["itemId"]: entry["metadata"] for entry in answer["itemList"]}
        text: str | None = found[item].get("price")
        return text

    assert price("b1") is None
    shop.put_item("b1", tags="blue", price=13000)
    until(lambda: price("b1") == "13000.0", "the metadata have what was put")


def test_rankings_promotions_and_recommenders_give_metadata_alike(shop: Shop) -> None:
    ranking, campaign = with_metadata(shop, "personalized-ranking"), with_metadata(shop)
    columns = {"ITEMS": ["TAGS"]}
    ranked = shop.world.runtime.get_personalized_ranking(
        campaignArn=ranking, userId="u", inputList=["stranger", "b1", "a1"], metadataColumns=columns
    )["personalizedRanking"]
    entries = promoted(shop, 30, campaignArn=campaign, metadataColumns=columns)

    assert [(entry["itemId"], entry["metadata"]) for entry in ranked] == [
        ("a1", {"tags": "odd|red"}),
        ("b1", {"tags": "blue"}),
        ("stranger", {}),
    ]
    for entry in entries:
        wanted = "blue" if entry["itemId"] in BLUE else "even" if entry["itemId"] in EVEN else "odd|red"
        assert entry["metadata"] == {"tags": wanted}


def test_an_update_turns_metadata_on(world: World) -> None:
    group = world.dataset_group()
    world.interactions(group)
    items = world.dataset(group, "Items")
    world.imported(items, "ITEM_ID,GENRE\ni0,jazz\n")
    campaign = world.campaign(world.trained(world.solution(group)))
    ask: dict[str, Any] = {"campaignArn": campaign, "metadataColumns": {"ITEMS": ["GENRE"]}, "numResults": 50}
    said = refused("InvalidInputException", world.runtime.get_recommendations, **ask)
    assert "enableMetadataWithRecommendations" in said

    world.personalize.update_campaign(
        campaignArn=campaign, campaignConfig={"enableMetadataWithRecommendations": True}
    )
    world.settle()

    def metadata() -> Any:
        try:
            answer = world.runtime.get_recommendations(**ask)
        except world.runtime.exceptions.InvalidInputException:
            return None
        return {entry["itemId"]: entry["metadata"] for entry in answer["itemList"]}["i0"]

    assert until(metadata, "the campaign gives metadata") == {"genre": "jazz"}


Asked = Callable[[Shop], dict[str, Any]]
REFUSED: dict[str, tuple[str, str, Asked]] = {
    "values without a filter": (
        "InvalidInputException",
        "filterArn",
        lambda shop: {"filterValues": {"A": SECRET}},
    ),
    "a filter that is not there": (
        "ResourceNotFoundException",
        "The given filter does not exist",
        lambda shop: {"filterArn": shop.world.arn("filter", "none")},
    ),
    "a filter of another account": (
        "ResourceNotFoundException",
        "The given filter does not exist",
        lambda shop: {"filterArn": a_shop(shop.world.elsewhere(account="222222222222")).filter(BOUGHT)},
    ),
    "a filter of another region": (
        "ResourceNotFoundException",
        "The given filter does not exist",
        lambda shop: {"filterArn": a_shop(shop.world.elsewhere(region="eu-west-1")).filter(BOUGHT)},
    ),
    "a filter of another group": (
        "InvalidInputException",
        "another dataset group",
        lambda shop: {"filterArn": a_shop(shop.world).filter(BOUGHT)},
    ),
    "a filter of users": (
        "InvalidInputException",
        "ItemID",
        lambda shop: {"filterArn": shop.filter("INCLUDE UserID WHERE Users.AGE > 3")},
    ),
    "CurrentItem where no item is given": (
        "InvalidInputException",
        "CurrentItem",
        lambda shop: {"filterArn": shop.filter("INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE")},
    ),
    "an INCLUDE without its value": (
        "InvalidInputException",
        "lacks MAX",
        lambda shop: {"filterArn": shop.filter("INCLUDE ItemID WHERE Items.PRICE < $MAX")},
    ),
    "a word for a number": (
        "InvalidInputException",
        "MAX",
        lambda shop: {
            "filterArn": shop.filter("INCLUDE ItemID WHERE Items.PRICE < $MAX"),
            "filterValues": {"MAX": f'"{SECRET}"'},
        },
    ),
    "two values to compare with": (
        "InvalidInputException",
        "2 values for MAX",
        lambda shop: {
            "filterArn": shop.filter("INCLUDE ItemID WHERE Items.PRICE < $MAX"),
            "filterValues": {"MAX": "1,2"},
        },
    ),
    "values that are no list": (
        "InvalidInputException",
        "double quotes",
        lambda shop: {
            "filterArn": shop.filter("INCLUDE ItemID WHERE Items.TAGS IN ($T)"),
            "filterValues": {"T": f'"{SECRET}'},
        },
    ),
    "a promotion without its filter": (
        "InvalidInputException",
        "no filterArn",
        lambda shop: {"promotions": [{"name": "p", "percentPromotedItems": 10}]},
    ),
    "a promotion by a filter of another group": (
        "InvalidInputException",
        "another dataset group",
        lambda shop: {
            "promotions": [
                {"name": "p", "percentPromotedItems": 10, "filterArn": a_shop(shop.world).filter(IN_BLUE)}
            ]
        },
    ),
    "metadata where they are off": (
        "InvalidInputException",
        "enableMetadataWithRecommendations",
        lambda shop: {"metadataColumns": {"ITEMS": ["TAGS"]}},
    ),
    "metadata of an unknown column": (
        "InvalidInputException",
        "COLOUR",
        lambda shop: {"campaignArn": with_metadata(shop), "metadataColumns": {"ITEMS": ["COLOUR"]}},
    ),
    "metadata of users": (
        "InvalidInputException",
        "USERS",
        lambda shop: {"campaignArn": with_metadata(shop), "metadataColumns": {"USERS": ["AGE"]}},
    ),
    "metadata of too many columns": (
        "InvalidInputException",
        "at most 10",
        lambda shop: {"metadataColumns": {"ITEMS": [f"C{number}" for number in range(11)]}},
    ),
    "metadata of too many items": (
        "InvalidInputException",
        "at most 50",
        lambda shop: {"metadataColumns": {"ITEMS": ["TAGS"]}, "numResults": 51},
    ),
    "too many items": ("InvalidInputException", "at most 500", lambda shop: {"numResults": 501}),
    "a context that the schema has not": (
        "InvalidInputException",
        "WEATHER",
        lambda shop: {"context": {"WEATHER": SECRET}},
    ),
    "a context for what is popular": (
        "InvalidInputException",
        "context",
        lambda shop: {
            "campaignArn": shop.store.deploy(popular_items("a0"), "popularity-count"),
            "context": {"DEVICE": SECRET},
        },
    ),
    "no item where one is needed": (
        "InvalidInputException",
        "itemId is required",
        lambda shop: {"campaignArn": shop.store.deploy(similar_items({"a0": []}), "sims")},
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_answered_is_refused_with_the_remedy(shop: Shop, name: str) -> None:
    code, wanted, asked = REFUSED[name]
    members = {"campaignArn": shop.campaign, "userId": "u"} | asked(shop)

    message = refused(code, shop.world.runtime.get_recommendations, **members)
    assert wanted in message
    assert SECRET not in message


def test_a_filter_that_is_not_active_is_refused(shop: Shop) -> None:
    arn = shop.world.personalize.create_filter(
        name="young", datasetGroupArn=shop.store.group_arn, filterExpression=IN_BLUE
    )["filterArn"]
    members = {"campaignArn": shop.campaign, "userId": "u", "filterArn": arn}

    assert "CREATE PENDING" in refused(
        "InvalidInputException", shop.world.runtime.get_recommendations, **members
    )
    shop.world.settle()
    assert shop.store.recommend(shop.campaign, userId="u", filterArn=arn)
    shop.world.personalize.delete_filter(filterArn=arn)
    shop.world.settle()

    def is_gone() -> bool:
        try:
            shop.world.runtime.get_recommendations(**members)
        except shop.world.runtime.exceptions.ResourceNotFoundException:
            return True
        return False

    until(is_gone, "the deleted filter is not found")


def test_too_many_inputs_with_metadata_are_refused(shop: Shop) -> None:
    ranking = with_metadata(shop, "personalized-ranking")
    message = refused(
        "InvalidInputException",
        shop.world.runtime.get_personalized_ranking,
        campaignArn=ranking,
        userId="u",
        inputList=[f"i{number}" for number in range(51)],
        metadataColumns={"ITEMS": ["TAGS"]},
    )

    assert "at most 50" in message


def test_a_group_without_items_gives_no_metadata(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes())
    with store.stores.database.write() as session:
        row = session.query(CampaignRow).filter_by(arn=campaign).one()
        row.campaign_config = json.loads('{"enableMetadataWithRecommendations": true}')
        bump(session, DEPLOYMENTS)
    ask = {"campaignArn": campaign, "userId": "u", "metadataColumns": {"ITEMS": ["TAGS"]}}

    def said() -> str:
        message = refused("InvalidInputException", world.runtime.get_recommendations, **ask)
        return message if "no Items" in message else ""

    assert "create an Items dataset" in until(said, "the campaign's new settings are known")
