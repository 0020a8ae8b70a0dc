"""Data deletion jobs through boto3: all but their work."""

from pathlib import Path
from typing import Any

import pytest

from openpersonalize.storage.tables import DataDeletionJobRow
from tests.api.refusals import refused
from tests.world import World, running_server

ROLE = "arn:aws:iam::123456789012:role/reader"
USERS = {"dataLocation": "s3://bucket/users.csv"}


def create(world: World, group: str, **members: Any) -> str:
    asked = {"jobName": "job", "datasetGroupArn": group, "dataSource": USERS, "roleArn": ROLE} | members
    arn: str = world.personalize.create_data_deletion_job(**asked)["dataDeletionJobArn"]
    return arn


def describe(world: World, arn: str) -> dict[str, Any]:
    job: dict[str, Any] = world.personalize.describe_data_deletion_job(dataDeletionJobArn=arn)[
        "dataDeletionJob"
    ]
    return job


def test_a_job_is_kept_and_says_openly_that_it_cannot_work_yet(world: World) -> None:
    group = world.dataset_group()
    arn = create(world, group, tags=[{"tagKey": "k", "tagValue": "v"}])
    pending = describe(world, arn)
    world.settle()
    failed = describe(world, arn)
    (listed,) = world.personalize.list_data_deletion_jobs()["dataDeletionJobs"]

    assert arn == world.arn("data-deletion-job", "job")
    assert (pending["status"], failed["status"]) == ("PENDING", "FAILED")
    assert failed["failureReason"] == "not built yet: data deletion jobs"
    assert "numDeleted" not in failed
    assert (failed["jobName"], failed["datasetGroupArn"], failed["roleArn"]) == ("job", group, ROLE)
    assert failed["dataSource"] == USERS
    assert listed == {name: value for name, value in failed.items() if name not in ("dataSource", "roleArn")}
    assert world.personalize.list_tags_for_resource(resourceArn=arn)["tags"] == [
        {"tagKey": "k", "tagValue": "v"}
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({}, "dataSource.dataLocation is missing: name a CSV file of user ids"),
        ({"dataLocation": "http://bucket/users.csv"}, "dataSource.dataLocation: Invalid Data location."),
        ({"dataLocation": "s3://bucket/./users.csv"}, "dataSource.dataLocation: Invalid Data location."),
    ],
)
def test_a_location_that_can_name_nothing_is_refused(
    world: World, source: dict[str, str], expected: str
) -> None:
    group = world.dataset_group()

    assert expected in refused("InvalidInputException", lambda: create(world, group, dataSource=source))


def test_the_group_must_exist_and_be_active(world: World) -> None:
    group = world.arn("dataset-group", "store")

    refused("ResourceNotFoundException", lambda: create(world, group))
    world.personalize.create_dataset_group(name="store")
    refused("ResourceInUseException", lambda: create(world, group))


def test_a_name_is_taken_once(world: World) -> None:
    group = world.dataset_group()
    arn = create(world, group)

    assert refused("ResourceAlreadyExistsException", lambda: create(world, group)) == (
        f"Another resource with Arn {arn} already exists."
    )


def test_jobs_are_listed_newest_first_by_group(world: World) -> None:
    one, other = world.dataset_group("one"), world.dataset_group("other")
    for name, group in (("a", one), ("b", other), ("c", one), ("d", one)):
        create(world, group, jobName=name)

    def listed(**members: Any) -> list[str]:
        jobs = world.personalize.list_data_deletion_jobs(**members)["dataDeletionJobs"]
        return [job["jobName"] for job in jobs]

    assert listed() == ["d", "c", "b", "a"]
    assert listed(datasetGroupArn=one) == ["d", "c", "a"]
    assert listed(datasetGroupArn=world.arn("dataset-group", "none")) == []


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_go_on_where_they_ended_though_new_jobs_came(world: World, size: int) -> None:
    group = world.dataset_group()
    for name in "abcde":
        create(world, group, jobName=name)
    found, token = [], None
    while True:
        more = {} if token is None else {"nextToken": token}
        page = world.personalize.list_data_deletion_jobs(maxResults=size, **more)
        found += [job["jobName"] for job in page["dataDeletionJobs"]]
        token = page.get("nextToken")
        if token is None:
            break
        create(world, group, jobName=f"new-{len(found)}")

    assert found == ["e", "d", "c", "b", "a"]


def test_a_group_has_five_pending_jobs_where_awss_quotas_hold(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", limits="aws") as server:
        world = World(server)
        one, other = world.dataset_group("one"), world.dataset_group("other")
        arns = [create(world, one, jobName=f"j{number}") for number in range(5)]

        assert refused("LimitExceededException", lambda: create(world, one)) == (
            "More than 5 resources with PENDING or IN_PROGRESS status."
        )
        create(world, other, jobName="other")
        # Only those that still wait count.
        world.set_columns(DataDeletionJobRow, arns[0], status="IN_PROGRESS")
        create(world, one)
        world.settle()
        assert describe(world, arns[0])["status"] == "FAILED"
