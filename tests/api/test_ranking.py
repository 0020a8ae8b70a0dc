"""GetPersonalizedRanking through boto3."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.stores_of_items import a_store, two_tastes
from tests.world import World


def ranked(world: World, campaign: str, items: list[str], user: str = "u") -> list[dict[str, Any]]:
    answer = world.runtime.get_personalized_ranking(campaignArn=campaign, inputList=items, userId=user)
    assert len(answer["recommendationId"]) == 40
    return list(answer["personalizedRanking"])


def refused(world: World, **members: Any) -> str:
    with pytest.raises(ClientError) as caught:
        world.runtime.get_personalized_ranking(**members)
    assert caught.value.response["Error"]["Code"] == "InvalidInputException"
    return str(caught.value.response["Error"]["Message"])


@pytest.fixture
def campaign(world: World) -> str:
    return a_store(world).deploy(two_tastes(), "personalized-ranking")


def test_items_are_ranked_by_the_users_taste(world: World, campaign: str) -> None:
    entries = ranked(world, campaign, ["b1", "a5", "b2", "a3"])

    assert [entry["itemId"][0] for entry in entries] == ["a", "a", "b", "b"]
    assert sum(entry["score"] for entry in entries) == pytest.approx(1, abs=1e-6)


def test_unknown_items_stand_at_the_end_without_a_score(world: World, campaign: str) -> None:
    entries = ranked(world, campaign, ["new-1", "b1", "new-2", "a5"])

    assert [entry["itemId"] for entry in entries] == ["a5", "b1", "new-1", "new-2"]
    assert [sorted(entry) for entry in entries] == [["itemId", "score"]] * 2 + [["itemId"]] * 2


def test_a_list_of_unknown_items_comes_back_as_it_is(world: World, campaign: str) -> None:
    assert ranked(world, campaign, ["y", "x"]) == [{"itemId": "y"}, {"itemId": "x"}]


def test_an_item_given_twice_is_ranked_once(world: World, campaign: str) -> None:
    entries = ranked(world, campaign, ["b1", "a5", "b1", "new", "new"])

    assert [entry["itemId"] for entry in entries] == ["a5", "b1", "new"]


def test_an_empty_list_is_an_empty_ranking(world: World, campaign: str) -> None:
    assert ranked(world, campaign, []) == []


def test_an_unknown_user_gets_popular_items_first(world: World, campaign: str) -> None:
    entries = ranked(world, campaign, ["b9", "a0", "b0"], user="nobody")

    assert [entry["itemId"] for entry in entries] == ["a0", "b0", "b9"]


def test_at_most_500_items_are_ranked(world: World, campaign: str) -> None:
    items = [f"i{number}" for number in range(501)]

    assert len(ranked(world, campaign, items[:500])) == 500
    assert "at most 500" in refused(world, campaignArn=campaign, inputList=items, userId="u")


def test_a_campaign_that_recommends_does_not_rank(world: World) -> None:
    campaign = a_store(world).deploy(two_tastes(), "user-personalization")

    text = refused(world, campaignArn=campaign, inputList=["a0"], userId="u")
    assert "does not rank given items" in text


def test_a_foreign_campaign_does_not_exist(world: World, campaign: str) -> None:
    foreign = world.elsewhere(account="999999999999")

    text = refused(foreign, campaignArn=campaign, inputList=["a0"], userId="u")
    assert text == f"{campaign} does not exist or is not active yet."


def test_new_events_change_the_ranking(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes(), "personalized-ranking")
    store.put("u", "b3", "b4", "b5")

    entries = ranked(world, campaign, ["a5", "b1"])
    assert [entry["itemId"] for entry in entries] == ["b1", "a5"]
