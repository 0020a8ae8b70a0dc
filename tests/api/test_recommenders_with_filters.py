"""Recommenders answer filtered, promoted and with metadata, as campaigns do."""

import json
from typing import Any

import pytest

from tests.api.domain_stores import SHOP, DomainStore, a_domain_store
from tests.api.refusals import refused
from tests.world import World, text_field, until

ITEMS = "ITEM_ID,PRICE,CATEGORY_L1\ncommon,5,books\nloved,15,books|games\nagain,25,games\n" + "".join(
    f"rare-{number:02},1,rest\n" for number in range(30)
)
GAMES = 'INCLUDE ItemID WHERE Items.CATEGORY_L1 IN ("games")'
METADATA = {"enableMetadataWithRecommendations": True}


@pytest.fixture
def shop(world: World) -> DomainStore:
    return a_domain_store(world, SHOP)


def add_items(shop: DomainStore) -> str:
    """An Items dataset with rows."""
    category = text_field("CATEGORY_L1", categorical=True)
    schema = shop.world.schema(
        "Items", text_field("ITEM_ID"), {"name": "PRICE", "type": "float"}, category, domain=SHOP
    )
    dataset: str = shop.world.personalize.create_dataset(
        name="items", datasetGroupArn=shop.group, datasetType="Items", schemaArn=schema
    )["datasetArn"]
    shop.world.settle()
    shop.world.imported(dataset, ITEMS)
    return dataset


def add_filter(shop: DomainStore, name: str, expression: str) -> str:
    """A new ACTIVE filter."""
    arn: str = shop.world.personalize.create_filter(
        name=name, datasetGroupArn=shop.group, filterExpression=expression
    )["filterArn"]
    shop.world.settle()
    assert shop.world.personalize.describe_filter(filterArn=arn)["filter"]["status"] == "ACTIVE"
    return arn


def test_a_recommender_keeps_what_its_filter_keeps(shop: DomainStore) -> None:
    items, arn = add_items(shop), shop.recommender("filtered")
    games, cheap = (
        add_filter(shop, "games", GAMES),
        add_filter(shop, "cheap", "INCLUDE ItemID WHERE Items.PRICE < $MAX"),
    )
    viewed = add_filter(shop, "viewed", 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view")')

    assert set(shop.recommend(arn, filterArn=games)) == {"loved", "again"}
    assert set(shop.recommend(arn, filterArn=cheap, filterValues={"MAX": "20"}, numResults=2)) == {
        "common",
        "loved",
    }
    # u1 of the planted store viewed these.
    assert not {"common", "loved", "again", "rare-01"} & set(
        shop.recommend(arn, filterArn=viewed, numResults=100)
    )
    shop.world.events.put_items(
        datasetArn=items,
        items=[
            {"itemId": "common", "properties": json.dumps({"price": 9, "categoryL1": "games"})},
            {"itemId": "again", "properties": json.dumps({"price": 9, "categoryL1": "rest"})},
        ],
    )
    until(
        lambda: set(shop.recommend(arn, filterArn=games)) == {"common", "loved"},
        "the filter knows the items that were put",
    )


def test_a_recommender_promotes_and_gives_metadata_where_they_are_on(shop: DomainStore) -> None:
    add_items(shop)
    games, plain = add_filter(shop, "games", GAMES), shop.recommender("plain")
    arn = shop.recommender("metadata", recommenderConfig=METADATA)
    ask: dict[str, Any] = {"userId": "u1", "metadataColumns": {"ITEMS": ["PRICE", "CATEGORY_L1"]}}
    recommend = shop.world.runtime.get_recommendations
    promotion = {"name": "play", "percentPromotedItems": 50, "filterArn": games}
    entries = recommend(recommenderArn=arn, numResults=4, promotions=[promotion], **ask)["itemList"]

    assert {entry["itemId"] for entry in entries if "promotionName" in entry} == {"loved", "again"}
    found = {entry["itemId"]: entry["metadata"] for entry in entries}
    assert found["common"] == {"price": "5.0", "category_l1": "books"}
    assert found["loved"] == {"price": "15.0", "category_l1": "books|games"}
    said = refused("InvalidInputException", recommend, recommenderArn=plain, **ask)
    assert "UpdateRecommender, in recommenderConfig" in said


def test_a_recommender_refuses_the_filter_of_another_group(shop: DomainStore, world: World) -> None:
    other = a_domain_store(world, SHOP, name="other")
    foreign = add_filter(other, "viewed", 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view")')

    said = refused(
        "InvalidInputException",
        world.runtime.get_recommendations,
        recommenderArn=shop.recommender("own"),
        userId="u1",
        filterArn=foreign,
    )
    assert "another dataset group than the recommender" in said
