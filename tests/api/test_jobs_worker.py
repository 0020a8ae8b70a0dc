"""The worker: what becomes of a job's work, in rows and in files."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.errors import JobError, ResourceInUseException
from openpersonalize.jobs import queue
from openpersonalize.jobs.lifecycle import (
    CREATE_DATASET_GROUP,
    DELETE_CAMPAIGN,
    DELETE_DATASET_GROUP,
    TRAIN_SOLUTION_VERSION,
    UPDATE_CAMPAIGN,
    request_cancel,
)
from openpersonalize.jobs.worker import Publish, RunningJob, Worker, end_what_was_left, owner_prefix
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import (
    CampaignRow,
    DatasetGroupRow,
    JobRow,
    SolutionRow,
    SolutionVersionRow,
)
from tests.queue_bench import Bench, listing, nothing
from tests.world import until


def publish_folder(job: RunningJob, stores: Stores) -> Path:
    """Write a folder in scratch and move it to where a generation would be."""
    folder = job.scratch / "generation"
    folder.mkdir()
    (folder / "part").write_text("rows")
    target = stores.generations / job.output_id()
    folder.rename(target)
    return target


def failing(error: BaseException) -> Callable[[RunningJob, Stores], Publish]:
    def work(_job: RunningJob, _stores: Stores) -> Publish:
        raise error

    return work


def files(bench: Bench) -> list[str]:
    """What lies in the folders that jobs write to."""
    stores = bench.stores
    return [
        str(path.relative_to(stores.data_dir))
        for folder in (stores.scratch, stores.generations, stores.artifacts)
        for path in folder.rglob("*")
    ]


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


def begin_training(bench: Bench) -> JobRow:
    group = DatasetGroupRow(**bench.identity("dataset-group", "g") | {"status": "ACTIVE"})
    solution = SolutionRow(
        **bench.identity("solution", "s") | {"status": "ACTIVE"}, dataset_group_arn=group.arn
    )
    with bench.stores.database.write() as session:
        session.add(group)
        session.flush()
        session.add(solution)
    version = SolutionVersionRow(
        **bench.identity("solution", "s/1234"),
        solution_arn=solution.arn,
        dataset_group_arn=group.arn,
        recipe_arn="arn:aws:personalize:::recipe/aws-sims",
    )
    return bench.begin(version, TRAIN_SOLUTION_VERSION)


def cancel(bench: Bench, arn: str) -> None:
    with bench.stores.database.write() as session:
        assert request_cancel(session, arn) == 1


def test_a_training_that_is_stopped_while_it_runs_ends_as_stopped(bench: Bench) -> None:
    job = begin_training(bench)
    started = threading.Event()

    def work(running: RunningJob, stores: Stores) -> Publish:
        publish_folder(running, stores)
        started.set()
        while True:
            running.progress("training", 10.0)
            threading.Event().wait(0.01)

    worker = threading.Thread(target=bench.worker(work, lease_s=1.0).run_one)
    worker.start()
    assert started.wait(30)
    cancel(bench, job.resource_arn)
    worker.join(30)

    assert bench.resource(job.resource_arn, SolutionVersionRow).status == "CREATE STOPPED"
    assert (bench.job(job.id).state, bench.job(job.id).failure_class) == ("cancelled", "cancelled")
    assert files(bench) == []


def test_a_training_that_is_stopped_before_it_runs_never_runs(bench: Bench) -> None:
    job = begin_training(bench)
    cancel(bench, job.resource_arn)

    bench.worker(failing(AssertionError("it ran"))).run_one()

    assert bench.resource(job.resource_arn, SolutionVersionRow).status == "CREATE STOPPED"
    assert bench.job(job.id).attempt == 1


def test_a_job_whose_resource_is_gone_ends_without_running(bench: Bench) -> None:
    job = bench.begin_group()
    with bench.stores.database.write() as session:
        session.delete(session.scalars(select(DatasetGroupRow)).one())

    bench.worker(failing(AssertionError("it ran"))).run_one()

    row = bench.job(job.id)
    assert (row.state, row.attempt, row.failure_reason) == ("cancelled", 1, "The resource was deleted.")


def test_a_result_whose_resource_went_while_the_work_ran_is_dropped(bench: Bench) -> None:
    job = bench.begin_group()

    def work(running: RunningJob, stores: Stores) -> Publish:
        publish_folder(running, stores)
        with stores.database.write() as session:
            session.delete(session.scalars(select(DatasetGroupRow)).one())
        return failing(AssertionError("it was published"))  # type: ignore[return-value]

    bench.worker(work).run_one()

    assert bench.job(job.id).state == "cancelled"
    assert files(bench) == []


def test_a_deletion_stops_what_is_under_way_for_the_resource_and_then_deletes_it(bench: Bench) -> None:
    begin_training(bench)
    bench.worker(nothing).run_one()
    campaign = CampaignRow(
        **bench.identity("campaign", "c") | {"status": "ACTIVE"},
        solution_version_arn=bench.arn("solution", "s/1234"),
        solution_arn=bench.arn("solution", "s"),
        recommendation_cid="abcdef",
        latest_update={"status": "CREATE PENDING"},
    )
    update = bench.begin(campaign, UPDATE_CAMPAIGN)
    started = threading.Event()

    def slow(running: RunningJob, _stores: Stores) -> Publish:
        started.set()
        while True:
            running.progress("deploying", 10.0)
            threading.Event().wait(0.01)

    worker = bench.worker({UPDATE_CAMPAIGN.kind: slow, DELETE_CAMPAIGN.kind: nothing}, lease_s=1.0)
    updating = threading.Thread(target=worker.run_one)
    updating.start()
    assert started.wait(30)
    deletion = bench.begin(bench.resource(campaign.arn, CampaignRow), DELETE_CAMPAIGN)
    status = bench.resource(campaign.arn, CampaignRow).status
    updating.join(30)
    worker.run_one()

    assert status == "DELETE PENDING"
    assert (bench.job(update.id).state, bench.job(deletion.id).state) == ("cancelled", "done")
    assert bench.resource(campaign.arn, CampaignRow) is None


def test_a_deletion_that_is_run_twice_ends_once(bench: Bench) -> None:
    job = bench.begin_group()
    bench.worker(nothing).run_one()
    deletion = bench.begin(bench.resource(job.resource_arn), DELETE_DATASET_GROUP)
    with bench.stores.database.write() as session:
        session.delete(session.scalars(select(DatasetGroupRow)).one())

    bench.worker(nothing).run_one()

    assert bench.job(deletion.id).state == "done"


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
        return failing(AssertionError("it was published"))  # type: ignore[return-value]

    bench.worker(late).run_one()

    assert snapshots == [(bench.rows(), listing(bench.stores.data_dir, leave_out=is_database))]
    assert (bench.job(job.id).state, bench.job(job.id).attempt) == ("done", 2)


def is_database(path: Path) -> bool:
    return ".sqlite3" in path.name


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


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_second_deletion_is_refused_while_one_is_under_way(bench: Bench, state: str) -> None:
    job = bench.begin_group()
    bench.worker(nothing).run_one()
    bench.begin(bench.resource(job.resource_arn), DELETE_DATASET_GROUP)
    if state == "running":
        queue.claim(bench.stores.database, "one", lease_s=60, now=bench.clock())

    with pytest.raises(ResourceInUseException):
        bench.begin(bench.resource(job.resource_arn), DELETE_DATASET_GROUP)
