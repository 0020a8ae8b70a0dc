"""Logs: JSON lines with the request's id, and nothing of what customers send."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.wire import authorization, request, target
from tests.conformance import generated
from tests.processes import serve_in_vain
from tests.world import Server, World, process_server

CANARY = "canary-5f1d3c"
SCHEMA = {
    "type": "record",
    "name": "Interactions",
    "namespace": "com.amazonaws.personalize.schema",
    "fields": [
        {"name": "USER_ID", "type": "string"},
        {"name": "ITEM_ID", "type": "string"},
        {"name": "EVENT_TYPE", "type": "string"},
        {"name": "TIMESTAMP", "type": "long"},
    ],
    "version": "1.0",
}


@pytest.fixture(scope="module")
def verbose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server that logs all that it can, on an address that others could reach."""
    folder = tmp_path_factory.mktemp("logs") / "data"
    with process_server(folder, log_level="debug", host="0.0.0.0", allow_remote=1) as server:
        yield server


def log_lines(server: Server) -> list[dict[str, Any]]:
    path: Path = server.settings.data_dir.parent / f"{server.settings.data_dir.name}.log"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_server_that_others_can_reach_warns_in_its_log(verbose: Server) -> None:
    warnings = [line for line in log_lines(verbose) if line["level"] == "warning"]

    assert any("not authenticated" in line["message"] and line["host"] == "0.0.0.0" for line in warnings)


def test_a_server_that_others_could_reach_does_not_start_unasked(tmp_path: Path) -> None:
    code, said = serve_in_vain(tmp_path, OPENPERSONALIZE_HOST="0.0.0.0")

    assert code != 0
    assert "OPENPERSONALIZE_ALLOW_REMOTE=1" in said


def test_a_line_of_the_log_has_the_id_of_its_request(verbose: Server) -> None:
    answer = target(verbose, "ListSchemas")

    lines = [line for line in log_lines(verbose) if line.get("operation") == "ListSchemas"]
    assert answer.headers["x-amzn-requestid"] in {line["requestId"] for line in lines}
    assert all(uuid.UUID(line["requestId"]) for line in lines)


def test_nothing_that_a_customer_sends_is_in_the_log(verbose: Server) -> None:
    members = ("userId", "itemId", "sessionId", "name", "schema", "inputList", "filterValues", "trackingId")
    bodies = [
        dict.fromkeys(members, CANARY),
        {member: {CANARY: CANARY} for member in members},
        {"eventList": [{"eventType": CANARY, "sentAt": 1, "itemId": CANARY, "properties": CANARY}]},
    ]
    secret = authorization(key=CANARY) + CANARY
    for operation in generated.operations():
        for body in bodies:
            text = json.dumps(body).encode()
            request(verbose, "POST", f"/{operation}", text, authorization=secret)
            request(verbose, "POST", f"/{operation}", text[:-1] + CANARY.encode(), authorization=secret)
    request(verbose, "GET", f"/{CANARY}?{CANARY}={CANARY}")
    request(verbose, "POST", "/", b"{}", x_amz_target=CANARY, content_type=CANARY)

    assert log_lines(verbose)
    assert CANARY not in json.dumps(log_lines(verbose))


def test_events_and_recommendations_leave_no_ids_in_the_log(verbose: Server) -> None:
    world = World(verbose)
    arn = world.personalize.create_schema(name="s", schema=json.dumps(SCHEMA))["schemaArn"]
    group = world.personalize.create_dataset_group(name="g")["datasetGroupArn"]
    world.wait(group)
    dataset = world.personalize.create_dataset(
        name="d", schemaArn=arn, datasetGroupArn=group, datasetType="Interactions"
    )["datasetArn"]
    world.wait(dataset)
    tracker = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)
    world.wait(tracker["eventTrackerArn"])
    world.events.put_events(
        trackingId=tracker["trackingId"],
        userId=CANARY,
        sessionId=CANARY,
        eventList=[{"eventType": CANARY, "itemId": CANARY, "sentAt": 1_700_000_000}],
    )

    assert CANARY not in json.dumps(log_lines(verbose))
    assert tracker["trackingId"] not in json.dumps(log_lines(verbose))
