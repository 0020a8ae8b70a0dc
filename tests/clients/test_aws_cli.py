"""What only the AWS CLI does: options from files and in shorthand, and lists that it cuts by itself."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.foreign import AwsCli, aws_cli, wait
from tests.world import FIELDS, Server, World, plain_interactions

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("aws-cli")]


@pytest.fixture
def owner(live: Server) -> World:
    return World(live)


@pytest.fixture
def aws(owner: World) -> Iterator[AwsCli]:
    with aws_cli(owner) as client:
        yield client


def test_options_take_files_and_shorthand(aws: AwsCli, owner: World, tmp_path: Path) -> None:
    record = {"type": "record", "name": "Interactions", "namespace": "com.amazonaws.personalize.schema"}
    document = tmp_path / "schema.json"
    document.write_text(json.dumps(record | {"fields": FIELDS["Interactions"], "version": "1.0"}, indent=2))
    words = ("create-schema", "--name", "from-a-file", "--schema", f"file://{document}")
    schema = aws.run("personalize", *words)["schemaArn"]
    group = owner.personalize.create_dataset_group(name="store")["datasetGroupArn"]
    wait(aws, "DescribeDatasetGroup", datasetGroupArn=group)
    dataset = aws.run(
        *("personalize", "create-dataset", "--name", "interactions", "--dataset-type", "Interactions"),
        *("--dataset-group-arn", group, "--schema-arn", schema, "--tags", "tagKey=team,tagValue=films"),
    )["datasetArn"]
    wait(aws, "DescribeDataset", datasetArn=dataset)
    job = aws.run(
        *("personalize", "create-dataset-import-job", "--job-name", "first", "--dataset-arn", dataset),
        *("--data-source", f"dataLocation={owner.upload(plain_interactions())}"),
        *("--role-arn", "arn:aws:iam::000000000000:role/reader"),
    )["datasetImportJobArn"]

    assert wait(aws, "DescribeDatasetImportJob", datasetImportJobArn=job)["status"] == "ACTIVE"
    shown = owner.personalize.describe_schema(schemaArn=schema)["schema"]
    assert shown["schema"] == document.read_text()


def test_a_list_is_cut_and_continued_by_the_command(aws: AwsCli, owner: World) -> None:
    arns = [owner.schema() for _ in range(5)]
    words = ("personalize", "list-schemas", "--page-size", "2", "--max-items", "3")
    first = aws.run(*words)
    second = aws.run(*words, "--starting-token", str(first["NextToken"]))

    found = [schema["schemaArn"] for page in (first, second) for schema in page["schemas"]]
    assert sorted(found) == sorted(arns)
    assert "NextToken" not in second


def test_a_query_selects_what_is_printed(aws: AwsCli, owner: World) -> None:
    arn = owner.schema(name="wanted")
    owner.schema(name="unwanted")

    query = "schemas[?name=='wanted'].schemaArn | {found: @}"
    assert aws.run("personalize", "list-schemas", "--query", query) == {"found": [arn]}
