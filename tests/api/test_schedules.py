"""Automatic training of solutions, on a clock that the tests move."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from openpersonalize.jobs.worker import Worker
from openpersonalize.storage.tables import SolutionRow
from openpersonalize.work.chores import CHORES
from openpersonalize.work.handlers import HANDLERS
from openpersonalize.work.schedules import begin_due
from tests.databases import new_database
from tests.processes import TRAINING, WORKER, children, kill
from tests.queue_bench import TestClock
from tests.world import World, plain_interactions, process_server, running_server, until

HALF_HOUR_S, HOUR_S, DAY_S = 1_800.0, 3_600.0, 86_400.0


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def world(tmp_path: Path, clock: TestClock) -> Iterator[World]:
    """An account on a server of its own, whose clock is the test's."""
    with new_database() as url, running_server(tmp_path / "data", url, clock=clock) as server:
        yield World(server)


def a_solution(world: World, text: str = "", **members: Any) -> tuple[str, str]:
    """A dataset of interactions and a solution on it, just made."""
    group = world.dataset_group()
    dataset = world.interactions(group, text)
    return dataset, world.solution(group, **members)


def versions(world: World, solution: str) -> list[tuple[str, str]]:
    """Training type and status of a solution's versions, the oldest first."""
    found = world.personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]
    return [(version["trainingType"], version["status"]) for version in found]


def auto(n_days: int) -> dict[str, Any]:
    return {"autoTrainingConfig": {"schedulingExpression": f"rate({n_days} days)"}}


def test_a_new_solution_is_trained_within_the_hour_by_default(world: World, clock: TestClock) -> None:
    _, solution = a_solution(world)
    world.tick()
    at_once = versions(world, solution)
    clock.now += HOUR_S
    world.tick()

    assert at_once == []
    assert versions(world, solution) == [("AUTOMATIC", "ACTIVE")]
    described = world.personalize.describe_solution(solutionArn=solution)["solution"]
    assert described["performAutoTraining"] is True
    assert described["latestSolutionVersion"]["trainingMode"] == "AUTOTRAIN"


def test_what_the_schedule_trained_can_be_updated(world: World, clock: TestClock) -> None:
    group = world.dataset_group()
    world.interactions(group)
    solution = world.solution(group, "aws-user-personalization")
    clock.now += HOUR_S
    world.tick()
    world.personalize.create_solution_version(solutionArn=solution, trainingMode="UPDATE")
    listed = world.personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]

    assert [version["trainingMode"] for version in listed] == ["AUTOTRAIN", "UPDATE"]


def test_the_first_training_is_left_out_when_the_client_was_faster(world: World, clock: TestClock) -> None:
    dataset, solution = a_solution(world)
    world.trained(solution)
    clock.now += 1
    world.imported(dataset, plain_interactions())
    clock.now += HOUR_S
    world.tick()
    within_the_hour = versions(world, solution)
    clock.now += 7 * DAY_S
    world.tick()

    assert within_the_hour == [("MANUAL", "ACTIVE")]
    assert versions(world, solution)[1:] == [("AUTOMATIC", "ACTIVE")]


def test_a_solution_is_trained_every_two_days_when_it_says_so(world: World, clock: TestClock) -> None:
    dataset, solution = a_solution(world, solutionConfig=auto(2))
    clock.now += HALF_HOUR_S
    world.tick()
    counts = []
    for _ in range(4):
        world.imported(dataset, plain_interactions())
        clock.now += DAY_S
        world.tick()
        counts.append(len(versions(world, solution)))

    assert counts == [1, 2, 2, 3]


def test_nothing_is_trained_while_no_interactions_arrive(world: World, clock: TestClock) -> None:
    _, solution = a_solution(world, solutionConfig=auto(1))
    for _ in range(4):
        clock.now += DAY_S
        world.tick()

    assert len(versions(world, solution)) == 1


def test_a_solution_without_data_waits_for_it(world: World, clock: TestClock) -> None:
    group = world.dataset_group()
    solution = world.solution(group, solutionConfig=auto(1))
    for _ in range(2):
        clock.now += DAY_S
        world.tick()
    empty = versions(world, solution)
    world.interactions(group)
    clock.now += DAY_S
    world.tick()

    assert empty == []
    assert versions(world, solution) == [("AUTOMATIC", "ACTIVE")]


def send_event(world: World, group: str) -> None:
    tracker = world.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)
    world.settle()
    world.events.put_events(
        trackingId=tracker["trackingId"],
        userId="u1",
        sessionId="s",
        eventList=[{"eventType": "view", "itemId": "i1", "sentAt": 1_700_000_000}],
    )


def test_one_event_that_was_sent_is_reason_enough(world: World, clock: TestClock) -> None:
    group = world.dataset_group()
    world.interactions(group)
    solution = world.solution(group, solutionConfig=auto(1))
    clock.now += DAY_S
    world.tick()
    clock.now += 1
    send_event(world, group)
    counts = []
    for _ in range(2):
        clock.now += DAY_S
        world.tick()
        counts.append(len(versions(world, solution)))

    assert counts == [2, 2]


