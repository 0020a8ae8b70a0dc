"""GetRecommendations through boto3."""

import json
import re
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from openpersonalize.storage.records import DEPLOYMENTS, bump
from openpersonalize.storage.tables import CampaignRow
from tests.api.stores_of_items import a_store, factor_model, popular_items, similar_items, two_tastes
from tests.world import World, until


def refused(world: World, **members: Any) -> str:
    """The text of the InvalidInputException that a request is answered with."""
    with pytest.raises(ClientError) as caught:
        world.runtime.get_recommendations(**members)
    assert caught.value.response["Error"]["Code"] == "InvalidInputException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return str(caught.value.response["Error"]["Message"])


def test_a_campaign_answers_as_soon_as_it_is_active(world: World) -> None:
    store = a_store(world)
    for _ in range(3):
        campaign = store.deploy(two_tastes())

        assert store.recommend(campaign, userId="u", numResults=3)


def test_a_known_user_gets_what_they_like(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes())

    answer = world.runtime.get_recommendations(campaignArn=campaign, userId="u", numResults=10)
    items = [entry["itemId"] for entry in answer["itemList"]]

    assert {item[0] for item in items} == {"a"}
    scores = [entry["score"] for entry in answer["itemList"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 and round(score, 7) == score for score in scores)


def test_scores_sum_to_one_over_the_catalogue(world: World) -> None:
    campaign = a_store(world).deploy(two_tastes())
    answer = world.runtime.get_recommendations(campaignArn=campaign, userId="u", numResults=500)

    assert len(answer["itemList"]) == 20
    assert sum(entry["score"] for entry in answer["itemList"]) == pytest.approx(1, abs=1e-5)


def test_an_unknown_user_gets_popular_items(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes())

    assert store.recommend(campaign, userId="nobody", numResults=3) == ["a0", "a1", "a2"]


@pytest.mark.parametrize(("asked", "given"), [({}, 25), ({"numResults": 0}, 25), ({"numResults": 500}, 500)])
def test_a_request_gets_as_many_items_as_it_asks_for(world: World, asked: dict[str, int], given: int) -> None:
    items = [f"i{number}" for number in range(600)]
    store = a_store(world)
    campaign = store.deploy(factor_model(items, np.ones((600, 4), np.float32), {"u": [1]}))

    assert len(store.recommend(campaign, userId="u", **asked)) == given


def test_more_than_500_items_are_refused(world: World) -> None:
    campaign = a_store(world).deploy(two_tastes())

    assert "at most 500" in refused(world, campaignArn=campaign, userId="u", numResults=501)


def test_the_recommendation_id_names_the_campaign(world: World) -> None:
    campaign = a_store(world).deploy(two_tastes())
    ids = [
        world.runtime.get_recommendations(campaignArn=campaign, userId="u")["recommendationId"]
        for _ in range(2)
    ]

    pattern = r"RID-[0-9a-f]{2}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-CID-[0-9a-f]{6}"
    assert all(re.fullmatch(pattern, each) and len(each) == 40 for each in ids)
    assert ids[0] != ids[1]
    assert ids[0][-6:] == ids[1][-6:]


def test_ids_of_any_characters_come_back_as_they_are(world: World) -> None:
    names = ['"quoted"', "back\\slash", "tab\tnew\nline", "日本", "emoji 🎬", "\u2028", "%s {}"]
    store = a_store(world)
    campaign = store.deploy(popular_items(*names), "popularity-count")

    assert store.recommend(campaign) == names


def test_popular_items_need_no_user_and_have_no_scores(world: World) -> None:
    campaign = a_store(world).deploy(popular_items("x", "y", "z"), "popularity-count")

    for members in ({}, {"userId": "u"}, {"itemId": "x"}):
        answer = world.runtime.get_recommendations(campaignArn=campaign, numResults=2, **members)
        assert answer["itemList"] == [{"itemId": "x"}, {"itemId": "y"}]


def test_similar_items_need_an_item_and_leave_it_out(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(similar_items({"p": [], "q": ["r"], "r": ["q"]}), "sims")

    assert store.recommend(campaign, itemId="q", numResults=2) == ["r", "p"]
    assert store.recommend(campaign, itemId="unknown", numResults=3) == ["p", "q", "r"]
    assert "itemId is required" in refused(world, campaignArn=campaign, userId="u")
    assert "itemId is required" in refused(world, campaignArn=campaign, itemId="")


def test_items_for_a_user_need_a_user(world: World) -> None:
    campaign = a_store(world).deploy(two_tastes())

    assert "userId is required" in refused(world, campaignArn=campaign)
    assert "userId is required" in refused(world, campaignArn=campaign, userId="")


def test_a_ranking_campaign_recommends_nothing(world: World) -> None:
    campaign = a_store(world).deploy(two_tastes(), "personalized-ranking")

    assert "GetPersonalizedRanking" in refused(world, campaignArn=campaign, userId="u")


def test_campaigns_of_other_accounts_and_regions_do_not_exist(world: World) -> None:
    campaign = a_store(world).deploy(two_tastes())
    assert world.runtime.get_recommendations(campaignArn=campaign, userId="u")["itemList"]

    for foreign in (world.elsewhere(account="999999999999"), world.elsewhere(region="eu-west-1")):
        text = refused(foreign, campaignArn=campaign, userId="u")
        assert text == f"{campaign} does not exist or is not active yet."


@pytest.mark.parametrize("kind", ["campaign", "solution", "recommender"])
def test_an_arn_of_nothing_does_not_exist(world: World, kind: str) -> None:
    arn = world.arn(kind, "nothing")

    assert refused(world, campaignArn=arn, userId="u") == f"{arn} does not exist or is not active yet."


def test_a_campaign_that_is_being_deleted_stops_answering(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes())
    assert store.recommend(campaign, userId="u")

    with store.stores.database.write() as session:
        session.query(CampaignRow).filter_by(arn=campaign).update({"status": "DELETE PENDING"})
        bump(session, DEPLOYMENTS)

    def is_gone() -> bool:
        try:
            store.recommend(campaign, userId="u")
        except ClientError as error:
            return "is not active yet" in str(error)
        return False

    until(is_gone, "the campaign has stopped answering", deadline_s=5)


def test_empty_members_count_as_absent(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes())
    empty: dict[str, Any] = {"filterValues": {}, "promotions": [], "metadataColumns": {}, "context": {}}

    assert store.recommend(campaign, userId="u", **empty)


def test_a_request_names_either_a_campaign_or_a_recommender(world: World) -> None:
    campaign, recommender = world.arn("campaign", "c"), world.arn("recommender", "r")

    assert refused(world, userId="u").endswith("neither is given.")
    assert refused(world, userId="u", campaignArn=campaign, recommenderArn=recommender).endswith(
        "both are given."
    )
    for arn in (recommender, campaign):
        assert refused(world, userId="u", recommenderArn=arn) == f"{arn} does not exist or is not active yet."


def test_all_violations_come_in_one_message(world: World) -> None:
    body = {"campaignArn": "no arn", "userId": "u" * 257, "numResults": -1}
    answer = world.http.post("/recommendations", content=json.dumps(body))

    assert answer.status_code == 400
    assert answer.json()["message"].startswith("3 validation errors detected: ")
