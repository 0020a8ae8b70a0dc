"""Which files go, and when."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from openpersonalize.storage.migrations import upgrade
from openpersonalize.storage.stores import Stores, open_stores
from openpersonalize.storage.tables import GenerationRow, JobRow
from openpersonalize.work.housekeeping import sweep


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    url = f"sqlite:///{tmp_path / 'database.sqlite3'}"
    upgrade(url)
    opened = open_stores(tmp_path, url)
    yield opened
    opened.database.dispose()


def generation(stores: Stores, name: str, *, is_active: bool) -> Path:
    """A generation with a row."""
    row = GenerationRow(
        id=name,
        dataset_id=1,
        job_arn="job",
        mode="FULL",
        position=0,
        active=is_active,
        rows=1,
        counts={},
        created_at=0.0,
    )
    with stores.database.write() as session:
        session.add(row)
    return folder(stores.generations / name)


def folder(path: Path) -> Path:
    path.mkdir()
    (path / "manifest.json").write_text("{}")
    return path


def job(stores: Stores, kind: str, state: str) -> None:
    row = JobRow(
        kind=kind, account="1", region="r", resource_arn="arn", payload={}, state=state, created_at=0.0
    )
    with stores.database.write() as session:
        session.add(row)


def test_folders_that_no_row_names_go(stores: Stores) -> None:
    kept = generation(stores, "named", is_active=True)
    garbage = [folder(stores.generations / "of-a-crash"), folder(stores.artifacts / "of-a-crash")]

    assert sweep(stores) == 2
    assert kept.exists()
    assert not any(path.exists() for path in garbage)


def test_a_replaced_generation_goes_with_its_row(stores: Stores) -> None:
    old, new = generation(stores, "old", is_active=False), generation(stores, "new", is_active=True)
    sweep(stores)

    assert (old.exists(), new.exists()) == (False, True)
    with stores.database.read() as session:
        assert list(session.scalars(select(GenerationRow.id))) == ["new"]


@pytest.mark.parametrize("kind", ["train-solution-version", "import-dataset", "deploy-campaign"])
def test_nothing_goes_while_a_job_may_read_or_write_it(stores: Stores, kind: str) -> None:
    old = generation(stores, "old", is_active=False)
    published = folder(stores.artifacts / "published-but-not-committed")
    job(stores, kind, "running")

    assert sweep(stores) == 0
    assert old.exists()
    assert published.exists()
    with stores.database.write() as session:
        session.execute(update(JobRow).values(state="failed"))
    assert sweep(stores) == 2


def test_jobs_that_touch_no_files_hold_up_nothing(stores: Stores) -> None:
    old = generation(stores, "old", is_active=False)
    job(stores, "delete-campaign", "running")
    job(stores, "train-solution-version", "queued")
    sweep(stores)

    assert not old.exists()
