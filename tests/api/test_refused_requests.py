"""What rankings, promotions and recommenders are refused for, beside what all recommendations are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.stores_of_items import similar_items, two_tastes
from tests.api.test_requests_with_filters import BOUGHT, Shop, a_shop
from tests.api.test_requests_with_promotions import IN_BLUE, SECRET, with_metadata
from tests.world import World

CHEAPER = "INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE"
UNDER = "INCLUDE ItemID WHERE Items.PRICE < $MAX"
OF_USERS = "INCLUDE UserID WHERE Users.AGE > 3"


@dataclass(frozen=True)
class Refusal:
    """Members of a request, and words of the answer to it."""

    wanted: str
    remedy: str
    asked: Callable[[Shop], dict[str, Any]]
    status: int = 400

    @property
    def code(self) -> str:
        return "ResourceNotFoundException" if self.status == 404 else "InvalidInputException"


@pytest.fixture
def shop(world: World) -> Shop:
    return a_shop(world)


def check(refusal: Refusal, call: Callable[..., Any], members: dict[str, Any]) -> None:
    """Demand a refusal with its status, its words, and nothing of the customer's."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    response = caught.value.response
    message: str = response["Error"]["Message"]

    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (
        refusal.code,
        refusal.status,
    ), message
    assert refusal.wanted in message
    assert refusal.remedy in message
    assert SECRET not in message


def under(shop: Shop, text: str) -> dict[str, Any]:
    return {"filterArn": shop.filter(UNDER), "filterValues": {"MAX": text}}


def of_actions(shop: Shop) -> str:
    """A filter that chooses actions."""
    actions = shop.world.dataset(shop.store.group_arn, "Actions")
    shop.world.imported(actions, "ACTION_ID,KIND\nshare,social\n")
    return shop.filter('INCLUDE ActionID WHERE Actions.KIND IN ("social")')


def in_use(owner: Shop, expression: str) -> str:
    """A filter that the process has in memory, as it has just answered its owner with it."""
    arn = owner.filter(expression)
    assert owner.store.recommend(owner.campaign, userId="u", filterArn=arn)
    return arn


MISSING = "The given filter does not exist"
FILTERS: dict[str, Refusal] = {
    "values without a filter": Refusal(
        "filterValues is given without filterArn",
        "give the ARN of the filter",
        lambda shop: {"filterValues": {"MAX": SECRET}},
    ),
    "a filter that is not there": Refusal(
        MISSING, "filter/none", lambda shop: {"filterArn": shop.world.arn("filter", "none")}, 404
    ),
    "a filter of another account": Refusal(
        MISSING,
        ":filter/",
        lambda shop: {"filterArn": in_use(a_shop(shop.world.elsewhere(account="444444444444")), BOUGHT)},
        404,
    ),
    "a filter of another region": Refusal(
        MISSING,
        ":filter/",
        lambda shop: {"filterArn": in_use(a_shop(shop.world.elsewhere(region="eu-west-1")), BOUGHT)},
        404,
    ),
    "a filter of another group": Refusal(
        "another dataset group",
        "Use one of its own",
        lambda shop: {"filterArn": a_shop(shop.world).filter(IN_BLUE)},
    ),
    "a filter of users": Refusal(
        "chooses users, not items",
        "Use one whose expressions have ItemID",
        lambda shop: {"filterArn": shop.filter(OF_USERS)},
    ),
    "a filter of actions": Refusal(
        "chooses actions, not items",
        "Use one whose expressions have ItemID",
        lambda shop: {"filterArn": of_actions(shop)},
    ),
    "CurrentItem where no item is given": Refusal(
        "compares with CurrentItem",
        "or use another filter",
        lambda shop: {"filterArn": shop.filter(CHEAPER)},
    ),
    "an INCLUDE without its value": Refusal(
        "lacks MAX", "needs the values", lambda shop: {"filterArn": shop.filter(UNDER)}
    ),
    "a word for a number": Refusal(
        "MAX that is no number", "give a number", lambda shop: under(shop, f'"{SECRET}"')
    ),
    "two values to compare with": Refusal(
        "2 values for MAX", "give one, or use IN", lambda shop: under(shop, "1,2")
    ),
}
"""What `filterArn` and `filterValues` are refused for, be they of a ranking, a promotion or the answer."""


