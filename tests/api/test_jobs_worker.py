"""The worker: what becomes of a job's work, in rows and in files."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from openpersonalize.errors import JobError
from openpersonalize.jobs import queue
from openpersonalize.jobs.lifecycle import CREATE_DATASET_GROUP
from openpersonalize.jobs.worker import Publish, RunningJob, Worker, end_what_was_left, owner_prefix
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import DatasetGroupRow, JobRow
from tests.queue_bench import Bench, failing, files, listing, never, nothing, publish_folder
from tests.world import until


def is_database(path: Path) -> bool:
    return ".sqlite3" in path.name


def test_the_result_and_the_status_appear_together(bench: Bench) -> None:
    job = bench.begin_group()

    def work(running: RunningJob, _stores: Stores) -> Publish:
        def publish(session: Session) -> None:
            group = session.scalars(select(DatasetGroupRow)).one()
            assert group.status == "CREATE IN_PROGRESS"
            group.domain = "ECOMMERCE"

        running.note(rows=3)
        return publish

    assert bench.worker(work).run_one()

    group = bench.resource(job.resource_arn)
    assert (group.status, group.domain) == ("ACTIVE", "ECOMMERCE")
    row = bench.job(job.id)
    assert (row.state, row.progress_percent, row.details) == ("done", 100.0, {"rows": 3})
    assert files(bench) == []


def test_a_job_is_taken_although_a_request_wants_its_rows_in_the_other_order(bench: Bench) -> None:
    database = bench.stores.database
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time, and no deadlocks")
    job = bench.begin_group()
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")

    def is_waited_for() -> bool:
        with database.read() as session:
            return bool(session.scalar(waiting))

    with ThreadPoolExecutor(1) as pool, database.write() as request:
        request.execute(select(DatasetGroupRow).with_for_update())
        taken = pool.submit(bench.worker().run_one)
        until(is_waited_for, "the worker has the job and waits for its resource")
        request.execute(update(JobRow).values(cancel_requested=False))

    assert taken.result()
    assert bench.job(job.id).state == "done"


def test_a_customers_fault_fails_at_once_with_its_reason(bench: Bench) -> None:
    job = bench.begin_group()

    bench.worker(failing(JobError("Line 3, column PRICE: 'abc' is no number."))).run_one()

    group = bench.resource(job.resource_arn)
    assert (group.status, group.failure_reason) == (
        "CREATE FAILED",
        "Line 3, column PRICE: 'abc' is no number.",
    )
    assert (bench.job(job.id).failure_class, bench.job(job.id).attempt) == ("customer", 1)


def test_a_fault_of_ours_is_tried_again_later_and_fails_after_three(bench: Bench) -> None:
    job = bench.begin_group()
    worker = bench.worker(failing(ValueError("secret row content")))
    waits = []
    for _ in range(3):
        assert worker.run_one()
        waits.append(bench.job(job.id).not_before - bench.clock())
        assert not worker.run_one()
        bench.clock.now += 60

    assert waits[:2] == [1.0, 2.0]
    row = bench.job(job.id)
    assert (row.state, row.failure_class, row.attempt) == ("failed", "fault", 3)
    group = bench.resource(job.resource_arn)
    assert group.status == "CREATE FAILED"
    assert "ValueError" in group.failure_reason
    assert "secret" not in group.failure_reason


def test_a_fault_leaves_no_files_when_the_job_gives_up(bench: Bench) -> None:
    bench.begin_group()

    def work(job: RunningJob, stores: Stores) -> Publish:
        publish_folder(job, stores)
        raise ValueError

    worker = bench.worker(work)
    for _ in range(3):
        worker.run_one()
        bench.clock.now += 60

    assert files(bench) == []


def test_a_result_that_is_refused_in_the_transaction_is_a_customers_fault_without_rows(bench: Bench) -> None:
    job = bench.begin_group()

    def work(running: RunningJob, stores: Stores) -> Publish:
        publish_folder(running, stores)

        def publish(session: Session) -> None:
            session.scalars(select(DatasetGroupRow)).one().domain = "VIDEO_ON_DEMAND"
            session.flush()
            raise JobError("The dataset was deleted.")

        return publish

    bench.worker(work).run_one()

    group = bench.resource(job.resource_arn)
    assert (group.status, group.domain) == ("CREATE FAILED", None)
    assert files(bench) == []


def test_a_job_whose_workers_die_again_and_again_fails_with_a_reason(bench: Bench) -> None:
    job = bench.begin_group()
    for _ in range(3):
        queue.claim(bench.stores.database, "host:1:x", lease_s=60, now=bench.clock())
        queue.release(bench.stores.database, "host:1:", is_fault=True)

    bench.worker(nothing).run_one()

    row = bench.job(job.id)
    assert (row.state, row.failure_class, row.faults) == ("failed", "fault", 3)
    assert "interrupted 3 times" in bench.resource(job.resource_arn).failure_reason


def test_a_job_that_was_handed_back_often_still_ends_well(bench: Bench) -> None:
    job = bench.begin_group()
    for _ in range(10):
        held = queue.claim(bench.stores.database, "one", lease_s=60, now=bench.clock())
        assert held is not None
        queue.hand_back(bench.stores.database, held)

    bench.worker(nothing).run_one()

    assert bench.resource(job.resource_arn).status == "ACTIVE"


def test_progress_and_the_time_left_are_seen_while_the_work_runs(bench: Bench) -> None:
    job = bench.begin_group()
    seen = threading.Event()

    def work(running: RunningJob, _stores: Stores) -> Publish:
        running.progress("reading", 50.0)
        assert seen.wait(30)
        return lambda _session: None

    worker = threading.Thread(target=bench.worker(work).run_one)
    worker.start()
    try:
        row = until(lambda: (r := bench.job(job.id)).progress_phase and r, "progress is written")
        assert (row.progress_phase, row.progress_percent) == ("reading", 50.0)
        assert row.eta_s > 0
    finally:
        seen.set()
        worker.join(30)


def test_a_worker_that_lost_its_lease_before_it_publishes_changes_no_row_and_no_file(bench: Bench) -> None:
    job = bench.begin_group()
    snapshots = []

    def late(running: RunningJob, stores: Stores) -> Publish:
        bench.expire(running.id)
        assert bench.worker(lambda j, s: bool(publish_folder(j, s)) and nothing(j, s)).run_one()
        snapshots.append((bench.rows(), listing(stores.data_dir, leave_out=is_database)))
        publish_folder(running, stores)
        raise AssertionError("a folder was made in a scratch folder that is gone")

    bench.worker(late).run_one()

    assert snapshots == [(bench.rows(), listing(bench.stores.data_dir, leave_out=is_database))]
    assert (bench.job(job.id).state, bench.job(job.id).attempt) == ("done", 2)
    assert len(list(bench.stores.generations.iterdir())) == 1


def test_a_worker_that_lost_its_lease_after_it_published_changes_no_row_and_no_file(bench: Bench) -> None:
    job = bench.begin_group()
    snapshots = []

    def late(running: RunningJob, stores: Stores) -> Publish:
        folder = publish_folder(running, stores)
        bench.expire(running.id)
        assert bench.worker(lambda j, s: bool(publish_folder(j, s)) and nothing(j, s)).run_one()
        assert not folder.exists()
        snapshots.append((bench.rows(), listing(stores.data_dir, leave_out=is_database)))
        return never

    bench.worker(late).run_one()

    assert snapshots == [(bench.rows(), listing(bench.stores.data_dir, leave_out=is_database))]
    assert (bench.job(job.id).state, bench.job(job.id).attempt) == ("done", 2)


def test_files_of_another_job_with_a_longer_number_are_left_alone(bench: Bench) -> None:
    other = bench.stores.generations / "10-18bc-1-feed"
    other.mkdir()
    bench.begin_group()

    bench.worker(failing(JobError("no"))).run_one()

    assert other.is_dir()


def test_a_worker_that_starts_removes_the_scratch_of_the_dead_and_keeps_that_of_the_living(
    bench: Bench,
) -> None:
    bench.begin_group()
    left = bench.stores.scratch / "9-18bc-1"
    left.mkdir()

    def work(running: RunningJob, stores: Stores) -> Publish:
        end_what_was_left(stores)
        assert running.scratch.is_dir()
        return lambda _session: None

    bench.worker(work).run_one()

    assert not left.exists()
    assert bench.job(1).state == "done"


def test_a_worker_is_found_by_the_name_of_its_node_and_process() -> None:
    assert owner_prefix("host/abc", 7) == "host/abc:7:"


def test_work_that_nobody_does_fails_with_a_reason_instead_of_waiting_for_ever(bench: Bench) -> None:
    job = bench.begin_group(job=CREATE_DATASET_GROUP)
    worker = Worker(bench.stores, {})
    for _ in range(3):
        worker.run_one()
        bench.clock.now += 60

    assert bench.job(job.id).state == "failed"
