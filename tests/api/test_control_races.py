"""Requests that collide: whatever order the database gives them, nothing is left dangling."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from openpersonalize.storage.tables import FilterRow
from tests.api.conftest import TrainedStore
from tests.api.rows import fill
from tests.world import FIELDS, World, text_field

ROUNDS = 6
ROLE = "arn:aws:iam::123456789012:role/r"
EXPRESSION = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
METRIC = {"eventType": "view", "metricName": "views", "expression": "SAMPLECOUNT()"}


@dataclass(frozen=True)
class Collision:
    """A parent that is deleted while something is made of it."""

    delete: Callable[[], Any]
    create: Callable[[], Any]
    still_there: Callable[[], Any]


def code_of(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def dataset_and_group(world: World, trained: TrainedStore, number: int) -> Collision:
    client, schema = world.personalize, world.schema()
    group = world.dataset_group(f"group-{number}")
    return Collision(
        lambda: client.delete_dataset_group(datasetGroupArn=group),
        lambda: client.create_dataset(
            name="it", datasetGroupArn=group, datasetType="Interactions", schemaArn=schema
        ),
        lambda: client.describe_dataset_group(datasetGroupArn=group),
    )


def dataset_and_schema(world: World, trained: TrainedStore, number: int) -> Collision:
    client, schema = world.personalize, world.schema()
    group = world.dataset_group(f"group-{number}")
    return Collision(
        lambda: client.delete_schema(schemaArn=schema),
        lambda: client.create_dataset(
            name="it", datasetGroupArn=group, datasetType="Interactions", schemaArn=schema
        ),
        lambda: client.describe_schema(schemaArn=schema),
    )


def version_and_dataset(world: World, trained: TrainedStore, number: int) -> Collision:
    client, group = world.personalize, world.dataset_group(f"group-{number}")
    solution, dataset = world.solution(group), world.dataset(group)
    return Collision(
        lambda: client.delete_dataset(datasetArn=dataset),
        lambda: client.create_solution_version(solutionArn=solution),
        lambda: client.describe_dataset(datasetArn=dataset),
    )


def import_and_dataset(world: World, trained: TrainedStore, number: int) -> Collision:
    client, dataset = world.personalize, world.dataset(world.dataset_group(f"group-{number}"))
    source = {"dataLocation": "s3://bucket/none.csv"}
    return Collision(
        lambda: client.delete_dataset(datasetArn=dataset),
        lambda: client.create_dataset_import_job(
            jobName=f"job-{number}", datasetArn=dataset, dataSource=source
        ),
        lambda: client.describe_dataset(datasetArn=dataset),
    )


def batch_job_and_filter(world: World, trained: TrainedStore, number: int) -> Collision:
    client, name = trained.world.personalize, f"race-{number}"
    expression = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
    of_group = {"dataset_group_arn": trained.group, "filter_expression": expression}
    (arn,) = fill(trained.world, FilterRow, [name], **of_group)
    return Collision(
        lambda: client.delete_filter(filterArn=arn),
        lambda: client.create_batch_inference_job(
            jobName=name,
            solutionVersionArn=trained.version,
            filterArn=arn,
            roleArn=ROLE,
            jobInput={"s3DataSource": {"path": "s3://bucket/in"}},
            jobOutput={"s3DataDestination": {"path": "s3://bucket/out/"}},
        ),
        lambda: client.describe_filter(filterArn=arn),
    )


def update_and_campaign(world: World, trained: TrainedStore, number: int) -> Collision:
    client, campaign = trained.world.personalize, trained.world.campaign(trained.version)
    return Collision(
        lambda: client.delete_campaign(campaignArn=campaign),
        lambda: client.update_campaign(campaignArn=campaign, minProvisionedTPS=2),
        lambda: client.describe_campaign(campaignArn=campaign),
    )


@pytest.mark.parametrize(
    "situation",
    [
        *(dataset_and_group, dataset_and_schema, version_and_dataset, import_and_dataset),
        *(batch_job_and_filter, update_and_campaign),
    ],
)
def test_a_parent_is_deleted_or_used_but_never_both(
    world: World, trained: TrainedStore, situation: Callable[[World, TrainedStore, int], Collision]
) -> None:
    for number in range(ROUNDS):
        collision = situation(world, trained, number)
        with ThreadPoolExecutor(2) as threads:
            deletion, creation = threads.map(code_of, (collision.delete, collision.create))
        world.settle()

        assert (deletion == "") != (creation == "")
        assert {deletion, creation} <= {"", "ResourceInUseException", "ResourceNotFoundException"}
        assert (code_of(collision.still_there) == "") == (creation == "")


@pytest.mark.parametrize(
    "kind",
    [
        *("dataset group", "schema", "event tracker", "solution", "campaign"),
        *("filter", "metric attribution", "data deletion job"),
    ],
)
def test_of_many_creates_at_once_exactly_one_succeeds(trained: TrainedStore, kind: str) -> None:
    world = trained.world
    text = world.personalize.describe_schema(schemaArn=world.schema())["schema"]["schema"]
    recipe = "arn:aws:personalize:::recipe/aws-sims"
    group = world.dataset_group(f"race-{kind.replace(' ', '-')}")
    world.dataset(group, "Interactions", *FIELDS["Interactions"], text_field("EVENT_TYPE"))
    client, users = world.personalize, {"dataLocation": "s3://bucket/users.csv"}
    create: dict[str, Callable[[], Any]] = {
        "dataset group": lambda: client.create_dataset_group(name="race"),
        "schema": lambda: client.create_schema(name="race", schema=text),
        "event tracker": lambda: client.create_event_tracker(name="race", datasetGroupArn=group),
        "solution": lambda: client.create_solution(name="race", datasetGroupArn=group, recipeArn=recipe),
        "campaign": lambda: client.create_campaign(name="race", solutionVersionArn=trained.version),
        "filter": lambda: client.create_filter(
            name="race", datasetGroupArn=group, filterExpression=EXPRESSION
        ),
        "metric attribution": lambda: client.create_metric_attribution(
            name="race", datasetGroupArn=group, metrics=[METRIC], metricsOutputConfig={"roleArn": ROLE}
        ),
        "data deletion job": lambda: client.create_data_deletion_job(
            jobName="race", datasetGroupArn=group, dataSource=users, roleArn=ROLE
        ),
    }
    with ThreadPoolExecutor(6) as threads:
        outcomes = sorted(threads.map(lambda _: outcome_of(create[kind]), range(6)))
    (made,) = [arn for code, arn in outcomes if code == ""]

    assert [code for code, _ in outcomes] == ["", *["ResourceAlreadyExistsException"] * 5]
    assert {text for code, text in outcomes if code} == {f"Another resource with Arn {made} already exists."}


def outcome_of(create: Callable[[], Any]) -> tuple[str, str]:
    """No code and the ARN that was made, or an error's code and message."""
    try:
        answer = create()
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return "", next(value for member, value in answer.items() if member.endswith("Arn"))


def test_many_writers_at_once_all_succeed(world: World) -> None:
    names = {f"group-{number}" for number in range(24)}
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: world.personalize.create_dataset_group(name=name), names))

    assert {group["name"] for group in world.personalize.list_dataset_groups()["datasetGroups"]} == names
