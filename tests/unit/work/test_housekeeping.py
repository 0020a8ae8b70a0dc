"""Which files go, and when."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from openpersonalize.jobs.queue import files_prefix
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


def job(stores: Stores, kind: str, state: str) -> str:
    """A job; how the names of its folders begin."""
    row = JobRow(kind=kind, account="1", region="r", resource_arn="arn", state=state, created_at=5.0)
    with stores.database.write() as session:
        session.add(row)
        session.flush()
        return files_prefix(row.id, row.created_at)


def test_folders_that_no_row_names_go(stores: Stores) -> None:
    prefix = job(stores, "import-dataset", "failed")
    kept = generation(stores, f"{prefix}1", is_active=True)
    garbage = [folder(stores.generations / f"{prefix}2"), folder(stores.artifacts / f"{prefix}3")]

    assert sweep(stores) == 2
    assert kept.exists()
    assert not any(path.exists() for path in garbage)


def test_a_replaced_generation_goes_with_its_row(stores: Stores) -> None:
    prefix = job(stores, "import-dataset", "done")
    old = generation(stores, f"{prefix}old", is_active=False)
    new = generation(stores, f"{prefix}new", is_active=True)
    sweep(stores)

    assert (old.exists(), new.exists()) == (False, True)
    with stores.database.read() as session:
        assert list(session.scalars(select(GenerationRow.id))) == [new.name]


@pytest.mark.parametrize("name", ["999-5-1-a", "1-7-1-a", "1", "notes", "²-1", "9" * 30])
def test_folders_that_no_job_of_this_database_made_stay(stores: Stores, name: str) -> None:
    job(stores, "train-solution-version", "done")
    of_another_database = folder(stores.artifacts / name)

    assert sweep(stores) == 0
    assert of_another_database.exists()


@pytest.mark.parametrize("kind", ["train-solution-version", "import-dataset", "deploy-campaign"])
def test_nothing_goes_while_a_job_may_read_or_write_it(stores: Stores, kind: str) -> None:
    prefix = job(stores, kind, "running")
    old = generation(stores, f"{prefix}old", is_active=False)
    published = folder(stores.artifacts / f"{prefix}published-but-not-committed")

    assert sweep(stores) == 0
    assert old.exists()
    assert published.exists()
    with stores.database.write() as session:
        session.execute(update(JobRow).values(state="failed"))
    assert sweep(stores) == 2


def test_jobs_that_touch_no_files_hold_up_nothing(stores: Stores) -> None:
    old = generation(stores, f"{job(stores, 'import-dataset', 'done')}old", is_active=False)
    job(stores, "delete-campaign", "running")
    job(stores, "train-solution-version", "queued")
    sweep(stores)

    assert not old.exists()
