"""A client that did not get the answer of a Create asks again, and gets it: nothing is made twice."""

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, get_args

import boto3
import httpx
import pytest
from botocore import xform_name
from botocore.config import Config

from openpersonalize.control import service
from tests.api.conftest import TrainedStore
from tests.api.creates import CREATE
from tests.databases import new_database
from tests.dropping_proxy import DroppingProxy, dropping_first_answers
from tests.log_watch import SECRET
from tests.world import Server, World, process_server, running_server

Mode = Literal["legacy", "standard", "adaptive"]
SCHEMA = json.dumps(
    {
        "type": "record",
        "name": "Users",
        "namespace": "com.amazonaws.personalize.schema",
        "fields": [{"name": "USER_ID", "type": "string"}, {"name": "AGE", "type": "int"}],
        "version": "1.0",
    }
)
CREATES = sorted(each.name for each in service.operations if each.name.startswith("Create"))


@pytest.fixture(scope="module")
def proxy(server: Server) -> Iterator[DroppingProxy]:
    with dropping_first_answers(server.url) as proxy:
        yield proxy


def retrying(proxy: DroppingProxy, world: World, mode: Mode = "standard") -> Any:
    """A boto3 client that sends again, through the proxy."""
    return boto3.client(
        "personalize",
        endpoint_url=proxy.url,
        region_name=world.region,
        aws_access_key_id=world.account,
        aws_secret_access_key=SECRET,
        config=Config(retries={"total_max_attempts": 3, "mode": mode}),
    )


def rows_made(world: World, operation: str) -> int:
    """How many resources of the operation's kind the account has."""
    noun = operation.removeprefix("Create")
    listed = getattr(world.personalize, xform_name(f"List{noun}s"))()
    return len(next(rows for rows in listed.values() if isinstance(rows, list)))


@pytest.mark.parametrize("operation", CREATES)
def test_a_create_whose_answer_was_lost_succeeds_when_it_is_sent_again(
    trained: TrainedStore, proxy: DroppingProxy, operation: str
) -> None:
    request = CREATE[operation](trained, f"once-{operation}".lower())
    before = rows_made(trained.world, operation)

    answer = getattr(retrying(proxy, trained.world), xform_name(operation))(**request)

    trained.world.settle()
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    assert rows_made(trained.world, operation) == before + 1


@pytest.mark.parametrize("mode", get_args(Mode))
def test_each_retry_mode_of_boto3_gets_the_first_answer(
    world: World, proxy: DroppingProxy, mode: Mode
) -> None:
    answer = retrying(proxy, world, mode).create_dataset_group(name="once")

    assert answer["datasetGroupArn"] == world.arn("dataset-group", "once")
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1


def post(world: World, invocation: str, **body: Any) -> httpx.Response:
    """CreateDatasetGroup as an SDK sends it, for the account of unsigned requests."""
    headers = {"content-type": "application/json"}
    if invocation:
        headers["amz-sdk-invocation-id"] = invocation
    return world.http.post("/CreateDatasetGroup", content=json.dumps(body), headers=headers)


def new_name() -> str:
    return f"group-{uuid.uuid4().hex}"


def test_the_same_invocation_with_another_body_is_another_request(world: World) -> None:
    invocation, name = str(uuid.uuid4()), new_name()
    first = post(world, invocation, name=name)
    changed = post(world, invocation, name=name, domain="ECOMMERCE")
    again = post(world, invocation, name=name)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert changed.status_code == 400
    assert changed.json()["__type"] == "ResourceAlreadyExistsException"


@pytest.mark.parametrize("invocations", [("", ""), ("one", "two"), ("one", "")])
def test_another_invocation_of_the_same_body_finds_the_name_taken(
    world: World, invocations: tuple[str, str]
) -> None:
    name = new_name()
    first, second = (
        post(world, invocation and f"{invocation}-{name}", name=name) for invocation in invocations
    )

    assert first.status_code == 200
    assert second.json()["__type"] == "ResourceAlreadyExistsException"


