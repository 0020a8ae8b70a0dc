"""From CreateSolutionVersion to ACTIVE for aws-user-personalization, beside one bare fit of implicit.

Ours goes through the API of a real server, with the data imported before: the queue, the training child
(load Parquet, fit without the test users, calibrate, evaluate, fit on all from the first factors with half
the iterations, save) and the publication. The peer is one `AlternatingLeastSquares.fit` alone, on the same
matrix with the same factors, iterations, regularisation and threads; its loading is not counted. In turns.
Memory is the peak of the training child and of the peer's process.
"""
# ruff: noqa: PLC0415  (each side loads only what it needs)

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from openpersonalize.cli.client.connection import connect
from openpersonalize.cli.client.temporary_server import temporary_server
from openpersonalize.jobs.reports import newest_job_of
from openpersonalize.settings import Settings
from openpersonalize.storage.database import Database

SEED = 7
N_TASTES = 50
RECIPE = "aws-user-personalization"
SCHEMA = {
    "type": "record",
    "name": "Interactions",
    "namespace": "com.amazonaws.personalize.schema",
    "fields": [
        {"name": "USER_ID", "type": "string"},
        {"name": "ITEM_ID", "type": "string"},
        {"name": "TIMESTAMP", "type": "long"},
    ],
    "version": "1.0",
}


