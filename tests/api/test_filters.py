"""Filters through boto3: all but their language."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openpersonalize.storage.tables import BatchInferenceJobRow, FilterRow
from tests.api.conftest import TrainedStore
from tests.api.refusals import refused
from tests.log_watch import WATCH
from tests.world import World, running_server

EXPRESSION = 'INCLUDE ItemID WHERE Items.GENRE IN ("drama")'


def create(world: World, group: str, name: str = "drama", **members: Any) -> str:
    asked = {"filterExpression": EXPRESSION} | members
    arn: str = world.personalize.create_filter(name=name, datasetGroupArn=group, **asked)["filterArn"]
    return arn


def describe(world: World, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = world.personalize.describe_filter(filterArn=arn)["filter"]
    return found


def test_a_filter_is_kept_and_says_openly_that_it_cannot_work_yet(world: World) -> None:
    group = world.dataset_group()
    arn = create(world, group)
    pending = describe(world, arn)
    world.settle()
    failed = describe(world, arn)
    (listed,) = world.personalize.list_filters()["Filters"]

    assert arn == world.arn("filter", "drama")
    assert (pending["status"], failed["status"]) == ("CREATE PENDING", "CREATE FAILED")
    assert failed["failureReason"] == "not built yet: filter expressions"
    assert "failureReason" not in pending
    assert (failed["name"], failed["datasetGroupArn"]) == ("drama", group)
    assert failed["filterExpression"] == EXPRESSION
    assert listed == {name: value for name, value in failed.items() if name != "filterExpression"}


def test_a_name_is_taken_once_in_all_groups_until_it_is_deleted(world: World) -> None:
    one, other = world.dataset_group("one"), world.dataset_group("other")
    arn = create(world, one)
    world.settle()

    assert refused("ResourceAlreadyExistsException", lambda: create(world, other)) == (
        f"Another resource with Arn {arn} already exists."
    )
    world.personalize.delete_filter(filterArn=arn)
    assert describe(world, arn)["status"] == "DELETE PENDING"
    world.settle()
    assert refused("ResourceNotFoundException", world.personalize.describe_filter, filterArn=arn) == (
        f"The given filter does not exist: {arn}"
    )
    assert create(world, other) == arn


def test_a_deleted_filter_takes_its_tags_with_it(world: World) -> None:
    group = world.dataset_group()
    arn = create(world, group, tags=[{"tagKey": "team", "tagValue": "a"}])
    tags = world.personalize.list_tags_for_resource(resourceArn=arn)["tags"]
    world.settle()
    world.personalize.delete_filter(filterArn=arn)
    world.settle()
    create(world, group)

    assert tags == [{"tagKey": "team", "tagValue": "a"}]
    assert world.personalize.list_tags_for_resource(resourceArn=arn)["tags"] == []


def test_a_filter_that_is_being_created_cannot_be_deleted(world: World) -> None:
    arn = create(world, world.dataset_group())

    assert "CREATE PENDING" in refused(
        "ResourceInUseException", world.personalize.delete_filter, filterArn=arn
    )


def test_the_group_must_exist_and_be_active(world: World) -> None:
    group = world.arn("dataset-group", "store")

    refused("ResourceNotFoundException", lambda: create(world, group))
    world.personalize.create_dataset_group(name="store")
    # The model of CreateFilter has no ResourceInUseException.
    assert "CREATE PENDING" in refused("InvalidInputException", lambda: create(world, group))


def test_filters_are_listed_by_group(world: World) -> None:
    one, other = world.dataset_group("one"), world.dataset_group("other")
    arns = [create(world, one, "a"), create(world, other, "b"), create(world, one, "c")]

    def listed(**members: Any) -> list[str]:
        pages = world.personalize.get_paginator("list_filters").paginate(
            PaginationConfig={"PageSize": 1}, **members
        )
        return [entry["filterArn"] for page in pages for entry in page["Filters"]]

    assert listed() == arns
    assert listed(datasetGroupArn=one) == [arns[0], arns[2]]
    assert listed(datasetGroupArn=world.arn("dataset-group", "none")) == []


def test_a_filter_stays_while_a_batch_job_under_way_names_it(trained: TrainedStore) -> None:
    world = trained.world
    arn = create(world, trained.group, "in-use")
    world.settle()
    world.set_columns(FilterRow, arn, status="ACTIVE")
    job = world.personalize.create_batch_inference_job(
        jobName="uses-a-filter",
        solutionVersionArn=trained.version,
        filterArn=arn,
        jobInput={"s3DataSource": {"path": "s3://bucket/in.json"}},
        jobOutput={"s3DataDestination": {"path": "s3://bucket/out/"}},
        roleArn="arn:aws:iam::123456789012:role/r",
    )["batchInferenceJobArn"]
    for status in ("CREATE PENDING", "CREATE IN_PROGRESS"):
        world.set_columns(BatchInferenceJobRow, job, status=status)
        assert f"batch inference job {job}" in refused(
            "ResourceInUseException", world.personalize.delete_filter, filterArn=arn
        )
    world.settle()
    world.personalize.delete_filter(filterArn=arn)
    world.settle()

    refused("ResourceNotFoundException", world.personalize.describe_filter, filterArn=arn)
    assert world.personalize.describe_batch_inference_job(batchInferenceJobArn=job)["batchInferenceJob"][
        "filterArn"
    ] == (arn)


@pytest.mark.parametrize("length", [0, 2501])
def test_an_expression_of_the_wrong_length_is_refused_and_not_shown(world: World, length: int) -> None:
    group = world.dataset_group()
    answer = world.http.post(
        "/CreateFilter",
        json={
            "name": "a",
            "datasetGroupArn": group,
            "filterExpression": "secret7expression".ljust(length, "x"),
        }
        if length
        else {"name": "a", "datasetGroupArn": group, "filterExpression": ""},
    )

    assert answer.status_code == 400
    assert "Value at 'filterExpression' failed to satisfy constraint" in answer.json()["message"]
    assert "secret7expression" not in answer.text


def test_no_log_shows_an_expression(world: World) -> None:
    group = world.dataset_group()
    create(world, group, filterExpression='EXCLUDE ItemID WHERE Items.GENRE IN ("filtercanary7")')
    world.settle()

    assert "filtercanary7" in WATCH.canaries
    assert not any("filtercanary7" in line for _, line in WATCH.lines)


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[World]:
    """A world in which AWS's quotas hold."""
    with running_server(tmp_path / "data", limits="aws") as server:
        yield World(server)


def test_a_group_has_thirty_filters_where_awss_quotas_hold(strict: World) -> None:
    one, other = strict.dataset_group("one"), strict.dataset_group("other")
    for number in range(30):
        create(strict, one, f"f{number}")

    assert refused("LimitExceededException", lambda: create(strict, one)) == (
        "More than 30 resources in ACTIVE state. Please delete some and try again."
    )
    create(strict, other)
    # Those that failed take no place.
    strict.settle()
    create(strict, one, "after")
