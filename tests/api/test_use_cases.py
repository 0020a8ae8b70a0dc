"""The ten use cases of domains behind recommenders: made, asked, stopped and started through boto3."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from openpersonalize.recipes.catalogue import RECIPES
from tests.api.domain_stores import MAIN_TYPE, OTHER_TYPE, SHOP, VIDEO, DomainStore, a_domain_store
from tests.api.refusals import refused
from tests.databases import new_database
from tests.world import Server, World, running_server, text_field, until

RELATED = {
    "aws-vod-because-you-watched-x",
    "aws-vod-more-like-x",
    "aws-ecomm-frequently-bought-together",
    "aws-ecomm-customers-who-viewed-x-also-viewed",
}
WITHOUT_USER = {"aws-vod-trending-now", "aws-ecomm-frequently-bought-together"}
LEFT_OUT = {
    "aws-vod-because-you-watched-x": "Watch",
    "aws-vod-more-like-x": "Watch",
    "aws-vod-top-picks": "Watch",
    "aws-ecomm-customers-who-viewed-x-also-viewed": "Purchase",
    "aws-ecomm-recommended-for-you": "Purchase",
}
EXPLORING = {"aws-vod-top-picks", "aws-ecomm-recommended-for-you"}
ONE_TYPE = {
    "aws-vod-because-you-watched-x": "Watch",
    "aws-vod-most-popular": "Watch",
    "aws-ecomm-popular-items-by-views": "View",
    "aws-ecomm-popular-items-by-purchases": "Purchase",
    "aws-ecomm-frequently-bought-together": "Purchase",
    "aws-ecomm-customers-who-viewed-x-also-viewed": "View",
}
USE_CASES = sorted(name for name, recipe in RECIPES.items() if recipe.domain)

SEED, MAIN, OTHER, BOTH = "seed", ("main-1", "main-2"), ("other-1", "other-2"), "both"
"""Items with events of one type or the other; the last two have both types."""


def planted(domain: str) -> str:
    """CSV text: `had` had events of either type with some items, all others with all; `new` with none."""
    lines = ["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP"]
    kinds = (MAIN_TYPE[domain], (SEED, *MAIN, BOTH)), (OTHER_TYPE[domain], (SEED, BOTH, *OTHER))
    for event_type, items in kinds:
        for user in range(12):
            for place, item in enumerate(items[: 4 - user % 2]):
                lines.append(f"u{user},{item},{event_type},{1_600_000_000 + 60 * place + user}")
        lines.append(f"had,{items[1]},{event_type},1600000000")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that trains on a handful of events."""
    folder: Path = tmp_path_factory.mktemp("use-cases") / "data"
    with new_database() as url, running_server(folder, url, limits="relaxed") as server:
        yield server


@pytest.fixture(scope="module")
def stores(server: Server) -> Mapping[str, DomainStore]:
    """A store of each domain, with an Items dataset."""
    return {VIDEO: with_items(World(server), VIDEO), SHOP: with_items(World(server), SHOP)}


def with_items(world: World, domain: str) -> DomainStore:
    store = a_domain_store(world, domain, text=planted(domain))
    numbers = {VIDEO: ("GENRES", "CREATION_TIMESTAMP", "long"), SHOP: ("CATEGORY_L1", "PRICE", "float")}
    category, number, number_type = numbers[domain]
    fields = (
        text_field("ITEM_ID"),
        text_field(category, categorical=True),
        {"name": number, "type": number_type},
    )
    dataset = world.personalize.create_dataset(
        name="items",
        datasetGroupArn=store.group,
        datasetType="Items",
        schemaArn=world.schema("Items", *fields, domain=domain),
    )["datasetArn"]
    world.settle()
    rows = "".join(f"{item},good,5\n" for item in (SEED, *MAIN, *OTHER, BOTH))
    world.imported(dataset, f"ITEM_ID,{category},{number}\n{rows}")
    return store


@pytest.mark.parametrize("recipe", USE_CASES)
def test_a_use_case_lives(stores: Mapping[str, DomainStore], recipe: str) -> None:
    store = stores[str(RECIPES[recipe].domain)]
    client, runtime = store.world.personalize, store.world.runtime
    config = {"itemExplorationConfig": {"explorationWeight": "0.5", "explorationItemAgeCutOff": "7"}}
    if recipe not in EXPLORING:
        refused("InvalidInputException", store.create, name="it", recipe=recipe, recommenderConfig=config)
    arn = store.create(
        "it-" + recipe, recipe, **({"recommenderConfig": config} if recipe in EXPLORING else {})
    )
    store.world.settle()
    found = store.describe(arn)

    def listed(user: str) -> list[str]:
        asked = {"itemId": SEED} if recipe in RELATED else {}
        answer = runtime.get_recommendations(recommenderArn=arn, userId=user, numResults=100, **asked)
        assert all(set(entry) == {"itemId"} for entry in answer["itemList"])
        return [entry["itemId"] for entry in answer["itemList"]]

    assert (found["status"], found.get("failureReason")) == ("ACTIVE", None)
    assert len(found["modelMetrics"]) == 8 + recipe.endswith("trending-now")
    check_ids(runtime, arn, recipe)
    check_left_out(store, recipe, listed("new"), listed("had"))
    client.stop_recommender(recommenderArn=arn)
    store.world.settle()
    stopped = store.describe(arn)["status"]
    until(lambda: is_silent(listed, arn), "it answers no more")
    client.start_recommender(recommenderArn=arn)
    store.world.settle()
    until(lambda: not is_silent(listed, arn), "it answers again")
    assert stopped == "INACTIVE"


