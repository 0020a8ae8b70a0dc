"""A bucket for each test."""

from pathlib import Path

import pytest

from tests.unit.work.files import Bucket


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    """An empty bucket in a folder of its own."""
    return Bucket(tmp_path)
