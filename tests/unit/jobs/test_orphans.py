"""Child processes end with their parents, and those that did not are found."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openpersonalize.jobs.orphans import RECORD, end_recorded_child, record_child
from tests.world import until

FOLLOWER = """
import os, sys, threading
from openpersonalize.jobs.orphans import follow_parent
follow_parent(int(sys.argv[1]))
print(os.getpid(), flush=True)
threading.Event().wait(120)
"""
PARENT = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid())])
child.wait()
"""


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(["sleep", "120"])
    yield process
    process.kill()
    process.wait()


def is_alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_recorded_child_is_killed(tmp_path: Path, sleeper: "subprocess.Popen[bytes]") -> None:
    record_child(tmp_path, sleeper.pid)

    assert end_recorded_child(tmp_path)
    assert sleeper.wait(30) == -signal.SIGKILL


def test_another_process_of_the_same_number_is_left_alone(
    tmp_path: Path, sleeper: "subprocess.Popen[bytes]"
) -> None:
    record_child(tmp_path, sleeper.pid)
    record = json.loads((tmp_path / RECORD).read_text())
    (tmp_path / RECORD).write_text(json.dumps(record | {"identity": record["identity"] + "1"}))

    assert not end_recorded_child(tmp_path)
    assert sleeper.poll() is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "x", "identity": "y"}'])
def test_a_record_that_cannot_be_read_ends_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / RECORD).write_text(text)

    assert not end_recorded_child(tmp_path)


def test_a_child_that_has_ended_is_no_error(tmp_path: Path, sleeper: "subprocess.Popen[bytes]") -> None:
    record_child(tmp_path, sleeper.pid)
    sleeper.kill()
    sleeper.wait()

    assert not end_recorded_child(tmp_path)


def test_a_folder_that_is_gone_cannot_be_recorded_in(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        record_child(tmp_path / "gone", os.getpid())


def test_a_child_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, FOLLOWER], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_alive(child)

    parent.kill()
    parent.wait()

    until(lambda: not is_alive(child), "the child has ended")


def test_a_child_whose_parent_is_gone_already_ends_at_once() -> None:
    child = subprocess.run(
        [sys.executable, "-c", FOLLOWER, "1999999"], stdout=subprocess.PIPE, timeout=30, check=False
    )

    assert child.stdout == b""
