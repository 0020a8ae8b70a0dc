"""Tags through boto3: given on creation or later, taken away, listed; at most fifty."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from sqlalchemy import select

from openpersonalize.storage.tables import TagRow
from tests.api.conftest import TrainedStore
from tests.api.creates import CREATE
from tests.api.refusals import refused
from tests.world import World

UNTAGGED = {"CreateSchema", "CreateMetricAttribution"}


def create(world: World, operation: str) -> Any:
    return getattr(world.personalize, xform_name(operation))


def tags_of(world: World, arn: str) -> dict[str, str]:
    tags = world.personalize.list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["tagKey"]: tag["tagValue"] for tag in tags}


def tag(world: World, arn: str, **tags: str) -> None:
    listed = [{"tagKey": key, "tagValue": value} for key, value in tags.items()]
    answer = world.personalize.tag_resource(resourceArn=arn, tags=listed)
    assert set(answer) == {"ResponseMetadata"}


def numbered(first: int, end: int) -> dict[str, str]:
    return {f"k{number}": f"v{number}" for number in range(first, end)}


@pytest.fixture
def group(world: World) -> str:
    """The ARN of a resource with two tags."""
    tags = [{"tagKey": "team", "tagValue": "shop"}, {"tagKey": "empty", "tagValue": ""}]
    arn: str = world.dataset_group(tags=tags)
    return arn


def test_tags_are_added_and_replaced_by_their_keys(world: World, group: str) -> None:
    tag(world, group, team="sales", Team="other", stage="test of 2026")

    assert tags_of(world, group) == {
        "team": "sales",
        "Team": "other",
        "empty": "",
        "stage": "test of 2026",
    }
    tag(world, group)
    assert len(tags_of(world, group)) == 4


def test_tags_are_taken_away_and_unknown_keys_are_ignored(world: World, group: str) -> None:
    answer = world.personalize.untag_resource(resourceArn=group, tagKeys=["team", "TEAM", "none", "team"])

    assert set(answer) == {"ResponseMetadata"}
    assert tags_of(world, group) == {"empty": ""}
    world.personalize.untag_resource(resourceArn=group, tagKeys=[])
    assert tags_of(world, group) == {"empty": ""}


def test_a_resource_has_at_most_fifty_tags(world: World, group: str) -> None:
    tag(world, group, **numbered(0, 48))
    message = refused("TooManyTagsException", lambda: tag(world, group, **numbered(47, 49)))

    assert message == "51 tags are too many: a resource has at most 50."
    assert len(tags_of(world, group)) == 50
    tag(world, group, **dict.fromkeys(numbered(0, 48), "replaced"))
    assert tags_of(world, group)["k47"] == "replaced"
    world.personalize.untag_resource(resourceArn=group, tagKeys=["k0"])
    tag(world, group, last="one")
    assert len(tags_of(world, group)) == 50


def test_more_than_fifty_tags_at_once_are_refused_on_creation_too(world: World, group: str) -> None:
    tags = [{"tagKey": key, "tagValue": value} for key, value in numbered(0, 51).items()]
    create = world.personalize.create_dataset_group

    refused("TooManyTagsException", create, name="tagged", tags=tags)
    refused("TooManyTagsException", world.personalize.tag_resource, resourceArn=group, tags=tags)
    create(name="tagged", tags=tags[:50])


def test_more_than_fifty_keys_at_once_are_refused(world: World, group: str) -> None:
    keys = list(numbered(0, 51))
    message = refused(
        "TooManyTagKeysException", world.personalize.untag_resource, resourceArn=group, tagKeys=keys
    )

    assert message == "51 tag keys are too many: a resource has at most 50 tags."
    world.personalize.untag_resource(resourceArn=group, tagKeys=keys[:50])


@pytest.mark.parametrize("key", ["aws:owner", "AWS:owner", "aws:"])
def test_reserved_keys_are_refused(world: World, group: str, key: str) -> None:
    untag = world.personalize.untag_resource

    assert "reserved" in refused("InvalidInputException", lambda: tag(world, group, **{key: "x"}))
    assert "reserved" in refused("InvalidInputException", untag, resourceArn=group, tagKeys=["team", key])
    assert len(tags_of(world, group)) == 2


def test_a_key_given_twice_is_refused(world: World, group: str) -> None:
    twice = [{"tagKey": "same", "tagValue": value} for value in ("1", "2")]
    call = world.personalize.tag_resource

    assert "unique" in refused("InvalidInputException", call, resourceArn=group, tags=twice)
    assert len(tags_of(world, group)) == 2


@pytest.mark.parametrize("text", ["semi;colon", "hash#", "quote'", "x" * 257])
def test_texts_that_no_tag_can_have_are_refused_without_showing_them(
    world: World, group: str, text: str
) -> None:
    for tags in ({"key": text}, {text: "value"}):
        message = refused("InvalidInputException", lambda tags=tags: tag(world, group, **tags))
        assert text not in message
        assert message.startswith("1 validation error detected: Value at 'tags.1.member.tag")


@pytest.mark.parametrize("operation", sorted(CREATE.keys() - UNTAGGED))
def test_every_kind_of_resource_has_tags(trained: TrainedStore, operation: str) -> None:
    world = trained.world
    members = CREATE[operation](trained, f"tagged-{operation}")
    given = [*members.pop("tags", []), {"tagKey": "first", "tagValue": "x"}]
    answer = create(world, operation)(**members, tags=given)
    arn = next(value for name, value in answer.items() if name.endswith("Arn"))
    tag(world, arn, kind=operation, other="x")
    world.personalize.untag_resource(resourceArn=arn, tagKeys=["other"])

    expected = {each["tagKey"]: each["tagValue"] for each in given} | {"kind": operation}
    assert tags_of(world, arn) == expected


@pytest.mark.parametrize("operation", sorted(UNTAGGED))
def test_some_kinds_of_resources_have_no_tags(trained: TrainedStore, operation: str) -> None:
    client = trained.world.personalize
    answer = create(trained.world, operation)(**CREATE[operation](trained, f"tagged-{operation}"))
    for arn in (next(iter(answer.values())), "arn:aws:personalize:::recipe/aws-sims"):
        refused("ResourceNotFoundException", client.list_tags_for_resource, resourceArn=arn)
        refused("ResourceNotFoundException", client.tag_resource, resourceArn=arn, tags=[])
        refused("ResourceNotFoundException", client.untag_resource, resourceArn=arn, tagKeys=[])


def test_tags_stand_nowhere_else(world: World, group: str) -> None:
    tag(world, group, secret="canary-tag-77041")
    described = world.personalize.describe_dataset_group(datasetGroupArn=group)["datasetGroup"]

    assert "canary" not in json.dumps(described, default=str)
    assert "tags" not in described


def test_a_resource_that_goes_takes_no_tags_and_leaves_none(world: World, group: str) -> None:
    client = world.personalize
    client.delete_dataset_group(datasetGroupArn=group)

    refused("ResourceInUseException", lambda: tag(world, group, late="x"))
    refused("ResourceInUseException", client.untag_resource, resourceArn=group, tagKeys=["team"])
    assert len(tags_of(world, group)) == 2
    world.settle()
    refused("ResourceNotFoundException", lambda: tag(world, group, late="x"))
    with world.server.stores.database.read() as session:
        assert session.scalars(select(TagRow).where(TagRow.resource_arn == group)).all() == []


def test_concurrent_calls_do_not_pass_the_fifty_together(world: World, group: str) -> None:
    world.personalize.untag_resource(resourceArn=group, tagKeys=["team", "empty"])

    def add(number: int) -> str:
        try:
            tag(world, group, **numbered(10 * number, 10 * number + 10))
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(add, range(8)))

    assert sorted(outcomes) == [""] * 5 + ["TooManyTagsException"] * 3
    assert len(tags_of(world, group)) == 50


def test_concurrent_calls_may_name_the_same_key(world: World, group: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: tag(world, group, same=str(number)), range(16)))

    assert tags_of(world, group)["same"] in map(str, range(16))
