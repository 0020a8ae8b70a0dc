"""One walk through all operations: each does what it says it does, or says that it does not yet."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from docs.generator.walk import WALK, Step

from openpersonalize.protocol.rest import PATHS
from openpersonalize.roles.unfinished import FAILING, NOT_WORKING, WITHOUT_EFFECT
from tests.answer_rules import check_model
from tests.api.wire import authorization
from tests.conformance.generated import operations
from tests.world import Server, World, until

# One process of the test run: its tests share the walk.
pytestmark = pytest.mark.xdist_group("walk")

NOT_BUILT = "not built yet"


@dataclass
class Walker:
    """Takes the steps, and notes which operations succeeded and which said that they are not built."""

    world: World
    variables: dict[str, str]
    succeeded: set[str] = field(default_factory=set)
    unbuilt: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def take(self, step: Step) -> None:
        """Send a step's request and hold the answer against what must come of it."""
        if step.until or step.is_repeated_until_refused:
            self.world.settle()
        answer = self.send(step)
        document = json.loads(answer.content) if answer.content else {}
        check_model(operations()[step.operation], {"status_code": answer.status_code, "body": answer.content})
        if answer.status_code == 200:
            self.succeeded.add(step.operation)
        elif document["message"].startswith(NOT_BUILT):
            self.unbuilt.add(step.operation)
        self.wrong += [f"{step.operation}: {text}" for text in self.faults(step, answer, document)]
        for name, path in step.saves.items():
            self.variables[name] = str(member(document, path))

    def faults(self, step: Step, answer: httpx.Response, document: Mapping[str, Any]) -> list[str]:
        """What is not as the step says."""
        if step.refused:
            is_refused = answer.status_code in (400, 404) and document["__type"] == step.refused
            return [] if is_refused else [f"{answer.status_code} {answer.text}"]
        if answer.status_code != 200:
            return [f"{answer.status_code} {answer.text}"]
        if step.until is None:
            return []
        path, wanted = step.until
        [resource] = document.values()
        if str(resource.get("failureReason")).startswith(NOT_BUILT):
            self.unbuilt.add(step.operation.replace("Describe", "Create"))
        return [] if member(document, path) == wanted else [f"{path} is not {wanted}: {document}"]

    def send(self, step: Step) -> httpx.Response:
        """One request at the operation's real place, with the variables filled in."""
        text = json.dumps(step.body).replace('"{{$timestamp}}"', "1700000000")
        text = re.sub(r"\{\{(\w+)\}\}", lambda found: self.variables[found[1]], text)
        headers = {"authorization": authorization(key=self.world.account)}
        headers["content-type"] = "application/json"
        path = PATHS.get(step.operation, "/")
        if path == "/":
            headers["content-type"] = "application/x-amz-json-1.1"
            headers["x-amz-target"] = f"AmazonPersonalize.{step.operation}"
        return self.world.http.post(path, content=text, headers=headers)


def member(document: Any, path: str) -> Any:
    """What stands at a path in an answer; None where there is nothing."""
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def interactions(n_users: int = 60, each: int = 20) -> str:
    """The file that the walk imports."""
    lines = ["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE"]
    for user in range(n_users):
        lines += [
            f"{user},{(place * place + user % 7) % 30 + 1},{1_600_000_000 + place},View,"
            for place in range(each)
        ]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def walker(server: Server) -> Walker:
    """Who has taken the whole walk."""
    world = World(server)
    location = world.upload(interactions(), "interactions.csv")
    bucket = location.removeprefix("s3://").partition("/")[0]
    walker = Walker(world, {"run": "1", "bucket": bucket})
    for chapter in WALK:
        for step in chapter.steps:
            walker.take(step)
    return walker


def test_every_step_of_the_walk_comes_out_as_it_says(walker: Walker) -> None:
    assert walker.wrong == []


def test_the_walk_leads_through_every_operation() -> None:
    walked = {step.operation for chapter in WALK for step in chapter.steps}

    assert walked == operations().keys()


def test_what_is_said_not_to_work_is_just_what_does_not(walker: Walker) -> None:
    assert walker.unbuilt == FAILING.keys()
    assert walker.succeeded >= operations().keys() - NOT_WORKING.keys()
    assert walker.succeeded >= WITHOUT_EFFECT.keys()
    assert not FAILING.keys() & WITHOUT_EFFECT.keys()


def test_the_walk_leaves_nothing_behind(walker: Walker) -> None:
    client = walker.world.personalize
    until(lambda: not client.list_dataset_groups()["datasetGroups"], "the groups are gone")

    assert client.list_schemas()["schemas"] == []
    assert client.list_solutions()["solutions"] == []