@pytest.mark.parametrize("name", FILTERS)
def test_a_ranking_refuses_a_filter_that_it_cannot_use(shop: Shop, name: str) -> None:
    refusal = FILTERS[name]
    members = {
        "campaignArn": shop.store.deploy(two_tastes(), "personalized-ranking"),
        "userId": "u",
        "inputList": ["a1", "b1"],
    }

    check(refusal, shop.world.runtime.get_personalized_ranking, members | refusal.asked(shop))


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "values without a filter"])
def test_a_promotion_refuses_a_filter_that_it_cannot_use(shop: Shop, name: str) -> None:
    refusal = FILTERS[name]
    promotion = {"name": "p", "percentPromotedItems": 10} | refusal.asked(shop)
    members = {"campaignArn": shop.campaign, "userId": "u", "promotions": [promotion]}

    check(refusal, shop.world.runtime.get_recommendations, members)


def as_ranking(shop: Shop, **members: Any) -> dict[str, Any]:
    return {
        "campaignArn": shop.store.deploy(two_tastes(), "personalized-ranking"),
        "inputList": ["a1"],
    } | members


RANKINGS: dict[str, Refusal] = {
    "metadata where they are off": Refusal(
        "enableMetadataWithRecommendations",
        "or leave metadataColumns out",
        lambda shop: as_ranking(shop, metadataColumns={"ITEMS": ["TAGS"]}),
    ),
    "metadata of an unknown column": Refusal(
        "COLOUR",
        "use columns of its schema",
        lambda shop: as_ranking(
            shop,
            campaignArn=with_metadata(shop, "personalized-ranking"),
            metadataColumns={"ITEMS": ["COLOUR"]},
        ),
    ),
    "metadata of too many columns": Refusal(
        "names 11 columns",
        "at most 10",
        lambda shop: as_ranking(shop, metadataColumns={"ITEMS": [f"C{number}" for number in range(11)]}),
    ),
    "a campaign that does not rank": Refusal(
        "does not rank",
        "ask it with GetRecommendations",
        lambda shop: as_ranking(shop, campaignArn=shop.campaign),
    ),
    "a context that the schema has not": Refusal(
        "WEATHER", "leave it out", lambda shop: as_ranking(shop, context={"WEATHER": SECRET})
    ),
}


@pytest.mark.parametrize("name", RANKINGS)
def test_a_ranking_that_cannot_be_made_is_refused(shop: Shop, name: str) -> None:
    refusal = RANKINGS[name]

    check(refusal, shop.world.runtime.get_personalized_ranking, {"userId": "u"} | refusal.asked(shop))


def similar(shop: Shop, **members: Any) -> dict[str, Any]:
    campaign = shop.store.deploy(similar_items({"a0": ["a1"], "a1": []}), "sims")
    return {"campaignArn": campaign, "itemId": "a0"} | members


RECOMMENDATIONS: dict[str, Refusal] = {
    "a filter of actions": FILTERS["a filter of actions"],
    "a promotion without a name": Refusal(
        "no name",
        "give its name",
        lambda shop: {"promotions": [{"percentPromotedItems": 10, "filterArn": shop.filter(IN_BLUE)}]},
    ),
    "a promotion without its share": Refusal(
        "no percentPromotedItems",
        "give its name, percentPromotedItems",
        lambda shop: {"promotions": [{"name": "p", "filterArn": shop.filter(IN_BLUE)}]},
    ),
    "a promotion that needs a user, without one": Refusal(
        "userId is required",
        "looks at the user",
        lambda shop: similar(
            shop,
            userId="",
            promotions=[{"name": "p", "percentPromotedItems": 10, "filterArn": shop.filter(BOUGHT)}],
        ),
    ),
    "a filter on the user's record, without a user": Refusal(
        "userId is required",
        "attributes",
        lambda shop: similar(shop, userId="", filterArn=shop.filter(f"{IN_BLUE} IF CurrentUser.AGE > 3")),
    ),
    "a context for items like one": Refusal(
        "answers the same in every context",
        "leave it out",
        lambda shop: similar(shop, context={"DEVICE": SECRET}),
    ),
}


@pytest.mark.parametrize("name", RECOMMENDATIONS)
def test_recommendations_that_cannot_be_made_are_refused(shop: Shop, name: str) -> None:
    refusal = RECOMMENDATIONS[name]
    members = {"campaignArn": shop.campaign, "userId": "u"} | refusal.asked(shop)

    check(refusal, shop.world.runtime.get_recommendations, members)
