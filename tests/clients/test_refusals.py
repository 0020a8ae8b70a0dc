"""Families of errors that the main path does not meet: quotas, tags, states, and what no SDK would send."""

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from tests.clients.foreign import AwsCli, Client, Javascript, RefusedError, aws_cli, javascript, refusal
from tests.world import Server, World

pytestmark = pytest.mark.slow


def seen(client: Client, service: str, operation: str, **members: Any) -> tuple[str, int]:
    """Code and status of a refusal."""
    refused = refusal(client, service, operation, **members)
    assert refused is not None, operation
    assert refused.message
    return refused.code, refused.status


def test_a_quota_that_is_used_up_is_refused(narrow_pair: tuple[Client, World]) -> None:
    client, owner = narrow_pair
    for number in range(5):
        owner.dataset_group(f"group-{number}")

    found = seen(client, "personalize", "CreateDatasetGroup", name="one-too-many")
    assert found == ("LimitExceededException", 400)


def test_what_is_pending_takes_no_records(narrow_pair: tuple[Client, World]) -> None:
    client, owner = narrow_pair
    group = owner.arn("dataset-group", "group-0")
    dataset = owner.personalize.create_dataset(
        name="items", datasetType="Items", datasetGroupArn=group, schemaArn=owner.schema("Items")
    )["datasetArn"]
    items = [{"itemId": "i1", "properties": '{"genre": "jazz"}'}]

    pending = seen(client, "personalize-events", "PutItems", datasetArn=dataset, items=items)
    assert pending == ("ResourceInUseException", 409)
    missing = seen(client, "personalize-events", "PutItems", datasetArn=f"{dataset}x", items=items)
    assert missing == ("ResourceNotFoundException", 404)
    in_use = seen(
        client,
        "personalize",
        "CreateDatasetImportJob",
        jobName="early",
        datasetArn=dataset,
        dataSource={"dataLocation": "s3://bucket/items.csv"},
        roleArn="arn:aws:iam::000000000000:role/reader",
    )
    assert in_use == ("ResourceInUseException", 400)


def test_tags_have_errors_of_their_own(narrow_pair: tuple[Client, World]) -> None:
    client, owner = narrow_pair
    group = owner.arn("dataset-group", "group-0")
    tags = [{"tagKey": f"key-{number}", "tagValue": "value"} for number in range(51)]
    keys = [tag["tagKey"] for tag in tags]

    too_many = ("TooManyTagsException", 400)
    assert seen(client, "personalize", "TagResource", resourceArn=group, tags=tags) == too_many
    schema = owner.schema("Users")
    asked = {"name": "users", "datasetType": "Users", "datasetGroupArn": group, "schemaArn": schema}
    assert seen(client, "personalize", "CreateDataset", **asked, tags=tags) == too_many
    untagged = seen(client, "personalize", "UntagResource", resourceArn=group, tagKeys=keys)
    assert untagged == ("TooManyTagKeysException", 400)
    missing = seen(client, "personalize", "ListTagsForResource", resourceArn=f"{group}x")
    assert missing == ("ResourceNotFoundException", 400)


@pytest.mark.xdist_group("javascript")
def test_javascript_is_told_what_it_should_not_have_sent(live: Server) -> None:
    with javascript(World(live)) as client:
        unknown = _replaced(client, target="AmazonPersonalize.ListNothing")
        broken = _replaced(client, body='{"maxResults": ')
        wrong_type = refusal(client, "personalize", "ListSchemas", maxResults="five")

    assert (unknown.code, unknown.status) == ("UnknownOperationException", 400)
    assert (broken.code, broken.status) == ("SerializationException", 400)
    assert wrong_type is not None
    assert (wrong_type.code, wrong_type.status) == ("SerializationException", 400)


def _replaced(client: Javascript, **replaced: str) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        client.ask(service="personalize", operation="ListSchemas", members={}, replaced=replaced)
    return caught.value


@pytest.mark.xdist_group("aws-cli")
def test_the_aws_cli_is_told_what_it_should_not_have_sent(live: Server, tmp_path: Path) -> None:
    """With a model of its own, in which there is one more operation, and one member has another type."""
    model = _model_of_nothing()
    folder = tmp_path / "models/personalize/2018-05-22"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps(model))
    with aws_cli(World(live)) as client:
        misled = AwsCli({**client.environment, "AWS_DATA_PATH": str(tmp_path / "models")})
        unknown = refusal(misled, "personalize", "ListNothing")
        wrong_type = refusal(misled, "personalize", "ListSchemas", maxResults="five")

    assert unknown is not None
    assert (unknown.code, unknown.status) == ("UnknownOperationException", 400)
    assert wrong_type is not None
    assert (wrong_type.code, wrong_type.status) == ("SerializationException", 400)


def _model_of_nothing() -> dict[str, Any]:
    loader = botocore.session.get_session().get_component("data_loader")
    model: dict[str, Any] = json.loads(json.dumps(loader.load_service_model("personalize", "service-2")))
    model["operations"]["ListNothing"] = model["operations"]["ListSchemas"] | {"name": "ListNothing"}
    model["shapes"]["Five"] = {"type": "string"}
    model["shapes"]["ListSchemasRequest"]["members"]["maxResults"] = {"shape": "Five"}
    return model
