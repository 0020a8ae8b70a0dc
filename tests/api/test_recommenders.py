"""Recommenders through boto3: their making, their answers, and their lives."""

from typing import Any

import pytest

from openpersonalize.domain.schedules import RECOMMENDER_S
from openpersonalize.storage.tables import RecommenderRow
from tests.api.domain_stores import (
    BY_EVENTS,
    BY_USERS,
    MOST_POPULAR,
    MOST_VIEWED,
    N_RARE,
    SHOP,
    VIDEO,
    DomainStore,
    a_domain_store,
    is_silent,
    recipe_arn,
)
from tests.api.refusals import refused
from tests.world import Server, World, until

METRICS = {
    "coverage",
    "mean_reciprocal_rank_at_25",
    *(f"normalized_discounted_cumulative_gain_at_{k}" for k in (5, 10, 25)),
    *(f"precision_at_{k}" for k in (5, 10, 25)),
}


@pytest.fixture(scope="module")
def stores(server: Server) -> dict[str, DomainStore]:
    """A store of each domain, each in an account of its own; tests only add recommenders."""
    return {domain: a_domain_store(World(server), domain) for domain in (VIDEO, SHOP)}


@pytest.fixture
def shop(stores: dict[str, DomainStore]) -> DomainStore:
    """The store of the domain ECOMMERCE."""
    return stores[SHOP]


@pytest.mark.parametrize(("domain", "expected"), [(VIDEO, BY_USERS), (SHOP, BY_EVENTS)])
def test_a_recommender_is_trained_on_its_events_and_answers(
    stores: dict[str, DomainStore], domain: str, expected: list[str]
) -> None:
    store = stores[domain]
    arn = store.create("popular")
    pending = store.describe(arn)
    store.world.settle()
    found = store.describe(arn)
    answer = store.world.runtime.get_recommendations(recommenderArn=arn, userId="nobody", numResults=4)
    (listed,) = [
        recommender
        for recommender in store.world.personalize.list_recommenders(datasetGroupArn=store.group)[
            "recommenders"
        ]
        if recommender["recommenderArn"] == arn
    ]

    assert arn == store.world.arn("recommender", "popular")
    assert pending["status"] == "CREATE PENDING"
    assert {"modelMetrics", "failureReason", "latestRecommenderUpdate"}.isdisjoint(pending)
    assert (found["status"], found["recipeArn"], found["datasetGroupArn"]) == (
        "ACTIVE",
        store.recipe,
        store.group,
    )
    assert found["recommenderConfig"] == {"minRecommendationRequestsPerSecond": 1}
    assert set(found["modelMetrics"]) == METRICS
    assert found["modelMetrics"]["mean_reciprocal_rank_at_25"] > 0
    assert [entry["itemId"] for entry in answer["itemList"]] == [*expected, "rare-00"]
    assert all(set(entry) == {"itemId"} for entry in answer["itemList"])
    assert answer["recommendationId"].endswith(f"-CID-{store.row(arn).recommendation_cid}")
    members = {"name", "recommenderArn", "datasetGroupArn", "recipeArn", "recommenderConfig", "status"}
    assert set(listed) == {*members, "creationDateTime", "lastUpdatedDateTime"}


def test_twenty_five_items_are_recommended_unless_another_number_is_asked_for(shop: DomainStore) -> None:
    arn = shop.recommender("numbers")

    assert len(shop.recommend(arn)) == 25
    assert len(shop.recommend(arn, numResults=0)) == 25
    assert len(shop.recommend(arn, numResults=2)) == 2
    assert len(shop.recommend(arn, numResults=500)) == 3 + N_RARE


def test_a_recommender_is_asked_with_a_user_and_ranks_nothing(shop: DomainStore) -> None:
    arn, runtime = shop.recommender("asked"), shop.world.runtime
    recommend = runtime.get_recommendations

    assert refused("InvalidInputException", recommend, recommenderArn=arn).startswith("userId is required")
    rank = runtime.get_personalized_ranking
    refused("InvalidInputException", rank, campaignArn=arn, userId="u1", inputList=["common"])
    refused("InvalidInputException", recommend, campaignArn=arn, userId="u1")


