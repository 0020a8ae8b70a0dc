"""Orders and objectives that only the blend of user personalization learns, through the API."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.world import FIELDS, Server, World, text_field

N_ITEMS = 40
N_USERS = 120
WIDTH = {"solutionConfig": {"algorithmHyperParameters": {"hidden_dimension": "32"}}}


def _follower(item: int) -> int:
    """Steps of 7 through all items."""
    return (item + 7) % N_ITEMS


def _walks() -> list[list[int]]:
    """Users who had some items before, begin anywhere and then go to the follower of each item.

    All items are equally popular, and each is next to its follower as often as to the item that it follows.
    """
    generator = np.random.default_rng(0)
    walks = []
    for user in range(N_USERS):
        before = generator.choice(N_ITEMS, 6, replace=False).tolist()
        walk = [user % N_ITEMS]
        while len(walk) < 8:
            walk.append(_follower(walk[-1]))
        walks.append([item for item in before if item not in (*walk, _follower(walk[-1]))] + walk)
    return walks


def _csv(walks: Sequence[Sequence[int]], event_type: str = "") -> str:
    head = "USER_ID,ITEM_ID,TIMESTAMP" + (",EVENT_TYPE" if event_type else "")
    tail = f",{event_type}" if event_type else ""
    lines = [
        f"u{user},i{item:02},{1_600_000_000 + 1000 * user + place}{tail}"
        for user, walk in enumerate(walks)
        for place, item in enumerate(walk)
    ]
    return "\n".join([head, *lines]) + "\n"


@pytest.fixture(scope="module")
def walkers(server: Server) -> tuple[World, str]:
    world = World(server)
    group = world.dataset_group()
    world.interactions(group, _csv(_walks()))
    return world, group


def _first(world: World, campaign: str, user: str) -> str:
    answer = world.runtime.get_recommendations(campaignArn=campaign, userId=user, numResults=1)
    return str(answer["itemList"][0]["itemId"])


def test_what_follows_the_newest_item_leads_the_list(walkers: tuple[World, str]) -> None:
    """Of known users, and of visitors of one event, for whom an item's predecessor would be as close."""
    world, group = walkers
    known = {f"u{user}": walk[-1] for user, walk in enumerate(_walks()) if user % 4 == 0}
    visitors = {f"visitor-{item}": item for item in range(N_ITEMS)}
    tracking = world.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)["trackingId"]
    world.settle()
    campaigns = {
        recipe: world.campaign(world.trained(world.solution(group, recipe, **members)))
        for recipe, members in (("aws-user-personalization", WIDTH), ("aws-popularity-count", {}))
    }
    for visitor, item in visitors.items():
        events = [{"eventType": "view", "itemId": f"i{item:02}", "sentAt": 1_700_000_000}]
        world.events.put_events(trackingId=tracking, userId=visitor, sessionId=visitor, eventList=events)

    for users in (known, visitors):
        shares = {
            recipe: np.mean(
                [_first(world, campaign, user) == f"i{_follower(item):02}" for user, item in users.items()]
            )
            for recipe, campaign in campaigns.items()
        }
        assert shares["aws-user-personalization"] > 0.9, shares
        assert shares["aws-popularity-count"] < 0.2


def test_a_ranking_puts_the_follower_before_the_predecessor(walkers: tuple[World, str]) -> None:
    world, group = walkers
    campaign = world.campaign(world.trained(world.solution(group, "aws-personalized-ranking", **WIDTH)))
    ranks = []
    for user, walk in enumerate(_walks()[:20]):
        follower, *others = (f"i{(walk[-1] + steps) % N_ITEMS:02}" for steps in (7, 14, 21, 5))
        ranked = world.runtime.get_personalized_ranking(
            campaignArn=campaign, userId=f"u{user}", inputList=[*others, follower]
        )["personalizedRanking"]
        assert sum(entry["score"] for entry in ranked) == pytest.approx(1.0, abs=1e-5)
        ranks.append([entry["itemId"] for entry in ranked].index(follower))

    assert np.mean(np.array(ranks) == 0) > 0.9


@pytest.mark.parametrize(
    ("recipe", "domain", "had"),
    [
        ("aws-vod-top-picks", "VIDEO_ON_DEMAND", "Watch"),
        ("aws-ecomm-recommended-for-you", "ECOMMERCE", "Purchase"),
    ],
)
def test_recommenders_for_a_user_show_what_follows_and_nothing_that_the_user_had(
    world: World, recipe: str, domain: str, had: str
) -> None:
    walks = _walks()
    group = world.dataset_group(domain=domain)
    fields = [*FIELDS["Interactions"], text_field("EVENT_TYPE")]
    dataset = world.personalize.create_dataset(
        name="interactions",
        datasetType="Interactions",
        datasetGroupArn=group,
        schemaArn=world.schema("Interactions", *fields, domain=domain),
    )["datasetArn"]
    world.settle()
    world.imported(dataset, _csv(walks, had))
    recommender = world.personalize.create_recommender(
        name="for-you",
        datasetGroupArn=group,
        recipeArn=f"arn:aws:personalize:::recipe/{recipe}",
        recommenderConfig={"itemExplorationConfig": {"explorationWeight": "0"}},
    )["recommenderArn"]
    world.settle()
    described = world.personalize.describe_recommender(recommenderArn=recommender)["recommender"]
    assert described["status"] == "ACTIVE", described
    assert len(described["modelMetrics"]) == 8

    firsts = []
    for user, walk in enumerate(walks[:20]):
        answer = world.runtime.get_recommendations(recommenderArn=recommender, userId=f"u{user}")
        items = [entry["itemId"] for entry in answer["itemList"]]
        assert all(set(entry) == {"itemId"} for entry in answer["itemList"])
        assert not {f"i{item:02}" for item in walk} & set(items)
        firsts.append(items[0] == f"i{_follower(walk[-1]):02}")
    assert np.mean(firsts) > 0.9