def is_silent(listed: Callable[[str], list[str]], arn: str) -> bool:
    """Whether a recommender answers nothing."""
    try:
        listed("new")
    except ClientError as error:
        assert error.response["Error"]["Message"] == f"{arn} does not exist or is not active yet."
        return True
    return False


def check_ids(runtime: Any, arn: str, recipe: str) -> None:
    """Which ids a use case is asked with."""
    ask = runtime.get_recommendations
    user = {"userId": "new"}
    if recipe in RELATED:
        said = refused("InvalidInputException", ask, recommenderArn=arn, **user)
        assert said.startswith("itemId is required")
    item = {"itemId": SEED} if recipe in RELATED else {}
    if recipe in WITHOUT_USER:
        assert ask(recommenderArn=arn, **item)["itemList"]
    else:
        said = refused("InvalidInputException", ask, recommenderArn=arn, **item)
        assert said.startswith("userId is required")


def check_left_out(store: DomainStore, recipe: str, new: list[str], had: list[str]) -> None:
    """Who had nothing gets everything but the seed; who had something gets it unless it is left out."""
    everything = {SEED, *MAIN, *OTHER, BOTH} - ({SEED} if recipe in RELATED else set())
    assert set(new) == everything
    of_type = {MAIN_TYPE[store.domain]: MAIN[0], OTHER_TYPE[store.domain]: BOTH}
    left_out = {of_type[LEFT_OUT[recipe]]} if recipe in LEFT_OUT else set()
    assert everything - set(had) == left_out


@pytest.mark.parametrize("recipe", ["aws-vod-because-you-watched-x", "aws-ecomm-recommended-for-you"])
def test_an_event_of_the_exact_type_leaves_its_item_out_within_a_second(
    stores: Mapping[str, DomainStore], recipe: str
) -> None:
    store = stores[str(RECIPES[recipe].domain)]
    arn = store.recommender("streamed-" + recipe, recipe=recipe)
    world, exact = store.world, LEFT_OUT[recipe]
    tracker = world.personalize.create_event_tracker(name="t", datasetGroupArn=store.group)["trackingId"]
    world.settle()

    def listed() -> set[str]:
        answer = world.runtime.get_recommendations(
            recommenderArn=arn, userId="streamer", itemId=SEED, numResults=100
        )
        return {entry["itemId"] for entry in answer["itemList"]}

    for item, event_type in (
        (OTHER[0], exact.lower()),
        (OTHER[1], OTHER_TYPE[VIDEO]),
        (MAIN[1], exact),
    ):
        world.events.put_events(
            trackingId=tracker,
            sessionId="s",
            userId="streamer",
            eventList=[{"eventType": event_type, "itemId": item, "sentAt": 1_600_000_100}],
        )
    until(lambda: MAIN[1] not in listed(), "it is left out", 1.0)
    assert {*OTHER, MAIN[0], BOTH} <= listed()
    # Imports count as well, and what a promotion's filter chooses is left out, too.
    everything = world.personalize.create_filter(
        name="all",
        datasetGroupArn=store.group,
        filterExpression='INCLUDE ItemID WHERE Items.ITEM_ID IN ("main-2", "other-1")',
    )["filterArn"]
    world.settle()
    entries = world.runtime.get_recommendations(
        recommenderArn=arn,
        userId="streamer",
        itemId=SEED,
        numResults=4,
        promotions=[{"name": "p", "percentPromotedItems": 50, "filterArn": everything}],
    )["itemList"]
    assert [entry["itemId"] for entry in entries if "promotionName" in entry] == [OTHER[0]]


@pytest.mark.parametrize(("recipe", "event_type"), ONE_TYPE.items())
def test_a_use_case_of_one_type_counts_its_own_events_only(recipe: str, event_type: str) -> None:
    assert RECIPES[recipe].event_type == event_type


def test_the_other_use_cases_learn_from_all_types() -> None:
    assert {name for name in USE_CASES if RECIPES[name].event_type is None} == set(USE_CASES) - set(ONE_TYPE)


def test_more_like_x_needs_items(server: Server) -> None:
    store = a_domain_store(World(server), VIDEO, text=planted(VIDEO))

    said = refused("InvalidInputException", store.create, name="more", recipe="aws-vod-more-like-x")
    assert "needs a dataset of type ITEMS" in said


def test_best_sellers_count_purchases_and_most_popular_videos_users(server: Server) -> None:
    """One user had `often` nine times; three users had `wide` once each, of either type."""
    for domain, recipes in (
        (
            SHOP,
            {"aws-ecomm-popular-items-by-purchases": "often", "aws-ecomm-popular-items-by-views": "viewed"},
        ),
        (VIDEO, {"aws-vod-most-popular": "wide"}),
    ):
        counted = {SHOP: OTHER_TYPE[SHOP], VIDEO: MAIN_TYPE[VIDEO]}[domain]
        other = {SHOP: MAIN_TYPE[SHOP], VIDEO: OTHER_TYPE[VIDEO]}[domain]
        rows = [f"u1,often,{counted},{1_600_000_000 + number}" for number in range(9)]
        rows += [f"u{number},wide,{counted},1600000000" for number in range(3)]
        rows += [f"u{number},viewed,{other},1600000000" for number in range(20)]
        text = "\n".join(["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP", *rows]) + "\n"
        store = a_domain_store(World(server), domain, text=text)
        for recipe, expected in recipes.items():
            assert store.recommend(store.recommender(recipe, recipe=recipe))[0] == expected
