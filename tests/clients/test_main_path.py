"""A program written for Amazon Personalize does its whole work here, with clients of other makers."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from tests.clients.foreign import Client, refusal, wait
from tests.world import FIELDS, World, plain_interactions, until

pytestmark = pytest.mark.slow

RECIPE = "arn:aws:personalize:::recipe/aws-"
ROLE = "arn:aws:iam::000000000000:role/reader"
NOBODY = "newcomer-1"


@dataclass(frozen=True)
class Shop:
    """What one client has made: the ARNs of its resources."""

    schema: str
    group: str
    dataset: str
    tracker: str
    tracking_id: str
    solution: str
    version: str
    campaign: str
    ranking: str


def make(client: Client, noun: str, member: str = "", **members: Any) -> str:
    """Create a resource, wait until it is ACTIVE, and give its ARN."""
    member = f"{member or noun[0].lower() + noun[1:]}Arn"
    arn: str = client.call("personalize", f"Create{noun}", **members)[member]
    described = wait(client, f"Describe{noun}", **{member: arn})
    assert described["status"] == "ACTIVE", described
    assert described[member] == arn
    return arn


def make_campaign(client: Client, group: str, name: str, recipe: str) -> tuple[str, str, str]:
    """The ARNs of a solution, its version and the campaign that serves it."""
    solution = make(client, "Solution", name=name, datasetGroupArn=group, recipeArn=RECIPE + recipe)
    version = make(client, "SolutionVersion", solutionArn=solution)
    campaign = make(client, "Campaign", name=name, solutionVersionArn=version, minProvisionedTPS=1)
    return solution, version, campaign


@pytest.fixture(scope="module")
def shop(client: Client, owner: World) -> Shop:
    """The main path, from an empty account to campaigns."""
    record = {"type": "record", "name": "Interactions", "namespace": "com.amazonaws.personalize.schema"}
    text = json.dumps(record | {"fields": FIELDS["Interactions"], "version": "1.0"})
    name = type(client).__name__.lower()
    schema: str = client.call("personalize", "CreateSchema", name=name, schema=text)["schemaArn"]
    group = make(client, "DatasetGroup", name=name)
    dataset = make(
        client,
        "Dataset",
        name="interactions",
        datasetType="Interactions",
        datasetGroupArn=group,
        schemaArn=schema,
    )
    make(
        client,
        "DatasetImportJob",
        jobName=name,
        datasetArn=dataset,
        dataSource={"dataLocation": owner.upload(plain_interactions())},
        roleArn=ROLE,
    )
    tracker = make(client, "EventTracker", name=name, datasetGroupArn=group)
    described = client.call("personalize", "DescribeEventTracker", eventTrackerArn=tracker)["eventTracker"]
    solution, version, campaign = make_campaign(client, group, f"{name}-for-you", "user-personalization")
    ranking = make_campaign(client, group, f"{name}-ranking", "personalized-ranking")[2]
    return Shop(
        *(schema, group, dataset, tracker, described["trackingId"]),
        *(solution, version, campaign, ranking),
    )


def recommend(client: Client, shop: Shop, **members: Any) -> dict[str, Any]:
    return client.call("personalize-runtime", "GetRecommendations", campaignArn=shop.campaign, **members)


def test_metrics_of_a_solution_version_are_numbers(client: Client, shop: Shop) -> None:
    answer = client.call("personalize", "GetSolutionMetrics", solutionVersionArn=shop.version)

    assert answer["solutionVersionArn"] == shop.version
    assert 0 < answer["metrics"]["coverage"] <= 1
    assert 0 <= answer["metrics"]["normalized_discounted_cumulative_gain_at_10"] <= 1


def test_times_are_those_of_now(client: Client, shop: Shop) -> None:
    found = client.call("personalize", "DescribeCampaign", campaignArn=shop.campaign)["campaign"]

    made = found["creationDateTime"]
    if not isinstance(made, datetime):  # the command prints seconds, as they are on the wire
        made = datetime.fromtimestamp(made, UTC)
    assert abs((datetime.now(UTC) - made).total_seconds()) < 600


def test_a_user_gets_recommendations_with_scores(client: Client, shop: Shop) -> None:
    answer = recommend(client, shop, userId="u7", numResults=5)

    items = [item["itemId"] for item in answer["itemList"]]
    scores = [item["score"] for item in answer["itemList"]]
    assert len(set(items)) == 5
    assert scores == sorted(scores, reverse=True)
    assert 0 < sum(scores) <= 1
    assert answer["recommendationId"].startswith("RID-")


def test_items_are_ranked_and_unknown_ones_come_last(client: Client, shop: Shop) -> None:
    answer = client.call(
        "personalize-runtime",
        "GetPersonalizedRanking",
        campaignArn=shop.ranking,
        userId="u7",
        inputList=["unheard-of-1", "i4", "i9", "i16"],
    )

    ranked = [item["itemId"] for item in answer["personalizedRanking"]]
    assert sorted(ranked) == ["i16", "i4", "i9", "unheard-of-1"]
    assert ranked[-1] == "unheard-of-1"


def test_events_change_the_next_answer(client: Client, shop: Shop) -> None:
    def items() -> list[str]:
        return [item["itemId"] for item in recommend(client, shop, userId=NOBODY)["itemList"]]

    before = items()
    now = datetime.now(UTC).replace(microsecond=0)
    answer = client.call(
        "personalize-events",
        "PutEvents",
        trackingId=shop.tracking_id,
        userId=NOBODY,
        sessionId="visit-1",
        eventList=[
            {"eventType": "watch", "itemId": item, "sentAt": now, "properties": '{"eventValue": 4.5}'}
            for item in ("i0", "i1", "i2")
        ],
    )

    assert answer == {}
    until(lambda: items() != before, "the list has changed")


def refusals(shop: Shop) -> dict[str, tuple[str, int, Callable[[Client], Any]]]:
    """A call of each family of errors: its code, its HTTP status, the call."""

    def control(operation: str, **members: Any) -> Callable[[Client], Any]:
        return lambda client: refusal(client, "personalize", operation, **members)

    def recommendations(campaign: str = shop.campaign, **members: Any) -> Callable[[Client], Any]:
        members |= {"campaignArn": campaign, "userId": "u1"}
        return lambda client: refusal(client, "personalize-runtime", "GetRecommendations", **members)

    def event(tracking_id: str) -> Callable[[Client], Any]:
        sent = [{"eventType": "watch", "itemId": "i1", "sentAt": datetime.now(UTC)}]
        members = {"trackingId": tracking_id, "sessionId": "visit-2", "eventList": sent}
        return lambda client: refusal(client, "personalize-events", "PutEvents", **members)

    name = shop.group.rsplit("/", 1)[1]
    missing, exists = "ResourceNotFoundException", "ResourceAlreadyExistsException"
    in_use, invalid = "ResourceInUseException", "InvalidInputException"
    nowhere = shop.campaign + "-no-more"
    return {
        "a campaign that is not there": (missing, 400, control("DescribeCampaign", campaignArn=nowhere)),
        # Not "not found": so the service was recorded, though its model has that error, with status 404.
        "a campaign that cannot answer": (invalid, 400, recommendations(nowhere)),
        "a name that is taken": (exists, 400, control("CreateDatasetGroup", name=name)),
        "a schema in use": (in_use, 400, control("DeleteSchema", schemaArn=shop.schema)),
        "a group in use": (in_use, 400, control("DeleteDatasetGroup", datasetGroupArn=shop.group)),
        "a name that is none": (invalid, 400, control("CreateDatasetGroup", name="no name!")),
        "too many results": (invalid, 400, recommendations(numResults=501)),
        "an unknown tracking id": (invalid, 400, event("6e3b2a1c-0000-4000-8000-000000000000")),
        "a token of nobody's": (
            "InvalidNextTokenException",
            400,
            control("ListCampaigns", nextToken="nonsense"),
        ),
    }


def test_each_family_of_errors_has_its_name_and_status(client: Client, shop: Shop) -> None:
    expected = refusals(shop)

    seen = {claim: call(client) for claim, (_code, _status, call) in expected.items()}
    assert {claim: shown and (shown.code, shown.status) for claim, shown in seen.items()} == {
        claim: (code, status) for claim, (code, status, _call) in expected.items()
    }
    assert all(shown.message for shown in seen.values())


def test_what_was_made_can_be_deleted(client: Client, shop: Shop) -> None:
    """The last test of the module: it takes down what the others stand on."""

    def gone(noun: str, member: str, arn: str) -> None:
        client.call("personalize", f"Delete{noun}", **{member: arn})
        describe = partial(refusal, client, "personalize", f"Describe{noun}", **{member: arn})
        shown = until(describe, f"{arn} is gone")
        assert shown.code == "ResourceNotFoundException"

    gone("Campaign", "campaignArn", shop.campaign)
    gone("Campaign", "campaignArn", shop.ranking)
    for solution in client.pages("ListSolutions", 1, datasetGroupArn=shop.group)["solutions"]:
        gone("Solution", "solutionArn", solution["solutionArn"])
    gone("EventTracker", "eventTrackerArn", shop.tracker)
    gone("Dataset", "datasetArn", shop.dataset)
    gone("Schema", "schemaArn", shop.schema)
    gone("DatasetGroup", "datasetGroupArn", shop.group)

    assert client.pages("ListDatasetGroups", 5)["datasetGroups"] == []
