"""Event trackers through boto3."""

import re
from typing import Any

from tests.api.refusals import refused
from tests.world import World


def create(world: World, group: str, name: str = "tracker") -> dict[str, Any]:
    answer: dict[str, Any] = world.personalize.create_event_tracker(name=name, datasetGroupArn=group)
    return answer


def test_a_tracker_has_an_id_of_its_own_beside_its_arn(world: World) -> None:
    group = world.dataset_group()
    created = create(world, group)
    arn = created["eventTrackerArn"]
    pending = world.personalize.describe_event_tracker(eventTrackerArn=arn)["eventTracker"]["status"]
    world.settle()
    found = world.personalize.describe_event_tracker(eventTrackerArn=arn)["eventTracker"]
    (listed,) = world.personalize.list_event_trackers()["eventTrackers"]

    assert re.fullmatch(re.escape(world.arn("event-tracker", "")) + "[0-9a-f]{8}", arn)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", created["trackingId"])
    assert (pending, found["status"]) == ("CREATE PENDING", "ACTIVE")
    assert (found["name"], found["accountId"]) == ("tracker", world.account)
    assert (found["trackingId"], found["datasetGroupArn"]) == (created["trackingId"], group)
    assert set(listed) == {"name", "eventTrackerArn", "status", "creationDateTime", "lastUpdatedDateTime"}


def test_a_group_has_one_tracker(world: World) -> None:
    group = world.dataset_group()
    arn = create(world, group)["eventTrackerArn"]
    world.settle()

    assert refused("ResourceAlreadyExistsException", lambda: create(world, group, "other")) == (
        f"Another resource with Arn {arn} already exists."
    )


def test_a_new_tracker_after_a_deletion_has_new_ids(world: World) -> None:
    group = world.dataset_group()
    old = create(world, group)
    world.settle()
    world.personalize.delete_event_tracker(eventTrackerArn=old["eventTrackerArn"])
    refused(
        "ResourceInUseException",
        world.personalize.delete_event_tracker,
        eventTrackerArn=old["eventTrackerArn"],
    )
    world.settle()
    message = refused(
        "ResourceNotFoundException",
        world.personalize.describe_event_tracker,
        eventTrackerArn=old["eventTrackerArn"],
    )
    new = create(world, group)

    assert message == f"The given event tracker does not exist: {old['eventTrackerArn']}"
    assert new["eventTrackerArn"] != old["eventTrackerArn"]
    assert new["trackingId"] != old["trackingId"]


def test_trackers_are_listed_by_group(world: World) -> None:
    one, other = world.dataset_group("one"), world.dataset_group("other")
    arns = [create(world, group)["eventTrackerArn"] for group in (one, other)]

    def listed(**members: Any) -> list[str]:
        trackers = world.personalize.list_event_trackers(**members)["eventTrackers"]
        return [tracker["eventTrackerArn"] for tracker in trackers]

    assert listed() == arns
    assert listed(datasetGroupArn=other) == arns[1:]
    assert listed(datasetGroupArn=world.arn("dataset-group", "none")) == []


def test_the_group_must_exist_and_be_active(world: World) -> None:
    group = world.arn("dataset-group", "store")

    refused("ResourceNotFoundException", lambda: create(world, group))
    world.personalize.create_dataset_group(name="store")
    refused("ResourceInUseException", lambda: create(world, group))
