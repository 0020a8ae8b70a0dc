"""Training of aws-user-personalization on a prepared generation, beside one bare fit of implicit.

Ours is the training child as the worker starts it: load Parquet, fit without the test users, calibrate,
evaluate, fit on all (from the first factors, with half the iterations), save. The peer is one
`AlternatingLeastSquares.fit` alone, on the same matrix with the same factors, iterations, regularisation and
threads; its loading is not counted. Fresh processes in turns. Memory is the child's own peak.
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
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

SEED = 7
ROWS_PER_PART = 1_000_000
N_TASTES = 50
RECIPE = "aws-user-personalization"


def generate(folder: Path, rows: int) -> None:
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
    for number, start in enumerate(range(0, rows, ROWS_PER_PART)):
        frame[start : start + ROWS_PER_PART].write_parquet(folder / f"part-{number:05d}.parquet")


def save_matrix(parts: list[Path], target: Path) -> None:
    """Save the matrix that the fit on all data sees, for the peer."""
    import scipy.sparse

    from openpersonalize.recipes.als import CONFIDENCE
    from openpersonalize.recipes.training_data import EventFilter, Source, load_interactions

    data = load_interactions(Source(parts, has_one_origin=True), EventFilter())
    matrix = data.of_typical_users(0.0, 0.99).matrix()
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


def run_ours(parts: list[Path], factors: int, threads: int, folder: Path) -> dict[str, Any]:
    """Run the training child from its start to its result."""
    from openpersonalize.recipes.catalogue import RECIPES
    from openpersonalize.recipes.hyperparameters import validate_hyperparameters

    spec = {
        "recipe": RECIPE,
        "settings": validate_hyperparameters(RECIPES[RECIPE], {"hidden_dimension": str(factors)}, {}),
        "interactions": [str(part) for part in parts],
        "items": [],
        "has_one_origin": True,
        "event_type": None,
        "value_threshold": None,
        "seed": 0,
        "n_threads": threads,
        "folder": str(folder),
        "extra": {},
        "parent": os.getpid(),
    }
    started = time.perf_counter()
    child = subprocess.run(
        [sys.executable, "-m", "openpersonalize.work.training_child"],
        input=json.dumps(spec),
        stdout=subprocess.PIPE,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - started
    result: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])["result"]
    return result | {"seconds": seconds}


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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(folder, rows)
        parts = sorted(folder.glob("part-*.parquet"))
        save_matrix(parts, folder / "matrix.npz")
        ours, bare = [], []
        for turn in range(rounds):
            bare.append(_bare_in_a_process(folder / "matrix.npz", factors, threads))
            ours.append(run_ours(parts, factors, threads, folder / f"artifact-{turn}"))
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
        f"| openpersonalize, the whole training | {_median(ours, 'seconds'):.1f} "
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