def test_what_is_switched_off_is_not_trained(world: World, clock: TestClock) -> None:
    dataset, solution = a_solution(world, performAutoTraining=False)
    other = world.elsewhere(account="111122223333")
    _, switched_off = a_solution(other, solutionConfig=auto(1))
    other.personalize.update_solution(solutionArn=switched_off, performAutoTraining=False)
    world.settle()
    for _ in range(2):
        clock.now += 7 * DAY_S
        world.imported(dataset, plain_interactions())
        world.tick()

    assert versions(world, solution) == []
    assert versions(other, switched_off) == []


def test_a_training_that_runs_is_waited_for(world: World, clock: TestClock) -> None:
    dataset, solution = a_solution(world, solutionConfig=auto(1))
    clock.now += DAY_S
    begin_due(world.server.stores)
    clock.now += DAY_S
    again = begin_due(world.server.stores)
    clock.now += HALF_HOUR_S
    world.settle()
    world.imported(dataset, plain_interactions())
    world.tick()

    assert again == 0
    assert versions(world, solution) == [("AUTOMATIC", "ACTIVE")] * 2


def test_a_deleted_solution_is_not_trained(world: World, clock: TestClock) -> None:
    _, solution = a_solution(world)
    world.personalize.delete_solution(solutionArn=solution)
    clock.now += HOUR_S

    assert begin_due(world.server.stores) == 0


def test_nothing_is_trained_on_data_that_is_being_deleted(world: World, clock: TestClock) -> None:
    dataset, solution = a_solution(world)
    world.personalize.delete_dataset(datasetArn=dataset)
    clock.now += HOUR_S

    assert begin_due(world.server.stores) == 0
    assert versions(world, solution) == []


def test_workers_that_look_at_the_same_moment_begin_one_training(world: World, clock: TestClock) -> None:
    solutions = [a_solution(world.elsewhere(account=f"22223333444{n}"))[1] for n in range(4)]
    clock.now += HOUR_S
    n_workers = 6
    barrier = threading.Barrier(n_workers)

    def look() -> int:
        barrier.wait()
        return begin_due(world.server.stores)

    with ThreadPoolExecutor(n_workers) as pool:
        begun = [look.result() for look in [pool.submit(look) for _ in range(n_workers)]]
    world.settle()

    assert sum(begun) == len(solutions)
    for n, solution in enumerate(solutions):
        other = world.elsewhere(account=f"22223333444{n}")
        assert versions(other, solution) == [("AUTOMATIC", "ACTIVE")]


def test_a_schedule_that_was_missed_is_not_made_up_for(world: World, clock: TestClock) -> None:
    _, solution = a_solution(world, solutionConfig=auto(1))
    clock.now += 30 * DAY_S
    for _ in range(3):
        world.tick()

    assert len(versions(world, solution)) == 1


def test_a_training_that_a_dead_worker_began_by_itself_ends_once(tmp_path: Path) -> None:
    with new_database() as url, process_server(tmp_path / "data", database_url=url, workers=2) as server:
        world = World(server)
        assert server.process is not None
        group = world.personalize.create_dataset_group(name="store")["datasetGroupArn"]
        world.wait(group)
        dataset = world.personalize.create_dataset(
            name="i", datasetType="Interactions", datasetGroupArn=group, schemaArn=world.schema()
        )["datasetArn"]
        world.wait(dataset)
        job = world.personalize.create_dataset_import_job(
            jobName="i",
            datasetArn=dataset,
            dataSource={"dataLocation": world.upload(plain_interactions())},
        )["datasetImportJobArn"]
        world.wait(job)
        solution = world.personalize.create_solution(
            name="s", datasetGroupArn=group, recipeArn="arn:aws:personalize:::recipe/aws-popularity-count"
        )["solutionArn"]
        world.wait(solution)
        with server.stores.database.write() as session:
            session.execute(update(SolutionRow).values(next_training_at=1.0))

        def trainer() -> int | None:
            assert server.process is not None
            workers = children(server.process.pid, WORKER)
            return next((worker for worker in workers if children(worker, TRAINING)), None)

        kill(until(trainer, "a worker trains by itself"))
        until(lambda: versions(world, solution) == [("AUTOMATIC", "ACTIVE")], "it is trained once", 60)


def test_settling_begins_nothing_by_itself(world: World, clock: TestClock) -> None:
    _, solution = a_solution(world)
    clock.now += HOUR_S
    world.settle()

    assert versions(world, solution) == []


def test_a_worker_looks_for_what_is_due(world: World, clock: TestClock) -> None:
    _, solution = a_solution(world)
    clock.now += HOUR_S
    stop = threading.Event()
    worker = Worker(world.server.stores, HANDLERS, chores=CHORES)
    thread = threading.Thread(target=worker.run_forever, args=(stop,))
    thread.start()
    try:
        until(lambda: versions(world, solution) == [("AUTOMATIC", "ACTIVE")], "a worker trains it")
    finally:
        stop.set()
        thread.join()
