"""Bodies that nobody meant to send: whatever is in them, no operation answers with a fault of ours."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openpersonalize.control import service
from openpersonalize.protocol.rest import PATHS
from tests.api.wire import authorization
from tests.world import Server, World

OPERATIONS = sorted([*(operation.name for operation in service.operations), *PATHS])
TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "",
        "\0",
        "\ud800",
        "a" * 300,
        "arn:aws:personalize:us-east-1:000000000000:campaign/x",
        "$LATEST",
        "{}",
        "[]",
        "∞",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from([2**31, 2**63, -1, 0, 1e308, 10**400])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


BUILT_FIRST = ("CreateSchema", "CreateDatasetGroup", "CreateDataset", "CreateEventTracker", "CreateSolution")


@pytest.fixture(scope="module")
def world(server: Server) -> World:
    """An account of this module's own."""
    return World(server)


@pytest.fixture(scope="module")
def examples(world: World) -> dict[str, dict[str, Any]]:
    """A valid request of each operation, about things of which the first exist."""
    text = world.http.get("/openapi.json").text.replace("000000000000", world.account)
    found = {
        path.removeprefix("/"): entry["post"]["requestBody"]["content"]["application/json"]["example"]
        for path, entry in json.loads(text)["paths"].items()
    }
    for operation in BUILT_FIRST:
        assert send(world, operation, found[operation]).status_code == 200, operation
        world.settle()
    return found


def send(world: World, operation: str, body: dict[str, Any]) -> httpx.Response:
    headers = {"authorization": authorization(key=world.account)}
    return world.http.post(f"/{operation}", content=json.dumps(body).encode(), headers=headers)


@pytest.fixture(scope="module")
def members(world: World) -> dict[str, list[str]]:
    """The members of each operation's request."""
    document = world.http.get("/openapi.json").json()
    found = {}
    for path, entry in document["paths"].items():
        reference = entry["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        shape = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
        found[path.removeprefix("/")] = sorted(shape.get("properties", {"none": {}}))
    return found


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_body_makes_a_fault(
    world: World, operation: str, examples: dict[str, dict[str, Any]], members: dict[str, list[str]]
) -> None:
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.dictionaries(st.sampled_from(members[operation]), VALUES, min_size=1, max_size=4))
    def send_changed(changed: dict[str, Any]) -> None:
        answer = send(world, operation, examples[operation] | changed)

        assert answer.status_code < 500, (changed, answer.text)
        assert answer.headers["x-amzn-requestid"]

    send_changed()
