"""Export jobs through boto3: all but their work."""

from typing import Any

import pytest

from tests.api.refusals import refused
from tests.world import World

ROLE = "arn:aws:iam::123456789012:role/writer"
OUTPUT = {"s3DataDestination": {"path": "s3://bucket/export/"}}


def create(world: World, dataset: str, **members: Any) -> str:
    asked = {"jobName": "job", "datasetArn": dataset, "roleArn": ROLE, "jobOutput": OUTPUT} | members
    arn: str = world.personalize.create_dataset_export_job(**asked)["datasetExportJobArn"]
    return arn


def describe(world: World, arn: str) -> dict[str, Any]:
    answer = world.personalize.describe_dataset_export_job(datasetExportJobArn=arn)
    job: dict[str, Any] = answer["datasetExportJob"]
    return job


def test_a_job_is_kept_and_says_openly_that_it_cannot_work_yet(world: World) -> None:
    dataset = world.dataset(world.dataset_group())
    arn = create(world, dataset)
    pending = describe(world, arn)
    world.settle()
    failed = describe(world, arn)
    (listed,) = world.personalize.list_dataset_export_jobs()["datasetExportJobs"]

    assert arn == world.arn("dataset-export-job", "job")
    assert (pending["status"], failed["status"]) == ("CREATE PENDING", "CREATE FAILED")
    assert failed["failureReason"] == "not built yet: dataset export jobs"
    assert (failed["jobName"], failed["datasetArn"], failed["roleArn"]) == ("job", dataset, ROLE)
    assert (failed["ingestionMode"], failed["jobOutput"]) == ("PUT", OUTPUT)
    assert listed.items() <= failed.items()
    assert set(listed) == {
        *("datasetExportJobArn", "jobName", "status", "creationDateTime", "lastUpdatedDateTime"),
        "failureReason",
    }


@pytest.mark.parametrize("mode", ["BULK", "PUT", "ALL"])
def test_a_job_shows_its_mode_key_and_tags(world: World, mode: str) -> None:
    dataset = world.dataset(world.dataset_group())
    key = "arn:aws:kms:us-east-1:123456789012:key/k"
    output = {"s3DataDestination": {"path": "s3://bucket/export", "kmsKeyArn": key}}
    tags = [{"tagKey": "k", "tagValue": "v"}]
    arn = create(world, dataset, ingestionMode=mode, jobOutput=output, tags=tags)

    assert (describe(world, arn)["ingestionMode"], describe(world, arn)["jobOutput"]) == (mode, output)
    assert world.personalize.list_tags_for_resource(resourceArn=arn)["tags"] == tags


@pytest.mark.parametrize("path", ["https://bucket/out/", "s3://bucket/a/../b/", "s3://B/out/"])
def test_a_place_that_can_name_nothing_is_refused(world: World, path: str) -> None:
    dataset = world.dataset(world.dataset_group())
    output = {"s3DataDestination": {"path": path}}

    assert "jobOutput.s3DataDestination.path: Invalid Data location." in refused(
        "InvalidInputException", lambda: create(world, dataset, jobOutput=output)
    )


def test_the_dataset_must_exist_and_be_active(world: World) -> None:
    group = world.dataset_group()
    dataset = world.arn("dataset", "store", "INTERACTIONS")

    assert refused("ResourceNotFoundException", lambda: create(world, dataset)) == (
        f"The given dataset does not exist: {dataset}"
    )
    world.personalize.create_dataset(
        name="it", datasetType="Interactions", datasetGroupArn=group, schemaArn=world.schema()
    )
    refused("ResourceInUseException", lambda: create(world, dataset))


def test_a_name_is_taken_once(world: World) -> None:
    dataset = world.dataset(world.dataset_group())
    arn = create(world, dataset)

    assert refused("ResourceAlreadyExistsException", lambda: create(world, dataset)) == (
        f"Another resource with Arn {arn} already exists."
    )


def test_jobs_are_listed_by_dataset_and_outlive_it(world: World) -> None:
    group = world.dataset_group()
    users, items = world.dataset(group, "Users"), world.dataset(group, "Items")
    for name, dataset in (("a", users), ("b", items), ("c", users)):
        create(world, dataset, jobName=name)
    world.settle()
    world.personalize.delete_dataset(datasetArn=users)
    world.settle()

    def listed(**members: Any) -> list[str]:
        jobs = world.personalize.list_dataset_export_jobs(**members)["datasetExportJobs"]
        return [job["jobName"] for job in jobs]

    assert listed() == ["a", "b", "c"]
    assert listed(datasetArn=users) == ["a", "c"]
    assert listed(datasetArn=world.arn("dataset", "none", "USERS")) == []
