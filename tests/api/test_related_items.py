"""Items like an item, by the six recipes of that kind: imported, trained, deployed and asked."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.domain_stores import SHOP, VIDEO, DomainStore, a_domain_store, recipe_arn
from tests.api.stores_of_newcomers import NOW, NewcomerStore, interactions, old_items
from tests.world import World, text_field

COLD = ("crime-cold", "space-cold")
"""Put one by one; nobody had them."""


@pytest.fixture(scope="module")
def store(server: Any) -> NewcomerStore:
    """Users keep to one genre each, which the items' metadata name."""
    store = NewcomerStore(World(server))
    store.put(*COLD)
    return store


def _deployed(store: NewcomerStore, recipe: str, **solution: Any) -> str:
    version = store.world.trained(store.world.solution(store.group, recipe, **solution))
    return store.world.campaign(version)


def _similar(store: NewcomerStore, campaign: str, item: str, n: int = 10) -> list[str]:
    answer = store.world.runtime.get_recommendations(campaignArn=campaign, itemId=item, numResults=n)
    assert all(set(entry) == {"itemId"} for entry in answer["itemList"])
    found = [entry["itemId"] for entry in answer["itemList"]]
    assert item not in found
    return found


def _genres(items: list[str]) -> set[str]:
    return {item.split("-")[0] for item in items}


def test_similar_items_knows_items_without_interactions_by_their_metadata(store: NewcomerStore) -> None:
    campaign = _deployed(store, "aws-similar-items")

    assert _genres(_similar(store, campaign, "crime-cold")) == {"crime"}
    assert _genres(_similar(store, campaign, "space-cold")) == {"space"}
    like_a_warm_one = _similar(store, campaign, "crime-03", 15)
    assert _genres(like_a_warm_one) == {"crime"}
    assert "crime-cold" in like_a_warm_one


def test_without_the_column_that_decides_a_cold_seed_gets_popular_items(store: NewcomerStore) -> None:
    excluded = {"trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": ["GENRES"]}}}
    campaign = _deployed(store, "aws-similar-items", solutionConfig=excluded)
    popular = _similar(store, campaign, "nothing-known")

    assert _similar(store, campaign, "crime-cold") == popular
    assert len(_genres(popular)) > 1
    assert _genres(_similar(store, campaign, "crime-03")) == {"crime"}  # histories still say so


def test_sims_knows_items_by_histories_alone(store: NewcomerStore) -> None:
    campaign = _deployed(store, "aws-sims")

    assert _genres(_similar(store, campaign, "crime-03")) == {"crime"}
    assert _similar(store, campaign, "crime-cold") == _similar(store, campaign, "nothing-known")
    assert len(_genres(_similar(store, campaign, "crime-cold"))) > 1


def test_similar_items_has_no_least_number_of_joint_interactions(store: NewcomerStore) -> None:
    with pytest.raises(
        ClientError, match="Provide a hyperparameter that is used in the algorithm"
    ) as refused:
        store.world.solution(
            store.group,
            "aws-similar-items",
            solutionConfig={"algorithmHyperParameters": {"min_cointeraction_count": "3"}},
        )
    assert refused.value.response["Error"]["Code"] == "InvalidInputException"


def _recommender(world: World, group: str, recipe: str) -> str:
    arn: str = world.personalize.create_recommender(
        name=recipe, datasetGroupArn=group, recipeArn=recipe_arn(recipe)
    )["recommenderArn"]
    world.settle()
    found = world.personalize.describe_recommender(recommenderArn=arn)["recommender"]
    assert found["status"] == "ACTIVE"
    assert found["modelMetrics"]["coverage"] > 0
    return arn


def _related(world: World, recommender: str, item: str, user: str = "nobody", n: int = 10) -> list[str]:
    answer = world.runtime.get_recommendations(
        recommenderArn=recommender, itemId=item, userId=user, numResults=n
    )
    assert all(set(entry) == {"itemId"} for entry in answer["itemList"])
    return [entry["itemId"] for entry in answer["itemList"]]


def _import_videos(store: DomainStore) -> None:
    """All items that are watched, and the cold ones."""
    fields = (
        text_field("ITEM_ID"),
        text_field("GENRES", categorical=True),
        {"name": "CREATION_TIMESTAMP", "type": "long"},
    )
    dataset = store.world.personalize.create_dataset(
        name="items",
        datasetGroupArn=store.group,
        datasetType="Items",
        schemaArn=store.world.schema("Items", *fields, domain=VIDEO),
    )["datasetArn"]
    store.world.settle()
    lines = [f"{item},{item.split('-')[0]},{NOW}" for item in (*old_items(), *COLD)]
    store.world.imported(dataset, "ITEM_ID,GENRES,CREATION_TIMESTAMP\n" + "\n".join(lines) + "\n")


def test_more_like_x_knows_metadata_and_because_you_watched_x_histories(world: World) -> None:
    store = a_domain_store(world, VIDEO, text=interactions())
    _import_videos(store)
    more_like = _recommender(world, store.group, "aws-vod-more-like-x")
    because = _recommender(world, store.group, "aws-vod-because-you-watched-x")
    watched = {line.split(",")[1] for line in interactions().splitlines() if line.startswith("u1,")}

    for recommender, of_cold in ((more_like, 1), (because, 4)):
        assert _genres(_related(world, recommender, "crime-03")) == {"crime"}
        assert len(_genres(_related(world, recommender, "crime-cold"))) == of_cold
        left = _related(world, recommender, "humour-03", "u1", 20)
        assert watched.isdisjoint(left)
        assert len(watched) == 12


def _shop() -> str:
    """CSV text: pens are bought with inks, viewed beside lamps; a bag is bought three days after a pen."""
    lines = ["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP"]
    day = 86_400
    for user in range(60):
        for step in range(6):
            kind, at = (user + step) % 7, 1_600_000_000 + 7 * step * day
            lines += [
                f"u{user},{item}-{kind},{event_type},{at + later}"
                for item, event_type, later in (
                    ("lamp", "View", 0),
                    ("pen", "View", 60),
                    ("bag", "View", 7200),
                    ("ink", "Purchase", 8000),
                    ("pen", "Purchase", 8000),
                    ("bag", "Purchase", 8000 + 3 * day),
                )
            ]
    return "\n".join(lines) + "\n"


def test_what_is_bought_together_differs_from_what_is_viewed_also(world: World) -> None:
    store = a_domain_store(world, SHOP, text=_shop())
    bought = _recommender(world, store.group, "aws-ecomm-frequently-bought-together")
    viewed = _recommender(world, store.group, "aws-ecomm-customers-who-viewed-x-also-viewed")

    for kind in range(7):
        assert _related(world, bought, f"pen-{kind}", n=2) == [f"ink-{kind}", f"bag-{kind}"]
        also = _related(world, viewed, f"pen-{kind}", n=30)
        assert set(also[:2]) == {f"lamp-{kind}", f"bag-{kind}"}
        assert not any(item.startswith("ink") for item in also[:5])
    lines = [line.split(",") for line in _shop().splitlines()]
    of_u0 = {item for user, item, event_type, _ in lines if user == "u0" and event_type == "Purchase"}
    assert of_u0.isdisjoint(_related(world, viewed, "pen-0", "u0", 30))
    assert len(of_u0) == 18