def generate(csv: Path, rows: int) -> None:
    """Write interactions of users with three tastes each, popular items more often, seeded."""
    import numpy as np
    import polars as pl

    random = np.random.default_rng(SEED)
    n_users, n_items = max(50, rows // 100), max(2000, rows // 250)
    activity = random.pareto(2.0, n_users) + 0.2
    users = random.choice(n_users, rows, p=activity / activity.sum())
    tastes = random.integers(0, N_TASTES, (n_users, 3))
    is_taste = random.random(rows) < 0.8
    taste = np.where(is_taste, tastes[users, random.integers(0, 3, rows)], random.integers(0, N_TASTES, rows))
    taste_of_item = random.integers(0, N_TASTES, n_items)
    popularity = 1.0 / (np.arange(n_items) + 10.0) ** 0.8
    items = np.empty(rows, np.int64)
    for one in range(N_TASTES):
        own, wanted = np.flatnonzero(taste_of_item == one), taste == one
        weights = popularity[own] / popularity[own].sum()
        items[wanted] = random.choice(own, wanted.sum(), p=weights)
    frame = pl.DataFrame(
        {
            "USER_ID": pl.Series([f"user-{row:07d}" for row in range(n_users)]).gather(users),
            "ITEM_ID": pl.Series([f"item-{row:06d}" for row in range(n_items)]).gather(items),
            "TIMESTAMP": np.sort(random.integers(1_600_000_000, 1_690_000_000, rows)),
        }
    )
    frame.write_csv(csv)


def save_matrix(parts: list[Path], target: Path) -> None:
    """Save the matrix that the fit on all data sees, for the peer."""
    import scipy.sparse

    from openpersonalize.recipes.als import CONFIDENCE
    from openpersonalize.recipes.loading import EventFilter, Source, load_interactions

    interactions = load_interactions(Source(parts, has_one_origin=True), EventFilter())
    matrix = interactions.of_typical_users(0.0, 0.99).matrix()
    matrix.data *= CONFIDENCE
    scipy.sparse.save_npz(target, matrix, compressed=False)


def run_bare(matrix: Path, factors: int, threads: int) -> dict[str, Any]:
    """Fit implicit on the matrix."""
    import scipy.sparse
    from implicit.cpu.als import AlternatingLeastSquares

    from openpersonalize.recipes.als import ITERATIONS, REGULARISATION

    users_by_items = scipy.sparse.load_npz(matrix)
    model = AlternatingLeastSquares(
        factors=factors,
        regularization=REGULARISATION,
        iterations=ITERATIONS,
        num_threads=threads,
        random_state=0,
    )
    started = time.perf_counter()
    model.fit(users_by_items, show_progress=False)
    return {
        "seconds": time.perf_counter() - started,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def prepare(api: Any, data_dir: Path, rows: int) -> str:
    """Import the interactions; give the ARN of their dataset group."""
    bucket = data_dir / "buckets" / "bench"
    bucket.mkdir(parents=True)
    generate(bucket / "interactions.csv", rows)
    group: str = api.create_dataset_group(name="bench")["datasetGroupArn"]
    _active(lambda: api.describe_dataset_group(datasetGroupArn=group)["datasetGroup"])
    schema = api.create_schema(name="bench", schema=json.dumps(SCHEMA))["schemaArn"]
    dataset = api.create_dataset(
        name="bench", datasetGroupArn=group, datasetType="Interactions", schemaArn=schema
    )["datasetArn"]
    _active(lambda: api.describe_dataset(datasetArn=dataset)["dataset"])
    job = api.create_dataset_import_job(
        jobName="bench", datasetArn=dataset, dataSource={"dataLocation": "s3://bench/interactions.csv"}
    )["datasetImportJobArn"]
    _active(lambda: api.describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"])
    return group


def create_solution(api: Any, group: str, factors: int) -> str:
    """Make the solution that each round trains a version of; give its ARN."""
    solution: str = api.create_solution(
        name="bench",
        datasetGroupArn=group,
        recipeArn=f"arn:aws:personalize:::recipe/{RECIPE}",
        solutionConfig={"algorithmHyperParameters": {"hidden_dimension": str(factors)}},
    )["solutionArn"]
    _active(lambda: api.describe_solution(solutionArn=solution)["solution"])
    return solution


def run_ours(api: Any, database: Database, solution: str) -> dict[str, Any]:
    """Train a version; seconds from the call to ACTIVE, and what the job noted."""
    started = time.perf_counter()
    arn = api.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    _active(lambda: api.describe_solution_version(solutionVersionArn=arn)["solutionVersion"])
    seconds = time.perf_counter() - started
    with database.read() as session:
        report = newest_job_of(session, arn)
    assert report is not None
    return {
        "seconds": seconds,
        "peak_rss_mb": report.details["peak_memory_mb"],
        "phases_s": report.details["phases_s"],
    }


def _active(describe: Callable[[], dict[str, Any]]) -> None:
    while (described := describe())["status"] != "ACTIVE":
        assert "FAILED" not in described["status"], described
        time.sleep(0.1)


def _bare_in_a_process(matrix: Path, factors: int, threads: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--bare", str(matrix), "--factors", str(factors)]
    child = subprocess.run(
        [*command, "--threads", str(threads)],
        stdout=subprocess.PIPE,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(child.stdout)
    return answer


def compare(rows: int, factors: int, rounds: int, threads: int) -> str:
    """Return the table of both sides, medians over the rounds."""
    with temporary_server() as (url, data_dir):
        api = connect(url, region="us-east-1").control
        database = Database(Settings(data_dir=data_dir).database)
        solution = create_solution(api, prepare(api, data_dir, rows), factors)
        matrix = data_dir / "matrix.npz"
        save_matrix(sorted(data_dir.glob("generations/*/part-*.parquet")), matrix)
        ours, bare = [], []
        for _ in range(rounds):
            bare.append(_bare_in_a_process(matrix, factors, threads))
            ours.append(run_ours(api, database, solution))
        database.dispose()
    return _table(rows, factors, threads, ours, bare)


def _median(results: list[dict[str, Any]], key: str) -> float:
    return statistics.median(float(result[key]) for result in results)


def _table(
    rows: int, factors: int, threads: int, ours: list[dict[str, Any]], bare: list[dict[str, Any]]
) -> str:
    ratios = [mine["seconds"] / peer["seconds"] for mine, peer in zip(ours, bare, strict=True)]
    lines = [
        f"Training, {rows:,} interactions, {factors} factors, {threads} threads; median of {len(ours)}; "
        f"Python {platform.python_version()}, implicit {version('implicit')}, polars {version('polars')}",
        "",
        "| side | seconds | peak memory MB |",
        "|---|---|---|",
        f"| OpenPersonalize, CreateSolutionVersion to ACTIVE | {_median(ours, 'seconds'):.1f} "
        f"| {_median(ours, 'peak_rss_mb'):.0f} |",
        f"| implicit, one fit | {_median(bare, 'seconds'):.1f} | {_median(bare, 'peak_rss_mb'):.0f} |",
        f"| ratio (goal: at most 2.5) | {statistics.median(ratios):.2f} | |",
        "",
        "| phase | seconds |",
        "|---|---|",
    ]
    phases = ours[0]["phases_s"]
    lines += [
        f"| {phase} | {statistics.median(result['phases_s'][phase] for result in ours):.2f} |"
        for phase in phases
    ]
    return "\n".join(lines)


def main() -> None:
    """Run one side or both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        print(json.dumps(run_bare(given.bare, given.factors, given.threads)))
    else:
        print(compare(given.rows, given.factors, given.rounds, given.threads))


if __name__ == "__main__":
    main()
