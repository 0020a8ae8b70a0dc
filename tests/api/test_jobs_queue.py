"""The queue: who gets which job, and that only the holder of a lease may write."""

import threading

import pytest

from openpersonalize.jobs import queue
from openpersonalize.jobs.lifecycle import (
    CREATE_DATASET_GROUP,
    DELETE_DATASET_GROUP,
    begin,
)
from openpersonalize.jobs.queue import Claim, LeaseLost
from openpersonalize.storage.tables import DatasetGroupRow
from tests.queue_bench import Bench


def take(bench: Bench, owner: str = "one", lease_s: float = 60.0) -> Claim:
    held = queue.claim(bench.stores.database, owner, lease_s=lease_s, now=bench.clock())
    assert held is not None
    return held


def finish(bench: Bench, held: Claim) -> None:
    with bench.stores.database.write() as session:
        queue.finish(session, held, state="done", now=bench.clock())


def test_a_resource_and_its_job_appear_together_or_not_at_all(bench: Bench) -> None:
    row = DatasetGroupRow(**bench.identity("dataset-group", "g"))
    with pytest.raises(ZeroDivisionError), bench.stores.database.write() as session:
        begin(session, row, CREATE_DATASET_GROUP, now=bench.clock())
        raise ZeroDivisionError

    assert bench.rows()["jobs"] == []
    assert bench.rows()["dataset_groups"] == []


def test_the_oldest_job_that_is_due_is_taken_first(bench: Bench) -> None:
    early, late = bench.begin_group(), bench.begin_group()
    bench.change(early.id, not_before=bench.clock() + 3600)

    assert take(bench).id == late.id
    assert queue.claim(bench.stores.database, "two", lease_s=60, now=bench.clock()) is None
    bench.clock.now += 3601
    assert take(bench).id == early.id


def test_a_taken_job_puts_its_resource_in_progress(bench: Bench) -> None:
    job = bench.begin_group("g")
    before = bench.resource(job.resource_arn).status

    take(bench)

    assert (before, bench.resource(job.resource_arn).status) == ("CREATE PENDING", "CREATE IN_PROGRESS")