def test_a_config_is_echoed_as_sent(shop: DomainStore) -> None:
    config = {
        "minRecommendationRequestsPerSecond": 7,
        "trainingDataConfig": {"includedDatasetColumns": {"interactions": ["EVENT_TYPE"]}},
        "enableMetadataWithRecommendations": True,
    }
    arn = shop.create("config", recommenderConfig=config)

    assert shop.describe(arn)["recommenderConfig"] == config
    shop.world.settle()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"itemExplorationConfig": {"explorationWeight": "0.3"}}, "views does not have: leave it out"),
        (
            {"trainingDataConfig": {"excludedDatasetColumns": {"Items": ["PRICE"]}}},
            "names the dataset 'Items', which the dataset group does not have: use one of INTERACTIONS",
        ),
        (
            {"trainingDataConfig": {"excludedDatasetColumns": {"Interactions": ["DEVICE"]}}},
            "its columns are USER_ID, ITEM_ID, EVENT_TYPE, TIMESTAMP",
        ),
        (
            {"trainingDataConfig": {"excludedDatasetColumns": {"Interactions": ["ITEM_ID"]}}},
            "has ITEM_ID, which all training uses",
        ),
    ],
)
def test_a_config_that_does_not_fit_is_refused(
    shop: DomainStore, config: dict[str, Any], expected: str
) -> None:
    assert expected in refused("InvalidInputException", shop.create, name="unfit", recommenderConfig=config)


def test_exploration_is_for_personal_recommendations(shop: DomainStore) -> None:
    def create(weight: str) -> str:
        config = {"itemExplorationConfig": {"explorationWeight": weight}}
        return shop.create("explorer", "aws-ecomm-recommended-for-you", recommenderConfig=config)

    assert "explorationWeight '1.5'" in refused("InvalidInputException", create, weight="1.5")
    assert shop.describe(create("0.5"))["recommenderConfig"]["itemExplorationConfig"] == {
        "explorationWeight": "0.5"
    }
    shop.world.settle()


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (MOST_POPULAR, f"a recipe of domain VIDEO_ON_DEMAND, and the group is of domain {SHOP}: use one of"),
        ("aws-popularity-count", "is no recipe of a domain"),
    ],
)
def test_a_recipe_is_of_the_domain_of_the_group(shop: DomainStore, recipe: str, expected: str) -> None:
    message = refused("InvalidInputException", shop.create, name="other", recipe=recipe)

    assert expected in message
    assert MOST_VIEWED in message


def test_a_recommender_needs_an_active_group_of_a_domain(world: World) -> None:
    create = world.personalize.create_recommender
    custom = world.dataset_group("custom")
    members = {"name": "r", "recipeArn": recipe_arn(MOST_VIEWED)}
    pending = world.personalize.create_dataset_group(name="pending", domain=SHOP)["datasetGroupArn"]
    missing = world.arn("dataset-group", "missing")

    assert "custom dataset group, which has no recommenders" in refused(
        "InvalidInputException", create, datasetGroupArn=custom, **members
    )
    assert "CREATE PENDING" in refused("ResourceInUseException", create, datasetGroupArn=pending, **members)
    refused("ResourceNotFoundException", create, datasetGroupArn=missing, **members)
    world.settle()
    assert refused(
        "ResourceNotFoundException",
        create,
        name="r",
        datasetGroupArn=pending,
        recipeArn=recipe_arn("aws-ecomm-nothing"),
    ).startswith("The given recipe does not exist")


def test_a_name_is_taken_once(shop: DomainStore) -> None:
    arn = shop.create("taken")

    assert refused("ResourceAlreadyExistsException", shop.create, name="taken") == (
        f"Another resource with Arn {arn} already exists."
    )
    shop.world.settle()


def test_too_few_events_of_the_use_case_are_named(world: World) -> None:
    lines = ["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP"]
    lines += [
        f"u{n % 40},i{n % 7},{'View' if n < 999 else 'Purchase'},{1_600_000_000 + n}" for n in range(3000)
    ]
    store = a_domain_store(world, SHOP, text="\n".join(lines) + "\n")
    arn = store.create("few")
    world.settle()
    found = store.describe(arn)

    assert found["status"] == "CREATE FAILED"
    assert found["failureReason"].startswith(
        "Dataset has fewer than 1000 interactions after filtering by event type: View"
    )
    assert "modelMetrics" not in found


def test_a_stopped_recommender_answers_no_requests_until_it_is_started(shop: DomainStore) -> None:
    client, arn = shop.world.personalize, shop.recommender("resting")
    model = shop.row(arn).artifact_id
    answered = not is_silent(shop, arn)

    assert client.stop_recommender(recommenderArn=arn)["recommenderArn"] == arn
    stopping = shop.describe(arn)["status"]
    until(lambda: is_silent(shop, arn), "the recommender answers no more")
    busy = [
        refused("ResourceInUseException", getattr(client, operation), recommenderArn=arn)
        for operation in ("stop_recommender", "start_recommender", "delete_recommender")
    ]
    shop.world.settle()
    stopped = shop.describe(arn)["status"]
    planned = shop.row(arn).next_training_at
    refused("ResourceInUseException", client.stop_recommender, recommenderArn=arn)
    assert client.start_recommender(recommenderArn=arn)["recommenderArn"] == arn
    starting = shop.describe(arn)["status"]
    still_silent = is_silent(shop, arn)
    shop.world.settle()

    assert answered
    assert still_silent
    assert (stopping, stopped, starting) == ("STOP PENDING", "INACTIVE", "START PENDING")
    assert all("STOP PENDING" in message for message in busy)
    assert planned is None
    assert shop.describe(arn)["status"] == "ACTIVE"
    assert not is_silent(shop, arn)
    started = shop.row(arn)
    assert started.artifact_id == model
    assert started.next_training_at == started.creation_date_time + RECOMMENDER_S
    refused("ResourceInUseException", client.start_recommender, recommenderArn=arn)


