"""Which files and rows go, and when."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from openpersonalize.jobs.queue import files_prefix
from openpersonalize.storage.log_tables import EventRow, RecordRow, ShownListRow
from openpersonalize.storage.objects import UPLOADS
from openpersonalize.storage.shown import KEPT_S
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import (
    AnswerRow,
    Base,
    DatasetGroupRow,
    DatasetRow,
    GenerationRow,
    JobRow,
    RecommenderRow,
    SchemaRow,
)
from openpersonalize.work.housekeeping import ANSWERS_KEPT_S, GRACE_S, MARK, UPLOADS_KEPT_S, collect
from tests.queue_bench import Bench, TestClock


@pytest.fixture
def stores(bench: Bench) -> Stores:
    return bench.stores


@pytest.fixture
def clock(bench: Bench) -> TestClock:
    return bench.clock


def collect_later(stores: Stores, clock: TestClock) -> int:
    """Look, and look again when the grace is over; says what went at the second look."""
    assert collect(stores) == 0
    clock.now += GRACE_S
    return collect(stores)


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
    add(stores, row)
    return folder(stores.generations / name)


def add(stores: Stores, *rows: Base) -> None:
    with stores.database.write() as session:
        for row in rows:
            session.add(row)
            session.flush()


def folder(path: Path) -> Path:
    path.mkdir()
    (path / "manifest.json").write_text("{}")
    return path


def job(stores: Stores, state: str, *, attempt: int = 1) -> str:
    """A job; how the names of its folders begin."""
    row = JobRow(
        kind="import-dataset",
        account="1",
        region="r",
        resource_arn="arn",
        state=state,
        attempt=attempt,
        created_at=5.0,
    )
    add(stores, row)
    return files_prefix(row.id, row.created_at)


def all_jobs_are(stores: Stores, state: str) -> None:
    with stores.database.write() as session:
        session.execute(update(JobRow).values(state=state))


def test_folders_that_no_row_names_go(stores: Stores, clock: TestClock) -> None:
    prefix = job(stores, "failed")
    kept = generation(stores, f"{prefix}1", is_active=True)
    garbage = [folder(stores.generations / f"{prefix}2"), folder(stores.artifacts / f"{prefix}3")]

    assert collect_later(stores, clock) == 2
    assert kept.exists()
    assert not any(path.exists() for path in garbage)
    assert list(stores.scratch.iterdir()) == []


def test_nothing_goes_before_the_grace_is_over(stores: Stores, clock: TestClock) -> None:
    unnamed = folder(stores.artifacts / f"{job(stores, 'done')}1")
    clock.now += 100 * GRACE_S
    collect(stores)
    clock.now += GRACE_S - 1
    collect(stores)
    is_there_before = unnamed.exists()
    clock.now += 1
    collect(stores)

    assert is_there_before
    assert not unnamed.exists()


def test_a_replaced_generation_goes_with_its_row(stores: Stores, clock: TestClock) -> None:
    prefix = job(stores, "done")
    old = generation(stores, f"{prefix}old", is_active=False)
    new = generation(stores, f"{prefix}new", is_active=True)
    collect_later(stores, clock)

    assert (old.exists(), new.exists()) == (False, True)
    with stores.database.read() as session:
        assert list(session.scalars(select(GenerationRow.id))) == [new.name]


@pytest.mark.parametrize("name", ["999-5-1-a", "1-7-1-a", "1", "notes", "²-1", "9" * 30])
def test_folders_that_no_job_of_this_database_made_stay(stores: Stores, clock: TestClock, name: str) -> None:
    job(stores, "done")
    of_another_database = folder(stores.artifacts / name)

    assert collect_later(stores, clock) == 0
    assert [path.name for path in of_another_database.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("state", ["queued", "running"])
def test_what_an_unfinished_job_has_published_stays(stores: Stores, clock: TestClock, state: str) -> None:
    published = folder(stores.artifacts / f"{job(stores, state)}published-but-not-committed")

    assert collect_later(stores, clock) == 0
    assert published.exists()
    all_jobs_are(stores, "failed")
    assert collect_later(stores, clock) == 1


def test_what_a_job_may_be_reading_stays_until_it_has_ended(stores: Stores, clock: TestClock) -> None:
    old = generation(stores, f"{job(stores, 'done')}old", is_active=False)
    job(stores, "running")

    assert collect_later(stores, clock) == 0
    with stores.database.write() as session:
        session.execute(update(JobRow).where(JobRow.state == "running").values(state="done"))
    job(stores, "running")  # it began later than the mark
    collect(stores)

    assert not old.exists()


def test_an_attempt_that_began_anew_reads_what_is_named_then(stores: Stores, clock: TestClock) -> None:
    old = generation(stores, f"{job(stores, 'done')}old", is_active=False)
    job(stores, "running", attempt=1)
    collect(stores)
    with stores.database.write() as session:
        session.execute(update(JobRow).where(JobRow.state == "running").values(attempt=2))
    clock.now += GRACE_S
    collect(stores)

    assert not old.exists()


def test_the_model_of_a_recommender_stays_until_another_one_serves(
    stores: Stores, clock: TestClock, bench: Bench
) -> None:
    prefix = job(stores, "done")
    old, new = folder(stores.artifacts / f"{prefix}old"), folder(stores.artifacts / f"{prefix}new")
    group = DatasetGroupRow(**bench.identity("dataset-group", "g"))
    recommender = RecommenderRow(
        **bench.identity("recommender", "r"),
        dataset_group_arn=group.arn,
        recipe_arn="recipe",
        artifact_id=old.name,
        recommendation_cid="cid",
    )
    add(stores, group, recommender)
    assert collect_later(stores, clock) == 1
    assert old.exists()
    assert not new.exists()
    newer = folder(stores.artifacts / f"{prefix}newer")
    with stores.database.write() as session:
        session.execute(update(RecommenderRow).values(artifact_id=newer.name))

    assert collect_later(stores, clock) == 1
    assert (old.exists(), newer.exists()) == (False, True)


def test_nodes_that_share_a_database_leave_each_other_alone(
    stores: Stores, clock: TestClock, tmp_path: Path
) -> None:
    other = replace(stores, data_dir=tmp_path / "other")
    for place in (other.generations, other.artifacts, other.scratch):
        place.mkdir(parents=True)
    prefix = job(stores, "done")
    here = generation(stores, f"{prefix}here", is_active=True)
    there = generation(other, f"{prefix}there", is_active=True)
    unnamed = folder(other.artifacts / f"{prefix}unnamed")
    collect_later(stores, clock)
    collect_later(stores, clock)
    untouched = sorted(path.name for path in unnamed.iterdir())
    collect_later(other, clock)

    assert here.exists()
    assert there.exists()
    assert untouched == ["manifest.json"]
    assert not unnamed.exists()


@pytest.mark.parametrize("content", ["", "{", '{"since": "x"}', '{"since": 9e99, "readers": []}'])
def test_a_mark_that_says_nothing_is_made_anew(stores: Stores, clock: TestClock, content: str) -> None:
    unnamed = folder(stores.artifacts / f"{job(stores, 'done')}1")
    (unnamed / MARK).write_text(content)

    assert collect_later(stores, clock) == 1


def test_scratch_folders_of_dead_jobs_go_at_once(stores: Stores) -> None:
    dead = folder(stores.scratch / f"{job(stores, 'failed')}1")
    earlier = folder(stores.scratch / f"{job(stores, 'running', attempt=2)}1")
    living = folder(stores.scratch / f"{job(stores, 'running', attempt=2)}2")
    trash = folder(stores.scratch / ".trash-1")
    collect(stores)

    assert [path.exists() for path in (dead, earlier, living, trash)] == [False, False, True, False]


def test_uploads_that_were_broken_off_go_after_a_day(stores: Stores, clock: TestClock) -> None:
    uploads = stores.data_dir / "buckets" / UPLOADS
    uploads.mkdir()
    broken, fresh = uploads / "broken", uploads / "fresh"
    for path, age_s in ((broken, UPLOADS_KEPT_S + 1), (fresh, UPLOADS_KEPT_S - 1)):
        path.write_text("half")
        os.utime(path, (clock.now - age_s, clock.now - age_s))
    with stores.objects.write("s3://shop/file.csv") as file:
        file.write(b"whole")
    clock.now += 0.5
    collect(stores)

    assert (broken.exists(), fresh.exists()) == (False, True)
    assert stores.objects.exists("s3://shop/file.csv")


def test_answers_are_kept_for_an_hour(stores: Stores, clock: TestClock) -> None:
    ages = {b"old": ANSWERS_KEPT_S + 1, b"new": ANSWERS_KEPT_S - 1}
    add(stores, *(AnswerRow(key=key, answer=b"", created_at=clock.now - age) for key, age in ages.items()))
    collect(stores)

    with stores.database.read() as session:
        assert list(session.scalars(select(AnswerRow.key))) == [b"new"]


def test_lists_that_were_shown_are_kept_for_a_day(stores: Stores, clock: TestClock) -> None:
    ages = {"old": KEPT_S + 1, "new": KEPT_S - 1}
    add(
        stores,
        *(
            ShownListRow(recommendation_id=name, source_arn="", item_ids="[]", shown_at=clock.now - age)
            for name, age in ages.items()
        ),
    )
    collect(stores)

    with stores.database.read() as session:
        assert list(session.scalars(select(ShownListRow.recommendation_id))) == ["new"]


def event(group_id: int, key: bytes) -> EventRow:
    return EventRow(
        dataset_group_id=group_id,
        duplicate_key=key,
        user_key="u",
        session_id="s",
        item_id="i",
        event_type="view",
        timestamp=1,
        received_at=1.0,
    )


def test_rows_that_came_after_their_dataset_had_gone_are_erased(stores: Stores, bench: Bench) -> None:
    schema = SchemaRow(**without_status(bench.identity("schema", "s")), schema="{}")
    with_data, without = (DatasetGroupRow(**bench.identity("dataset-group", name)) for name in "ab")
    dataset = DatasetRow(
        **bench.identity("dataset", "a/INTERACTIONS"),
        dataset_group_arn=with_data.arn,
        dataset_type="INTERACTIONS",
        schema_arn=schema.arn,
    )
    add(stores, schema, with_data, without, dataset)
    add(stores, *(event(group.id, bytes(16)) for group in (with_data, without)), event(77, bytes(16)))
    add(
        stores,
        *(RecordRow(dataset_id=number, record_id="i", received_at=1.0) for number in (dataset.id, 77)),
    )
    collect(stores)

    with stores.database.read() as session:
        assert list(session.scalars(select(EventRow.dataset_group_id))) == [with_data.id]
        assert list(session.scalars(select(RecordRow.dataset_id))) == [dataset.id]


def without_status(identity: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in identity.items() if name != "status"}
