"""Stopped trainings, deleted resources: jobs that somebody wants to end otherwise than they began."""

import threading

import pytest
from sqlalchemy import select

from openpersonalize.errors import ResourceInUseException
from openpersonalize.jobs import queue
from openpersonalize.jobs.lifecycle import (
    DELETE_CAMPAIGN,
    DELETE_DATASET_GROUP,
    TRAIN_SOLUTION_VERSION,
    UPDATE_CAMPAIGN,
    request_cancel,
)
from openpersonalize.jobs.worker import Publish, RunningJob
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import (
    CampaignRow,
    DatasetGroupRow,
    JobRow,
    SolutionRow,
    SolutionVersionRow,
)
from tests.queue_bench import Bench, failing, files, never, nothing, publish_folder
from tests.world import until


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


def test_a_worker_learns_within_seconds_that_it_is_to_stop_however_long_its_lease(bench: Bench) -> None:
    job = begin_training(bench)

    def without_progress(running: RunningJob, _stores: Stores) -> Publish:
        while True:
            running.progress("training", 10.0)
            threading.Event().wait(0.01)

    worker = threading.Thread(target=bench.worker(without_progress, lease_s=600.0).run_one)
    worker.start()
    # From here on the worker has nothing to write for minutes.
    until(lambda: bench.job(job.id).progress_phase == "training", "the progress is written")
    cancel(bench, job.resource_arn)
    worker.join(5)

    assert not worker.is_alive()
    assert bench.resource(job.resource_arn, SolutionVersionRow).status == "CREATE STOPPED"


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
        return never

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


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_second_deletion_is_refused_while_one_is_under_way(bench: Bench, state: str) -> None:
    job = bench.begin_group()
    bench.worker(nothing).run_one()
    bench.begin(bench.resource(job.resource_arn), DELETE_DATASET_GROUP)
    if state == "running":
        queue.claim(bench.stores.database, "one", lease_s=60, now=bench.clock())

    with pytest.raises(ResourceInUseException):
        bench.begin(bench.resource(job.resource_arn), DELETE_DATASET_GROUP)