def test_an_update_shows_beside_what_still_holds(shop: DomainStore) -> None:
    client, arn = shop.world.personalize, shop.recommender("updated")
    model = shop.row(arn).artifact_id
    config = {"minRecommendationRequestsPerSecond": 5}
    answer = client.update_recommender(recommenderArn=arn, recommenderConfig=config)
    during = shop.describe(arn)
    busy = [
        refused(
            "ResourceInUseException", client.update_recommender, recommenderArn=arn, recommenderConfig={}
        ),
        refused("ResourceInUseException", client.stop_recommender, recommenderArn=arn),
        refused("ResourceInUseException", client.delete_recommender, recommenderArn=arn),
    ]
    used = refused("ResourceInUseException", client.delete_dataset, datasetArn=shop.dataset)
    answered = not is_silent(shop, arn)
    shop.world.settle()
    after = shop.describe(arn)

    assert answer["recommenderArn"] == arn
    assert (during["status"], during["recommenderConfig"]["minRecommendationRequestsPerSecond"]) == (
        "ACTIVE",
        1,
    )
    assert during["latestRecommenderUpdate"]["status"] == "CREATE PENDING"
    assert during["latestRecommenderUpdate"]["recommenderConfig"] == config
    assert all("has an update in state CREATE PENDING" in message for message in busy)
    assert f"in use by the recommender {arn}" in used
    assert answered
    assert (after["status"], after["recommenderConfig"]) == ("ACTIVE", config)
    assert after["latestRecommenderUpdate"]["status"] == "ACTIVE"
    assert after["lastUpdatedDateTime"] > during["creationDateTime"]
    assert shop.row(arn).artifact_id == model


def test_other_training_columns_train_anew_and_what_is_left_out_stays(shop: DomainStore) -> None:
    client = shop.world.personalize
    arn = shop.recommender("columns", recommenderConfig={"minRecommendationRequestsPerSecond": 3})
    model = shop.row(arn).artifact_id
    columns = {"trainingDataConfig": {"includedDatasetColumns": {"Interactions": ["EVENT_TYPE"]}}}
    client.update_recommender(recommenderArn=arn, recommenderConfig=columns)
    shop.world.settle()
    retrained = shop.row(arn).artifact_id

    assert shop.describe(arn)["recommenderConfig"] == columns | {"minRecommendationRequestsPerSecond": 3}
    assert shop.describe(arn)["latestRecommenderUpdate"]["status"] == "ACTIVE"
    assert retrained != model
    assert shop.recommend(arn)[:3] == BY_EVENTS


@pytest.mark.parametrize(
    "same",
    [
        {},
        {"minRecommendationRequestsPerSecond": 1},
        {"enableMetadataWithRecommendations": False},
        {"trainingDataConfig": {"excludedDatasetColumns": {}}},
        {"trainingDataConfig": {"includedDatasetColumns": {"INTERACTIONS": ["TIMESTAMP", "EVENT_TYPE"]}}},
    ],
)
def test_an_update_that_changes_nothing_is_refused(shop: DomainStore, same: dict[str, Any]) -> None:
    columns = {"Interactions": ["EVENT_TYPE", "TIMESTAMP"]}
    config = (
        {"trainingDataConfig": {"includedDatasetColumns": columns}} if "trainingDataConfig" in same else {}
    )
    if same.get("trainingDataConfig") == {"excludedDatasetColumns": {}}:
        config = {}
    arn = shop.recommender(f"same-{len(str(same))}", recommenderConfig=config)

    assert "would not change" in refused(
        "InvalidInputException",
        shop.world.personalize.update_recommender,
        recommenderArn=arn,
        recommenderConfig=same,
    )
    assert "latestRecommenderUpdate" not in shop.describe(arn)


def test_only_an_active_recommender_can_be_updated(shop: DomainStore) -> None:
    client, arn = shop.world.personalize, shop.recommender("asleep")
    client.stop_recommender(recommenderArn=arn)
    shop.world.settle()
    config = {"minRecommendationRequestsPerSecond": 2}

    assert "INACTIVE, and only an ACTIVE recommender can be updated: start it first" in refused(
        "ResourceInUseException", client.update_recommender, recommenderArn=arn, recommenderConfig=config
    )


