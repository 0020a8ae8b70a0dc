"""Dataset groups through boto3."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import func, select

from openpersonalize.storage.log_tables import EventRow
from openpersonalize.storage.tables import DatasetGroupRow
from tests.api.refusals import refused
from tests.world import FIELDS, World, text_field, until

ROLE = "arn:aws:iam::123456789012:role/reader"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234"


def test_a_new_group_is_pending_until_a_worker_has_made_it_active(world: World) -> None:
    created = world.personalize.create_dataset_group(name="store")
    arn = created["datasetGroupArn"]
    pending = world.personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]
    world.settle()
    active = world.personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]

    assert arn == world.arn("dataset-group", "store")
    assert "domain" not in created
    assert (pending["status"], active["status"]) == ("CREATE PENDING", "ACTIVE")
    assert set(active) == {"name", "datasetGroupArn", "status", "creationDateTime", "lastUpdatedDateTime"}
    assert active["lastUpdatedDateTime"] >= active["creationDateTime"]


def test_a_group_of_a_domain_says_so(world: World) -> None:
    created = world.personalize.create_dataset_group(name="shop", domain="ECOMMERCE")
    found = world.personalize.describe_dataset_group(datasetGroupArn=created["datasetGroupArn"])

    assert created["domain"] == "ECOMMERCE"
    assert found["datasetGroup"]["domain"] == "ECOMMERCE"
    assert world.personalize.list_dataset_groups()["datasetGroups"][0]["domain"] == "ECOMMERCE"


def test_role_and_key_come_together_or_not_at_all(world: World) -> None:
    create = world.personalize.create_dataset_group
    arn = create(name="both", roleArn=ROLE, kmsKeyArn=KEY)["datasetGroupArn"]
    found = world.personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]

    assert (found["roleArn"], found["kmsKeyArn"]) == (ROLE, KEY)
    assert "roleArn is given without kmsKeyArn" in refused(
        "InvalidInputException", create, name="role", roleArn=ROLE
    )
    assert "kmsKeyArn is given without roleArn" in refused(
        "InvalidInputException", create, name="key", kmsKeyArn=KEY
    )


def test_a_name_is_taken_once(world: World) -> None:
    arn = world.dataset_group("store")
    message = refused("ResourceAlreadyExistsException", world.personalize.create_dataset_group, name="store")

    assert message == f"Another resource with Arn {arn} already exists."


def test_of_two_creates_at_once_exactly_one_succeeds(world: World) -> None:
    def create(client: Any) -> str:
        try:
            return str(client.create_dataset_group(name="store")["datasetGroupArn"])
        except ClientError as error:
            return str(error.response["Error"]["Code"])

    clients = [world.elsewhere().personalize for _ in range(6)]
    with ThreadPoolExecutor(len(clients)) as threads:
        answers = sorted(threads.map(create, clients))

    assert answers == ["ResourceAlreadyExistsException"] * 5 + [world.arn("dataset-group", "store")]
    assert len(world.personalize.list_dataset_groups()["datasetGroups"]) == 1


def test_lists_go_page_by_page_from_the_oldest(world: World) -> None:
    names = [f"group-{number}" for number in (3, 1, 2)]
    for name in names:
        world.personalize.create_dataset_group(name=name)
    first = world.personalize.list_dataset_groups(maxResults=2)
    world.personalize.create_dataset_group(name="group-4")
    second = world.personalize.list_dataset_groups(maxResults=2, nextToken=first["nextToken"])

    assert [group["name"] for group in first["datasetGroups"]] == names[:2]
    assert [group["name"] for group in second["datasetGroups"]] == [names[2], "group-4"]
    assert "nextToken" not in second


def test_a_token_of_another_list_or_account_is_refused(world: World) -> None:
    for name in ("a", "b"):
        world.personalize.create_dataset_group(name=name)
    token = world.personalize.list_dataset_groups(maxResults=1)["nextToken"]
    other = world.elsewhere(account="999999999990")

    for call in (world.personalize.list_schemas, other.personalize.list_dataset_groups):
        assert (
            refused("InvalidNextTokenException", call, nextToken=token) == "The nextToken provided is invalid"
        )
    refused("InvalidNextTokenException", world.personalize.list_dataset_groups, nextToken="nonsense")


def test_a_group_goes_and_its_name_is_free_again(world: World) -> None:
    arn = world.dataset_group()
    world.personalize.delete_dataset_group(datasetGroupArn=arn)
    leaving = world.personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]
    refused("ResourceInUseException", world.personalize.delete_dataset_group, datasetGroupArn=arn)
    world.settle()

    assert leaving["status"] == "DELETE PENDING"
    message = refused(
        "ResourceNotFoundException", world.personalize.describe_dataset_group, datasetGroupArn=arn
    )
    assert message == f"The given dataset group does not exist: {arn}"
    refused("ResourceNotFoundException", world.personalize.delete_dataset_group, datasetGroupArn=arn)
    assert world.dataset_group() == arn


def test_a_group_that_is_still_being_made_cannot_be_deleted(world: World) -> None:
    arn = world.personalize.create_dataset_group(name="store")["datasetGroupArn"]

    assert "CREATE PENDING" in refused(
        "ResourceInUseException", world.personalize.delete_dataset_group, datasetGroupArn=arn
    )


EVENTS = (*FIELDS["Interactions"], text_field("EVENT_TYPE"))
MEASURES = {
    "metrics": [{"eventType": "view", "metricName": "n", "expression": "SAMPLECOUNT()"}],
    "metricsOutputConfig": {"roleArn": "arn:aws:iam::123456789012:role/r"},
}
CHILDREN: Mapping[str, Callable[[World, str], object]] = {
    "dataset": lambda world, group: world.dataset(group),
    "event tracker": lambda world, group: world.personalize.create_event_tracker(
        name="t", datasetGroupArn=group
    ),
    "solution": lambda world, group: world.solution(group),
    "filter": lambda world, group: (
        world.dataset(group, "Items"),
        world.personalize.create_filter(
            name="f", datasetGroupArn=group, filterExpression='EXCLUDE ItemID WHERE Items.GENRE IN ("x")'
        ),
    ),
    "metric attribution": lambda world, group: (
        world.dataset(group, "Interactions", *EVENTS),
        world.personalize.create_metric_attribution(name="m", datasetGroupArn=group, **MEASURES),
    ),
}


@pytest.mark.parametrize("child", CHILDREN)
def test_a_group_with_children_cannot_be_deleted(world: World, child: str) -> None:
    group = world.dataset_group()
    CHILDREN[child](world, group)
    message = refused("ResourceInUseException", world.personalize.delete_dataset_group, datasetGroupArn=group)

    assert f"is in use by the {child} arn:" in message


def test_a_group_with_a_recommender_cannot_be_deleted(world: World) -> None:
    group = world.dataset_group(domain="ECOMMERCE")
    world.personalize.create_dataset(
        name="events",
        datasetGroupArn=group,
        datasetType="Interactions",
        schemaArn=world.schema("Interactions", *EVENTS, domain="ECOMMERCE"),
    )
    world.settle()
    recommender = world.personalize.create_recommender(
        name="popular",
        datasetGroupArn=group,
        recipeArn="arn:aws:personalize:::recipe/aws-ecomm-popular-items-by-views",
    )["recommenderArn"]

    assert f"is in use by the recommender {recommender}" in refused(
        "ResourceInUseException", world.personalize.delete_dataset_group, datasetGroupArn=group
    )


def test_the_events_of_interactions_go_with_them(world: World) -> None:
    group = world.dataset_group()
    dataset = world.dataset(group)
    tracker = world.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)
    world.settle()
    event = {"eventType": "view", "itemId": "i", "sentAt": 1_700_000_000}

    def sent() -> bool:
        try:
            world.events.put_events(trackingId=tracker["trackingId"], sessionId="s", eventList=[event])
        except ClientError:
            return False
        return True

    until(sent, "the tracker takes events")
    stored = count_events(world)
    world.personalize.delete_event_tracker(eventTrackerArn=tracker["eventTrackerArn"])
    world.settle()
    world.personalize.delete_dataset(datasetArn=dataset)
    world.settle()

    assert stored > 0
    assert count_events(world) == 0


def count_events(world: World) -> int:
    with world.server.stores.database.read() as session:
        group_ids = select(DatasetGroupRow.id).where(DatasetGroupRow.account == world.account)
        living = EventRow.dataset_group_id.in_(group_ids)
        return session.scalar(select(func.count()).select_from(EventRow).where(living)) or 0


def test_tags_are_listed_and_go_with_the_resource(world: World) -> None:
    tags = [{"tagKey": "team", "tagValue": "käse"}, {"tagKey": "cost-center", "tagValue": ""}]
    arn = world.dataset_group(tags=tags)
    listed = world.personalize.list_tags_for_resource(resourceArn=arn)["tags"]
    world.personalize.delete_dataset_group(datasetGroupArn=arn)
    world.settle()

    assert sorted(listed, key=str) == sorted(tags, key=str)
    refused("ResourceNotFoundException", world.personalize.list_tags_for_resource, resourceArn=arn)
    world.dataset_group()
    assert world.personalize.list_tags_for_resource(resourceArn=arn)["tags"] == []


@pytest.mark.parametrize(
    ("code", "tags"),
    [
        ("TooManyTagsException", [{"tagKey": f"key-{number}", "tagValue": ""} for number in range(51)]),
        ("InvalidInputException", [{"tagKey": "aws:team", "tagValue": "x"}]),
        ("InvalidInputException", [{"tagKey": "a", "tagValue": "x"}, {"tagKey": "a", "tagValue": "y"}]),
        ("InvalidInputException", [{"tagKey": "no!", "tagValue": "x"}]),
    ],
)
def test_tags_that_break_a_rule_refuse_the_whole_request(
    world: World, code: str, tags: list[dict[str, str]]
) -> None:
    refused(code, world.personalize.create_dataset_group, name="store", tags=tags)

    assert world.personalize.list_dataset_groups()["datasetGroups"] == []
