"""Import jobs through boto3; what an import makes of a file is tested with the importer."""

from typing import Any

import pytest

from tests.api.refusals import refused
from tests.world import World, plain_interactions

ROLE = "arn:aws:iam::123456789012:role/service-role/reader"
SOME = {"dataLocation": "s3://bucket/file.csv"}


def create(world: World, dataset: str, **members: Any) -> str:
    asked = {"jobName": "job", "datasetArn": dataset, "dataSource": SOME} | members
    arn: str = world.personalize.create_dataset_import_job(**asked)["datasetImportJobArn"]
    return arn


def describe(world: World, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = world.personalize.describe_dataset_import_job(datasetImportJobArn=arn)
    job: dict[str, Any] = found["datasetImportJob"]
    return job


def test_a_job_runs_to_active_and_shows_what_it_was_given(world: World) -> None:
    dataset = world.dataset(world.dataset_group())
    location = world.upload(plain_interactions())
    arn = create(world, dataset, dataSource={"dataLocation": location}, roleArn=ROLE)
    pending = describe(world, arn)
    world.settle()
    active = describe(world, arn)

    assert arn == world.arn("dataset-import-job", "job")
    assert (pending["status"], active["status"]) == ("CREATE PENDING", "ACTIVE")
    assert active["dataSource"] == {"dataLocation": location}
    assert (active["jobName"], active["datasetArn"], active["roleArn"]) == ("job", dataset, ROLE)
    assert (active["importMode"], active["publishAttributionMetricsToS3"]) == ("FULL", False)
    assert "failureReason" not in active


def test_a_job_that_fails_says_why(world: World) -> None:
    dataset = world.dataset(world.dataset_group())
    arn = create(world, dataset)
    world.settle()
    failed = describe(world, arn)
    (listed,) = world.personalize.list_dataset_import_jobs()["datasetImportJobs"]

    assert failed["status"] == "CREATE FAILED"
    assert failed["failureReason"].startswith("Invalid Data location.")
    assert listed == {name: value for name, value in failed.items() if name in listed}
    assert set(listed) == {
        *("datasetImportJobArn", "jobName", "status", "creationDateTime", "lastUpdatedDateTime"),
        *("failureReason", "importMode"),
    }


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({}, "dataSource.dataLocation is missing: name a file"),
        ({"dataLocation": "https://bucket/file.csv"}, "is not an S3 location"),
        ({"dataLocation": "s3://bucket/../other/file.csv"}, "Invalid Data location."),
        ({"dataLocation": "s3://bucket/a\\b.csv"}, "Invalid Data location."),
        ({"dataLocation": "s3://B/file.csv"}, "is not a bucket name"),
        ({"dataLocation": "file:///etc/passwd"}, "(s3|http|https)://.+"),
    ],
)
def test_a_location_that_can_name_nothing_is_refused_at_once(
    world: World, source: dict[str, str], expected: str
) -> None:
    dataset = world.dataset(world.dataset_group())

    assert expected in refused("InvalidInputException", lambda: create(world, dataset, dataSource=source))
    assert world.personalize.list_dataset_import_jobs()["datasetImportJobs"] == []


def test_an_incremental_import_needs_a_full_one_before(world: World) -> None:
    dataset = world.dataset(world.dataset_group())

    def incremental(name: str) -> str:
        return create(world, dataset, jobName=name, importMode="INCREMENTAL")

    assert "import with importMode FULL first" in refused(
        "InvalidInputException", lambda: incremental("early")
    )
    create(world, dataset, jobName="fails")
    world.settle()
    refused("InvalidInputException", lambda: incremental("after-a-failure"))
    world.imported(dataset, plain_interactions())
    arn = incremental("late")
    assert describe(world, arn)["importMode"] == "INCREMENTAL"


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


def test_publishing_metrics_is_refused_openly(world: World) -> None:
    dataset = world.dataset(world.dataset_group())

    assert (
        refused("InvalidInputException", lambda: create(world, dataset, publishAttributionMetricsToS3=True))
        == "not built yet: publishAttributionMetricsToS3"
    )
    create(world, dataset, publishAttributionMetricsToS3=False)


def test_jobs_are_listed_by_dataset_and_outlive_it(world: World) -> None:
    group = world.dataset_group()
    users, items = world.dataset(group, "Users"), world.dataset(group, "Items")
    for name, dataset in (("a", users), ("b", items), ("c", users)):
        create(world, dataset, jobName=name)
    world.settle()
    world.personalize.delete_dataset(datasetArn=users)
    world.settle()

    def listed(**members: Any) -> list[str]:
        jobs = world.personalize.list_dataset_import_jobs(**members)["datasetImportJobs"]
        return [job["jobName"] for job in jobs]

    assert listed() == ["a", "b", "c"]
    assert listed(datasetArn=users) == ["a", "c"]
    assert listed(datasetArn=world.arn("dataset", "none", "USERS")) == []
