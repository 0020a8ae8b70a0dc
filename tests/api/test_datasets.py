"""Datasets through boto3."""

from typing import Any

import pytest

from openpersonalize.work.housekeeping import collect
from tests.api.refusals import refused
from tests.world import FIELDS, World, plain_interactions


def create(world: World, group: str, kind: str, schema: str, name: str = "it") -> str:
    answer = world.personalize.create_dataset(
        name=name, datasetGroupArn=group, datasetType=kind, schemaArn=schema
    )
    arn: str = answer["datasetArn"]
    return arn


@pytest.mark.parametrize(
    ("kind", "record", "expected"),
    [
        ("Interactions", "Interactions", "INTERACTIONS"),
        ("iTEMs", "Items", "ITEMS"),
        ("USERS", "Users", "USERS"),
        ("Actions", "Actions", "ACTIONS"),
        ("Action_Interactions", "ActionInteractions", "ACTION_INTERACTIONS"),
    ],
)
def test_a_dataset_of_each_type_can_be_made(world: World, kind: str, record: str, expected: str) -> None:
    group, schema = world.dataset_group(), world.schema(record)
    arn = create(world, group, kind, schema)
    pending = world.personalize.describe_dataset(datasetArn=arn)["dataset"]["status"]
    world.settle()
    found = world.personalize.describe_dataset(datasetArn=arn)["dataset"]

    assert arn == world.arn("dataset", "store", expected)
    assert (pending, found["status"]) == ("CREATE PENDING", "ACTIVE")
    assert (found["name"], found["datasetType"]) == ("it", expected)
    assert (found["datasetGroupArn"], found["schemaArn"]) == (group, schema)
    assert ("trackingId" in found) == (expected == "ACTION_INTERACTIONS")
    assert "latestDatasetUpdate" not in found


def test_a_group_has_one_dataset_of_each_type(world: World) -> None:
    group = world.dataset_group()
    arn = world.dataset(group, "Users")
    message = refused(
        "ResourceAlreadyExistsException",
        world.personalize.create_dataset,
        name="other",
        datasetGroupArn=group,
        datasetType="users",
        schemaArn=world.schema("Users"),
    )

    assert message == f"Another resource with Arn {arn} already exists."


def test_datasets_are_listed_by_group_and_all_together(world: World) -> None:
    one, other = world.dataset_group("one"), world.dataset_group("other")
    arns = [world.dataset(one, "Users"), world.dataset(other, "Users"), world.dataset(one, "Items")]

    def listed(**members: Any) -> list[str]:
        return [dataset["datasetArn"] for dataset in world.personalize.list_datasets(**members)["datasets"]]

    assert listed() == arns
    assert listed(datasetGroupArn=one) == [arns[0], arns[2]]
    assert listed(datasetGroupArn=world.arn("dataset-group", "none")) == []
    first = world.personalize.list_datasets(datasetGroupArn=one, maxResults=1)
    assert listed(datasetGroupArn=one, nextToken=first["nextToken"]) == [arns[2]]
    refused("InvalidNextTokenException", world.personalize.list_datasets, nextToken=first["nextToken"])


def test_parents_must_exist_and_be_active(world: World) -> None:
    schema, group = world.schema("Users"), world.arn("dataset-group", "store")

    assert (
        refused("ResourceNotFoundException", create_users(world, group=group, schema=schema))
        == f"The given dataset group does not exist: {group}"
    )
    world.personalize.create_dataset_group(name="store")
    assert "CREATE PENDING" in refused(
        "ResourceInUseException", create_users(world, group=group, schema=schema)
    )
    world.settle()
    refused("ResourceNotFoundException", create_users(world, group=group, schema=world.arn("schema", "none")))
    create_users(world, group=group, schema=schema)()


def create_users(world: World, *, group: str, schema: str) -> Any:
    return lambda: create(world, group, "Users", schema)


@pytest.mark.parametrize(
    ("kind", "record", "expected"),
    [
        ("Movies", "Users", "The datasetType is 'Movies': use Interactions, Items, Users, Actions or"),
        (
            "Items",
            "Users",
            "record is named Users, which is for USERS datasets: for ITEMS, use a schema named Items",
        ),
    ],
)
def test_type_and_schema_must_fit(world: World, kind: str, record: str, expected: str) -> None:
    group, schema = world.dataset_group(), world.schema(record)

    assert expected in refused("InvalidInputException", lambda: create(world, group, kind, schema))


def test_schema_and_group_are_of_one_domain(world: World) -> None:
    shop, custom = world.dataset_group("shop", domain="ECOMMERCE"), world.dataset_group("custom")
    shop_schema, plain = world.schema("Users", domain="ECOMMERCE"), world.schema("Users")

    assert create(world, shop, "Users", shop_schema) and create(world, custom, "Users", plain)
    message = refused("InvalidInputException", lambda: create(world, custom, "Users", shop_schema))
    assert "The schema's domain is ECOMMERCE, the dataset group's is none" in message
    refused("InvalidInputException", lambda: create(world, shop, "Users", plain))


def test_a_group_of_a_domain_has_no_actions(world: World) -> None:
    group, schema = world.dataset_group(domain="VIDEO_ON_DEMAND"), world.schema("Actions")

    assert "has no ACTIONS datasets" in refused(
        "InvalidInputException", lambda: create(world, group, "Actions", schema)
    )


def collect_garbage(world: World) -> None:
    """What the first look marks, the second one removes."""
    for _ in range(2):
        collect(world.server.stores, grace_s=0.0)


def test_a_deleted_dataset_leaves_neither_rows_nor_files(world: World) -> None:
    group = world.dataset_group()
    dataset = world.interactions(group)
    folders = world.generations(dataset)
    world.personalize.delete_dataset(datasetArn=dataset)
    leaving = world.personalize.describe_dataset(datasetArn=dataset)["dataset"]["status"]
    refused("ResourceInUseException", world.personalize.delete_dataset, datasetArn=dataset)
    world.settle()
    collect_garbage(world)

    assert leaving == "DELETE PENDING"
    assert len(folders) == 1
    assert not any(folder.exists() for folder in folders)
    refused("ResourceNotFoundException", world.personalize.describe_dataset, datasetArn=dataset)
    again = world.dataset(group)
    assert again == dataset
    assert world.generations(again) == []


def test_a_replaced_generation_leaves_no_files(world: World) -> None:
    dataset = world.interactions(world.dataset_group())
    old = world.generations(dataset)
    world.imported(dataset, plain_interactions(n_users=70))
    new = world.generations(dataset)
    collect_garbage(world)

    assert len(new) == 1
    assert new[0].exists()
    assert not any(folder.exists() for folder in old)


@pytest.mark.parametrize("work", ["dataset import job", "solution version"])
def test_a_dataset_under_work_cannot_be_deleted(world: World, work: str) -> None:
    group = world.dataset_group()
    dataset = world.dataset(group)
    if work == "solution version":
        world.personalize.create_solution_version(solutionArn=world.solution(group))
    else:
        world.personalize.create_dataset_import_job(
            jobName="job", datasetArn=dataset, dataSource={"dataLocation": "s3://bucket/none.csv"}
        )
    message = refused("ResourceInUseException", world.personalize.delete_dataset, datasetArn=dataset)
    world.settle()

    assert f"in use by the {work} arn:" in message
    world.personalize.delete_dataset(datasetArn=dataset)


def test_fields_of_all_builders_are_valid(world: World) -> None:
    assert len({world.schema(record) for record in FIELDS}) == 5
