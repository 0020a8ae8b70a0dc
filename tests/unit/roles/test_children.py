"""Children of the supervisor: started with the same settings, again when they die, and given up in time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import openpersonalize
from openpersonalize.roles.children import MAX_FAILED_STARTS, Child, ChildCannotStartError, environment_of
from openpersonalize.settings import NAMES, Settings, load_settings
from tests.processes import kill
from tests.world import until

SLEEPER = "tests.unit.roles.sleeper"


def test_a_child_reads_the_settings_that_its_parent_has(tmp_path: Path) -> None:
    s3 = {"object_store": "s3", "s3_endpoint_url": "http://127.0.0.1:9000", "s3_buckets": "shop,films"}
    flags = {"port": 9, "data_dir": tmp_path, "allow_remote": True, "lease_s": 1.5} | s3
    flags |= {"memory_limit": "4GiB", "sentence_model": "folder"}
    settings = load_settings(flags | {"database_url": "sqlite:///x"}, {})

    read = load_settings(environment=environment_of(settings))

    assert read == settings
    assert {read.sources[name] for name in NAMES} == {"environment"}


def test_a_child_that_never_starts_is_given_up_with_a_message() -> None:
    child = Child("worker 1", "openpersonalize.no_such_module", [], environment_of(Settings()))

    with pytest.raises(ChildCannotStartError) as refusal:
        until(lambda: child.look() and False, "it is given up", 60)

    assert "The worker 1 process cannot start" in str(refusal.value)
    assert child.failures == MAX_FAILED_STARTS


def test_a_child_that_is_killed_is_started_again_as_often_as_it_takes() -> None:
    child = Child("reader", SLEEPER, [], environment_of(Settings()))
    for _ in range(MAX_FAILED_STARTS + 1):
        until(lambda: child.look() is None and child.process, "it runs")
        assert child.process is not None
        killed = child.process.pid
        kill(killed)

        assert until(child.look, "its death is seen") == killed

    assert child.failures == 0


API_PROCESS = """
import pathlib, sys, tempfile
from openpersonalize.roles.api_child import load_settings
from openpersonalize.roles.api import build_api, open_stores
settings = load_settings({"data_dir": tempfile.mkdtemp(dir=sys.argv[1])})
assert settings.object_store == "s3"
build_api(settings, open_stores(settings.data_dir, settings.database))
print(*sys.modules)
"""


def test_an_api_process_loads_no_sdk_and_no_training_library(tmp_path: Path) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", API_PROCESS, str(tmp_path)],
        env=os.environ | {"OPENPERSONALIZE_S3_ENDPOINT_URL": "http://127.0.0.1:9000"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "openpersonalize.runtime.endpoints" in loaded.stdout.split()
    assert not {"boto3", "botocore", "implicit", "polars", "pandas"} & set(loaded.stdout.split())


def test_no_request_reads_or_writes_an_object() -> None:
    sources = [
        path
        for part in ("control", "events", "runtime", "protocol")
        for path in (Path(openpersonalize.__file__).parent / part).glob("**/*.py")
    ]

    assert len(sources) > 30
    assert [path.name for path in sources if "stores.objects" in path.read_text(encoding="utf-8")] == []
