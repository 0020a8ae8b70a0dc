"""A data directory takes one `serve`, and says who has it."""

import os
from pathlib import Path

import pytest

from openpersonalize.roles.lock import DataDirectoryLock
from openpersonalize.settings import SettingsError


def test_the_second_is_refused_and_told_who_has_the_directory(tmp_path: Path) -> None:
    lock = DataDirectoryLock(tmp_path, "serve")
    with pytest.raises(SettingsError) as refusal:
        DataDirectoryLock(tmp_path, "serve")
    lock.close()

    assert f"{tmp_path} is in use by process {os.getpid()} on " in str(refusal.value)
    assert "--data-dir" in str(refusal.value)


def test_a_lock_that_was_given_back_can_be_taken(tmp_path: Path) -> None:
    DataDirectoryLock(tmp_path, "serve").close()

    DataDirectoryLock(tmp_path, "serve").close()


def test_workers_may_run_beside_a_server(tmp_path: Path) -> None:
    server = DataDirectoryLock(tmp_path, "serve")

    DataDirectoryLock(tmp_path, "work").close()

    server.close()


def test_a_directory_that_cannot_be_made_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match="cannot be written"):
        DataDirectoryLock(tmp_path / "file" / "data", "serve")