def test_an_update_that_cannot_be_trained_leaves_the_model_before(world: World) -> None:
    store = a_domain_store(world, SHOP)
    arn = store.recommender("home")
    before = store.row(arn)
    world.personalize.create_dataset(
        name="users",
        datasetGroupArn=store.group,
        datasetType="Users",
        schemaArn=world.schema("Users", domain=SHOP),
    )
    world.personalize.delete_dataset(datasetArn=store.dataset)
    world.settle()
    columns = {"trainingDataConfig": {"excludedDatasetColumns": {"Users": ["AGE_GROUP"]}}}
    world.personalize.update_recommender(recommenderArn=arn, recommenderConfig=columns)
    world.settle()
    found = store.describe(arn)

    assert found["latestRecommenderUpdate"]["status"] == "CREATE FAILED"
    assert "import some" in found["latestRecommenderUpdate"]["failureReason"]
    assert (found["status"], found["recommenderConfig"]) == ("ACTIVE", before.recommender_config)
    assert "failureReason" not in found
    assert store.row(arn).artifact_id == before.artifact_id
    assert store.recommend(arn)[:3] == BY_EVENTS


def test_a_recommender_goes_with_its_tags_and_its_name_is_free_again(shop: DomainStore) -> None:
    client = shop.world.personalize
    arn = shop.recommender("passing", tags=[{"tagKey": "owner", "tagValue": "me"}])
    tags = client.list_tags_for_resource(resourceArn=arn)["tags"]
    client.delete_recommender(recommenderArn=arn)
    leaving = shop.describe(arn)
    until(lambda: is_silent(shop, arn), "the recommender answers no more")
    shop.world.settle()

    assert tags == [{"tagKey": "owner", "tagValue": "me"}]
    assert leaving["status"] == "DELETE PENDING"
    assert "modelMetrics" not in leaving
    assert refused("ResourceNotFoundException", client.describe_recommender, recommenderArn=arn) == (
        f"The given recommender does not exist: {arn}"
    )
    assert shop.recommender("passing") == arn
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == []


def test_a_recommender_can_be_deleted_while_it_rests_or_has_failed(shop: DomainStore) -> None:
    client = shop.world.personalize
    resting = shop.recommender("resting-for-ever")
    client.stop_recommender(recommenderArn=resting)
    failed = shop.create("failed")
    assert "CREATE PENDING" in refused(
        "ResourceInUseException", client.delete_recommender, recommenderArn=failed
    )
    shop.world.settle()
    shop.world.set_columns(RecommenderRow, failed, status="CREATE FAILED")
    for arn in (resting, failed):
        client.delete_recommender(recommenderArn=arn)
    shop.world.settle()

    left = client.list_recommenders(datasetGroupArn=shop.group)["recommenders"]
    assert {resting, failed}.isdisjoint(recommender["recommenderArn"] for recommender in left)


def test_a_recommender_holds_its_group_and_while_it_is_made_its_data(world: World) -> None:
    store, client = a_domain_store(world, VIDEO), world.personalize
    arn = store.create("home")

    assert arn in refused("ResourceInUseException", client.delete_dataset, datasetArn=store.dataset)
    world.settle()
    client.delete_dataset(datasetArn=store.dataset)
    assert "is being deleted" in refused("ResourceInUseException", store.create, name="late")
    world.settle()
    assert arn in refused("ResourceInUseException", client.delete_dataset_group, datasetGroupArn=store.group)
    client.delete_recommender(recommenderArn=arn)
    world.settle()
    client.delete_dataset_group(datasetGroupArn=store.group)
    world.settle()

    assert client.list_dataset_groups()["datasetGroups"] == []


def test_events_count_from_the_next_training_on(world: World) -> None:
    store = a_domain_store(world, SHOP)
    arn = store.recommender("home")
    tracker = world.personalize.create_event_tracker(name="t", datasetGroupArn=store.group)
    world.settle()
    for session in range(70):
        world.events.put_events(
            trackingId=tracker["trackingId"],
            sessionId=f"s{session}",
            userId=f"u{session}",
            eventList=[
                {"eventType": "View", "itemId": "rare-07", "sentAt": 1_700_000_000 + number}
                for number in range(10)
            ],
        )
    before = store.recommend(arn)[0]
    columns = {"trainingDataConfig": {"includedDatasetColumns": {"Interactions": ["EVENT_TYPE"]}}}
    world.personalize.update_recommender(recommenderArn=arn, recommenderConfig=columns)
    world.settle()

    assert before == "common"
    until(lambda: store.recommend(arn)[0] == "rare-07", "the new model answers")
