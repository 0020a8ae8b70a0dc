"""What `jobs list` and `jobs show` are told."""

from dataclasses import replace

from openpersonalize.jobs.reports import list_jobs, newest_job_of, show_job
from openpersonalize.jobs.worker import Publish, RunningJob
from openpersonalize.storage.stores import Stores
from tests.queue_bench import Bench


def count_rows(job: RunningJob, _stores: Stores) -> Publish:
    job.note(counts={"rows": 3})
    return lambda _session: None


def test_jobs_are_listed_newest_first_and_by_state(bench: Bench) -> None:
    first, second = bench.begin_group(), bench.begin_group()
    bench.worker(count_rows).run_one()

    with bench.stores.database.read() as session:
        assert [job.id for job in list_jobs(session)] == [second.id, first.id]
        assert [job.id for job in list_jobs(session, limit=1)] == [second.id]
        assert [job.id for job in list_jobs(session, state="done")] == [first.id]
        assert [job.id for job in list_jobs(session, state="queued")] == [second.id]
        assert [job.id for job in list_jobs(session, resource_arn=first.resource_arn)] == [first.id]
        assert list_jobs(session, kind="import-dataset") == []


def test_a_job_is_shown_with_the_counts_that_its_work_noted(bench: Bench) -> None:
    job = bench.begin_group()
    bench.clock.now += 5
    bench.worker(count_rows).run_one()

    with bench.stores.database.read() as session:
        shown = show_job(session, job.id)
        assert shown is not None
        assert shown == newest_job_of(session, job.resource_arn)
    assert (shown.state, shown.percent, shown.attempt, shown.worker) == ("done", 100.0, 1, None)
    assert shown.details == {"counts": {"rows": 3}}
    assert (shown.created_at, shown.started_at) == (bench.clock() - 5, bench.clock())
    assert shown.seconds == 0.0
    assert replace(shown, finished_at=None).seconds is None


def test_a_job_that_does_not_exist_is_none(bench: Bench) -> None:
    with bench.stores.database.read() as session:
        assert show_job(session, 7) is None
        assert newest_job_of(session, "arn:aws:personalize:::nothing") is None
