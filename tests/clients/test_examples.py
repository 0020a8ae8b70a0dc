"""The examples for Node.js and Postman run as their readers would run them."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from docs.generator.walk import WALK

from openpersonalize.cli.environment import exports
from tests.api.test_walk import interactions
from tests.clients.foreign import JAVASCRIPT, REMEDY
from tests.conformance.generated import operations
from tests.world import REGION, Server, World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("examples")]

EXAMPLES = Path(__file__).parents[2] / "examples"
MODULES = JAVASCRIPT / "node_modules"


def run(*words: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of Node.js."""
    assert MODULES.exists(), f"There is no {MODULES}: {REMEDY}."
    return subprocess.run(
        words,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_quick_start_for_javascript_runs(live: Server, tmp_path: Path) -> None:
    (tmp_path / "quickstart.mjs").write_text((EXAMPLES / "quickstart.mjs").read_text())
    (tmp_path / "node_modules").symlink_to(MODULES)
    script = tmp_path / "quickstart.mjs"
    ended = run("node", script, live.settings.data_dir, **exports(live.url, REGION))

    assert ended.returncode == 0, ended.stderr
    user, newcomer, after = ended.stdout.splitlines()[-3:]
    assert user.count("poetry") == 5
    assert newcomer.startswith("newcomer: ")
    assert after.count("bicycle") == 5


def test_the_postman_collection_passes(live: Server, tmp_path: Path) -> None:
    world = World(live)
    bucket = world.upload(interactions(), "interactions.csv").removeprefix("s3://").partition("/")[0]
    report = tmp_path / "report.json"
    variables = {"url": live.url, "accessKey": world.account, "bucket": bucket}
    ended = run(
        *(MODULES / ".bin/newman", "run", EXAMPLES / "postman.json"),
        *(word for pair in variables.items() for word in ("--env-var", "=".join(pair))),
        *("--bail", "--reporters", "cli,json", "--reporter-json-export", report, "--color", "off"),
    )

    assert ended.returncode == 0, ended.stdout[-4000:]
    done = json.loads(report.read_text())["run"]
    assert done["failures"] == []
    assert {_operation(execution) for execution in done["executions"]} == operations().keys()
    n_steps = sum(len(chapter.steps) for chapter in WALK)
    # Each step has a test; those that are sent again have it in the end alone.
    assert done["stats"]["assertions"] == {"total": n_steps, "pending": 0, "failed": 0}
    assert world.personalize.list_dataset_groups()["datasetGroups"] == []


def _operation(execution: dict[str, Any]) -> str:
    return str(execution["item"]["name"]).partition(",")[0]