def test_an_invocation_of_another_account_is_another_request(world: World) -> None:
    elsewhere = World(world.server)
    with dropping_first_answers(world.server.url) as proxy:
        retrying(proxy, world).create_dataset_group(name="shared")
        (invocation,) = proxy.sent
    answers = []
    for owner in (world, elsewhere):
        answers.append(sending(owner, invocation).create_dataset_group(name="shared")["datasetGroupArn"])

    assert answers == [owner.arn("dataset-group", "shared") for owner in (world, elsewhere)]


def test_an_invocation_of_another_region_is_another_request(world: World) -> None:
    elsewhere, invocation = world.elsewhere(region="eu-west-1"), str(uuid.uuid4())
    made = [
        sending(owner, invocation).create_dataset_group(name="shared")["datasetGroupArn"]
        for owner in (world, elsewhere)
    ]

    assert made == [owner.arn("dataset-group", "shared") for owner in (world, elsewhere)]


def test_an_invocation_of_another_operation_is_another_request(world: World) -> None:
    """Unknown members are ignored, so one body can be good for two operations."""
    name, headers = new_name(), {"amz-sdk-invocation-id": str(uuid.uuid4())}
    body = {"name": name, "schema": SCHEMA}
    first, second = (
        world.http.post(f"/{operation}", json=body, headers=headers).json()
        for operation in ("CreateDatasetGroup", "CreateSchema")
    )

    assert first["datasetGroupArn"].endswith(f":dataset-group/{name}")
    assert second["schemaArn"].endswith(f":schema/{name}")


def test_what_is_no_create_is_done_again(world: World) -> None:
    created = world.http.post("/CreateSchema", json={"name": new_name(), "schema": SCHEMA}).json()
    headers = {"amz-sdk-invocation-id": str(uuid.uuid4())}
    first, again = (world.http.post("/DeleteSchema", json=created, headers=headers) for _ in range(2))

    assert first.status_code == 200
    assert again.json()["__type"] == "ResourceNotFoundException"


def sending(world: World, invocation: str) -> Any:
    """A client all of whose requests are of one invocation."""
    client = world.server.client("personalize", world.account, world.region)
    client.meta.events.register(
        "before-send.personalize.*",
        lambda request, **_: request.headers.__setitem__("amz-sdk-invocation-id", invocation),
    )
    return client


def test_versions_that_are_asked_for_at_the_same_time_are_one(trained: TrainedStore) -> None:
    """They have no name that is taken: nothing but the kept answer says that they are one."""
    world = trained.world
    solution = world.solution(trained.group)
    client = sending(world, str(uuid.uuid4()))
    with ThreadPoolExecutor(6) as threads:
        answers = threads.map(lambda _: client.create_solution_version(solutionArn=solution), range(6))
        made = {answer["solutionVersionArn"] for answer in answers}
    world.settle()
    listed = world.personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]

    assert made == {version["solutionVersionArn"] for version in listed}
    assert len(made) == 1


def test_an_error_is_not_kept(world: World) -> None:
    invocation, name = str(uuid.uuid4()), new_name()
    refused = post(world, invocation, name=name, roleArn="arn:aws:iam::000000000000:role/x")
    taken = post(world, "", name=name)
    assert refused.json()["__type"] == "InvalidInputException"
    assert taken.status_code == 200

    delete = {"datasetGroupArn": taken.json()["datasetGroupArn"]}
    world.settle()
    world.http.post("/DeleteDatasetGroup", json=delete)
    world.settle()
    again = post(world, invocation, name=name, roleArn="arn:aws:iam::000000000000:role/x")

    assert again.json() == refused.json()


def test_repetitions_at_the_same_time_all_get_the_first_answer(world: World) -> None:
    invocation, name = str(uuid.uuid4()), new_name()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: post(world, invocation, name=name), range(8)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_the_first_answer_survives_that_the_server_is_killed(tmp_path: Path) -> None:
    invocation, name = str(uuid.uuid4()), new_name()
    with new_database() as url:
        with process_server(tmp_path / "data", database_url=url, workers=0) as server:
            first = post(World(server), invocation, name=name)
            assert server.process is not None
            server.process.kill()
        with running_server(tmp_path / "data", url) as server:
            again = post(World(server), invocation, name=name)

    assert first.status_code == 200
    assert (again.status_code, again.json()) == (200, first.json())
