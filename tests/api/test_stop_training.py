"""StopSolutionVersionCreation: trainings that wait, run, or have ended already."""

from pathlib import Path

from openpersonalize.jobs.lifecycle import TRAIN_SOLUTION_VERSION
from openpersonalize.jobs.queue import claim
from openpersonalize.jobs.worker import Publish, RunningJob, Worker
from openpersonalize.storage.stores import Stores
from openpersonalize.work.training import run_training
from tests.api.conftest import TrainedStore
from tests.api.refusals import refused
from tests.api.test_processes import begin_training
from tests.databases import new_database
from tests.processes import TRAINING, children, in_the_middle, is_alive, job_of, worker_of
from tests.world import World, process_server, until


def status(world: World, version: str) -> str:
    found = world.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
    return str(found["status"])


def begun(world: World, solution: str) -> str:
    return str(world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"])


def stop(world: World, version: str) -> None:
    world.personalize.stop_solution_version_creation(solutionVersionArn=version)


def test_a_training_that_nobody_has_begun_is_stopped_at_once(trained: TrainedStore) -> None:
    world = trained.world
    version = begun(world, trained.solution)
    stop(world, version)
    stopped = status(world, version)
    world.settle()

    assert stopped == "CREATE STOPPED"
    assert status(world, version) == "CREATE STOPPED"
    assert (job_of(world.server.stores, version).state, job_of(world.server.stores, version).attempt) == (
        "cancelled",
        0,
    )


def test_a_training_that_runs_is_stopping_and_then_stopped(trained: TrainedStore) -> None:
    world, stores = trained.world, trained.world.server.stores
    version = begun(world, trained.solution)
    held = claim(stores.database, "a worker that is busy", lease_s=0.0, now=stores.clock())
    stop(world, version)
    stopping = status(world, version)
    busy = refused(
        "ResourceInUseException",
        world.personalize.stop_solution_version_creation,
        solutionVersionArn=version,
    )
    until(lambda: Worker(stores, {}).run_one(), "another worker has taken over")

    assert held is not None and held.resource_arn == version
    assert stopping == "CREATE STOPPING"
    assert "is in state CREATE STOPPING" in busy
    assert status(world, version) == "CREATE STOPPED"


def test_a_result_that_comes_after_the_stop_is_not_published(trained: TrainedStore) -> None:
    world, stores = trained.world, trained.world.server.stores
    version = begun(world, trained.solution)
    published: list[Path] = []

    def late(job: RunningJob, stores: Stores) -> Publish:
        publish = run_training(job, stores)
        stop(world, version)
        published.extend(stores.artifacts.glob(f"{job.claim.files}*"))
        job._beat.stop()  # the worker has no time to see the wish before it ends the job
        job._beat.cancelled = False
        return publish

    Worker(stores, {TRAIN_SOLUTION_VERSION.kind: late}).run_one()

    assert status(world, version) == "CREATE STOPPED"
    assert len(published) == 1
    assert not published[0].exists()
    refused("ResourceInUseException", world.personalize.get_solution_metrics, solutionVersionArn=version)


def test_a_stopped_version_is_of_no_use(trained: TrainedStore) -> None:
    world = trained.world
    version = begun(world, trained.solution)
    stop(world, version)

    assert "is not ACTIVE but in state CREATE STOPPED" in refused(
        "ResourceInUseException",
        world.personalize.create_campaign,
        name="stopped",
        solutionVersionArn=version,
    )
    assert "not in ACTIVE state" in refused(
        "ResourceInUseException", world.personalize.get_solution_metrics, solutionVersionArn=version
    )
    newest = world.personalize.describe_solution(solutionArn=trained.solution)["solution"]
    assert newest["latestSolutionVersion"]["status"] == "CREATE STOPPED"


def test_what_has_ended_cannot_be_stopped(world: World, trained: TrainedStore) -> None:
    stopped = begun(trained.world, trained.solution)
    stop(trained.world, stopped)
    failed = world.trained(world.solution(world.dataset_group()))

    for owner, version, word in (
        (trained.world, trained.version, "ACTIVE"),
        (trained.world, stopped, "CREATE STOPPED"),
        (world, failed, "CREATE FAILED"),
    ):
        call = owner.personalize.stop_solution_version_creation
        assert f"is in state {word}: there is no training" in refused(
            "InvalidInputException", call, solutionVersionArn=version
        )
        assert status(owner, version) == word


def test_a_solution_with_a_stopped_version_can_be_deleted(world: World) -> None:
    solution = world.solution(world.dataset_group())
    stop(world, begun(world, solution))
    world.personalize.delete_solution(solutionArn=solution)
    world.settle()

    assert world.personalize.list_solutions()["solutions"] == []


def test_stopping_ends_the_child_that_trains_within_seconds(tmp_path: Path) -> None:
    with new_database() as url, process_server(tmp_path / "data", database_url=url) as server:
        world = World(server)
        version = begin_training(world)
        (child,) = children(worker_of(in_the_middle(server.stores, version)), TRAINING)
        stop(world, version)
        stopping = status(world, version)
        # Far less than a heartbeat, of which there is one in ten seconds when nothing happens.
        until(lambda: status(world, version) == "CREATE STOPPED", "the training is stopped", deadline_s=5.0)

        assert stopping in ("CREATE STOPPING", "CREATE STOPPED")
        assert not is_alive(child)
        assert list(server.stores.artifacts.iterdir()) == []
        until(lambda: list(server.stores.scratch.iterdir()) == [], "the scratch folder is gone")
        refused(
            "ResourceInUseException",
            world.personalize.get_solution_metrics,
            solutionVersionArn=version,
        )