def test_many_workers_take_every_job_once(bench: Bench) -> None:
    jobs = [bench.begin_group().id for _ in range(24)]
    taken: list[int] = []

    def work(owner: str) -> None:
        while held := queue.claim(bench.stores.database, owner, lease_s=60, now=bench.clock()):
            taken.append(held.id)
            finish(bench, held)

    threads = [threading.Thread(target=work, args=(f"worker {n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(taken) == jobs
    assert {bench.job(job).attempt for job in jobs} == {1}


def test_a_lease_that_runs_is_respected(bench: Bench) -> None:
    bench.begin_group()
    take(bench)

    assert not queue.has_runnable(bench.stores.database, now=bench.clock())
    assert queue.claim(bench.stores.database, "two", lease_s=60, now=bench.clock()) is None


def test_an_expired_lease_is_given_to_another_and_counts_as_a_fault(bench: Bench) -> None:
    job = bench.begin_group()
    first = take(bench, "one")
    bench.expire(job.id)
    second = take(bench, "two")

    assert (first.attempt, second.attempt, second.faults) == (1, 2, 1)
    assert bench.job(job.id).lease_owner == "two"


def test_a_worker_that_lost_its_lease_changes_no_row(bench: Bench) -> None:
    job = bench.begin_group()
    first = take(bench, "one")
    bench.expire(job.id)
    take(bench, "two")
    before = bench.rows()

    with pytest.raises(LeaseLost):
        queue.heartbeat(bench.stores.database, first, lease_s=60, phase="late", percent=50)
    with pytest.raises(LeaseLost):
        finish(bench, first)
    with pytest.raises(LeaseLost), bench.stores.database.write() as session:
        queue.retry(session, first, now=bench.clock(), reason="late")
    assert not queue.hand_back(bench.stores.database, first)
    assert bench.rows() == before


def test_the_same_worker_with_an_older_attempt_changes_no_row(bench: Bench) -> None:
    job = bench.begin_group()
    first = take(bench, "one")
    bench.expire(job.id)
    take(bench, "one")

    with pytest.raises(LeaseLost):
        finish(bench, first)


def test_a_finished_job_cannot_be_finished_again(bench: Bench) -> None:
    bench.begin_group()
    held = take(bench)
    finish(bench, held)
    before = bench.rows()

    with pytest.raises(LeaseLost):
        finish(bench, held)
    assert bench.rows() == before


def test_a_heartbeat_prolongs_the_lease_and_keeps_the_progress(bench: Bench) -> None:
    job = bench.begin_group()
    held = take(bench, lease_s=1)
    first = bench.job(job.id).lease_until or 0

    queue.heartbeat(bench.stores.database, held, lease_s=100, phase="reading", percent=40, eta_s=6)

    row = bench.job(job.id)
    assert (row.lease_until or 0) > first + 90
    assert (row.progress_phase, row.progress_percent, row.eta_s) == ("reading", 40, 6)


def test_jobs_of_one_resource_run_one_after_the_other(bench: Bench) -> None:
    first = bench.begin_group("g")
    held = take(bench)
    finish(bench, held)
    group = bench.resource(first.resource_arn)
    second = bench.begin(group, DELETE_DATASET_GROUP)
    other = bench.begin_group("other")
    third = bench.begin(group, CREATE_DATASET_GROUP)

    assert take(bench).id == second.id
    assert take(bench).id == other.id
    assert queue.claim(bench.stores.database, "x", lease_s=60, now=bench.clock()) is None
    assert bench.job(third.id).state == "queued"


def test_a_job_handed_back_in_order_is_taken_again_at_once_without_a_fault(bench: Bench) -> None:
    bench.begin_group()
    first = take(bench, "one")

    assert queue.hand_back(bench.stores.database, first)

    second = take(bench, "two")
    assert (second.attempt, second.faults) == (2, 0)
    with pytest.raises(LeaseLost):
        finish(bench, first)


def test_the_jobs_of_a_dead_worker_are_released_and_no_others(bench: Bench) -> None:
    for _ in range(3):
        bench.begin_group()
    dead, other, similar = (take(bench, owner) for owner in ("host/a:7:x", "host/b:7:x", "host/a:77:x"))

    assert queue.release(bench.stores.database, "host/a:7:", is_fault=True) == 1

    assert [bench.job(held.id).state for held in (dead, other, similar)] == ["queued", "running", "running"]
    assert (take(bench).id, bench.job(dead.id).faults) == (dead.id, 1)


def test_a_percent_sign_in_a_host_name_releases_nobody_else(bench: Bench) -> None:
    bench.begin_group()
    take(bench, "host/a:7:x")

    assert queue.release(bench.stores.database, "ho%:", is_fault=True) == 0


def test_a_kind_of_a_newer_version_is_left_to_its_workers(bench: Bench) -> None:
    unknown, known = bench.begin_group(), bench.begin_group()
    bench.change(unknown.id, kind="polish-dataset-group")

    assert take(bench).id == known.id
    assert bench.job(unknown.id).state == "queued"


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("x" * 5000, "x" * 4095 + "…"),
        ("ü" * 4096, "ü" * 4096),
        ("line 3 has 'a\0b'", "line 3 has 'a\N{REPLACEMENT CHARACTER}b'"),
        ("line 3 has 'a\ud800b'", "line 3 has 'a?b'"),
    ],
    ids=["too long", "just fits", "NUL", "lone surrogate"],
)
def test_a_job_ends_whatever_its_reason_quotes(bench: Bench, reason: str, kept: str) -> None:
    job = bench.begin_group("g")
    held = take(bench)
    with bench.stores.database.write() as session:
        queue.finish(
            session, held, state="failed", now=bench.clock(), reason=reason, details={"quoted": reason}
        )

    assert bench.job(job.id).failure_reason == kept
    assert bench.job(job.id).details == {"quoted": reason}
    assert bench.resource(job.resource_arn).failure_reason == kept
