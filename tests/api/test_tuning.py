"""performHPO: searches that find good hyperparameters, on a store where the given ones are bad."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from openpersonalize.jobs.worker import Worker
from openpersonalize.work.handlers import HANDLERS
from tests.api.refusals import refused
from tests.databases import new_database
from tests.processes import in_the_middle, job_of
from tests.unit.cli.command import run
from tests.world import World, running_server, until

N_PAIRS = 60
BAD = {"min_cointeraction_count": "10", "popularity_discount_factor": "0"}
"""No pair of the store has as many users."""

METRIC = "normalized_discounted_cumulative_gain_at_25"


def pairs_text(n_users: int = 75) -> str:
    """Users who had four pairs each: b after a, of pairs that five users have in common."""
    generator = np.random.default_rng(5)
    lines = ["USER_ID,ITEM_ID,TIMESTAMP"]
    of_user = np.concatenate([generator.permutation(N_PAIRS) for _ in range(n_users * 4 // N_PAIRS)])
    for user, pairs in enumerate(of_user.reshape(n_users, 4)):
        items = [f"{side}{pair:02}" for pair in pairs for side in "ab"]
        lines += [f"u{user},{item},{1_600_000_000 + 3600 * place}" for place, item in enumerate(items)]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    """A world with a group of such users."""
    with (
        new_database() as url,
        running_server(tmp_path_factory.mktemp("data"), url, limits="relaxed") as server,
    ):
        world = World(server)
        group = world.dataset_group()
        world.imported(world.dataset(group), pairs_text())
        yield world, group


def hpo(n_trials: int, n_parallel: int = 1, **config: Any) -> dict[str, Any]:
    """The members of a solution that searches."""
    resources = {"maxNumberOfTrainingJobs": str(n_trials), "maxParallelTrainingJobs": str(n_parallel)}
    return {
        "performHPO": True,
        "solutionConfig": {
            "algorithmHyperParameters": BAD,
            "hpoConfig": {"hpoResourceConfig": resources, **config},
        },
    }


def version_of(world: World, arn: str) -> Mapping[str, Any]:
    found: dict[str, Any] = world.personalize.describe_solution_version(solutionVersionArn=arn)
    version: dict[str, Any] = found["solutionVersion"]
    return version


def metric_of(world: World, version: str) -> float:
    return float(world.personalize.get_solution_metrics(solutionVersionArn=version)["metrics"][METRIC])


def test_a_search_leaves_bad_hyperparameters_and_the_model_uses_what_it_found(
    pairs: tuple[World, str],
) -> None:
    world, group = pairs
    bad = {"algorithmHyperParameters": BAD}
    untuned = world.trained(world.solution(group, "aws-sims", solutionConfig=bad))
    tuned = world.trained(world.solution(group, "aws-sims", **hpo(6, 2)))
    found = version_of(world, tuned)["tunedHPOParams"]["algorithmHyperParameters"]
    same = {"algorithmHyperParameters": found}
    by_hand = world.trained(world.solution(group, "aws-sims", solutionConfig=same))
    trials = job_of(world.server.stores, tuned).details["trials"]  # type: ignore[index]
    best = max(trials, key=lambda trial: trial["metric"])

    assert "tunedHPOParams" not in version_of(world, untuned)
    assert trials[0]["parameters"] == {"popularity_discount_factor": "0.0", "min_cointeraction_count": "10"}
    assert len({str(trial["parameters"]) for trial in trials}) == 6
    assert best["parameters"] == found
    start, one_draw = (trial["metric"] for trial in trials[:2])
    assert best["metric"] > 0.3 > max(start, one_draw)
    assert metric_of(world, tuned) > 0.3 > metric_of(world, untuned)
    arrays = [
        {path.name: path.read_bytes() for path in world.artifact(version).glob("*.npy")}
        for version in (tuned, by_hand, untuned)
    ]
    assert arrays[0] == arrays[1] != arrays[2]
    assert len(arrays[0]) > 3


def test_a_search_keeps_to_the_ranges_and_tries_nothing_twice(pairs: tuple[World, str]) -> None:
    world, group = pairs
    ranges = {
        "integerHyperParameterRanges": [{"name": "min_cointeraction_count", "minValue": 1, "maxValue": 2}],
        "continuousHyperParameterRanges": [
            {"name": "popularity_discount_factor", "minValue": 0.25, "maxValue": 0.25}
        ],
    }
    asked = hpo(9, 3, algorithmHyperParameterRanges=ranges, hpoObjective={"metricName": "precision_at_10"})
    version = world.trained(world.solution(group, "aws-sims", **asked))
    job = job_of(world.server.stores, version)
    trials = job.details["trials"]  # type: ignore[index]
    shown = run(
        *("jobs", "show", str(job.id), "--data-dir", str(world.server.settings.data_dir)),
        *("--database-url", world.server.settings.database),
    ).stdout

    assert sorted(trial["parameters"]["min_cointeraction_count"] for trial in trials) == ["1", "2"]
    assert {trial["parameters"]["popularity_discount_factor"] for trial in trials} == {"0.25"}
    assert all(0 < trial["metric"] <= 0.1 for trial in trials)
    assert "Trials" in shown
    for trial in trials:
        assert any(
            set(trial["parameters"].values()) | {str(trial["metric"])} <= set(line.split())
            for line in shown.splitlines()
        )


def test_a_metric_is_never_to_be_low(pairs: tuple[World, str]) -> None:
    world, group = pairs
    asked = hpo(2, hpoObjective={"type": "Minimize"})

    assert "hpoObjective.type is 'Minimize'" in refused(
        "InvalidInputException", lambda: world.solution(group, "aws-sims", **asked)
    )


def test_a_search_that_is_stopped_ends_at_once(pairs: tuple[World, str]) -> None:
    world, group = pairs
    asked = hpo(40, 2)
    del asked["solutionConfig"]["algorithmHyperParameters"]
    stores, solution = world.server.stores, world.solution(group, "aws-user-personalization", **asked)
    version = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    worker = threading.Thread(target=Worker(stores, HANDLERS).run_one)
    worker.start()
    in_the_middle(stores, version, "tuning")
    world.personalize.stop_solution_version_creation(solutionVersionArn=version)
    until(lambda: version_of(world, version)["status"] == "CREATE STOPPED", "it has stopped", 2.0)
    worker.join()

    assert world.artifact(version) == stores.artifacts / "None"
