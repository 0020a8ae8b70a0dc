"""The memory that a training was expected to need, beside the peak of its process, on several sizes.

Through the API of a real server: the expectation is what refuses a training under
OPENPERSONALIZE_MEMORY_LIMIT, and the peak is that of the training child, as the job's details have them.
Reach: each within a factor of 1.5 of the other.
"""

import argparse
from typing import Any

from bench_training import _active, prepare

from openpersonalize.cli.client.connection import connect
from openpersonalize.cli.client.temporary_server import temporary_server
from openpersonalize.jobs.reports import newest_job_of
from openpersonalize.settings import Settings
from openpersonalize.storage.database import Database

RECIPES = (
    "aws-popularity-count",
    "aws-sims",
    "aws-similar-items",
    "aws-user-personalization",
    "aws-item-affinity",
)
SIZES = (100_000, 1_000_000, 5_000_000)


def measure(rows: int, recipes: list[str]) -> list[str]:
    """Return a line of the table for each recipe."""
    with temporary_server() as (url, data_dir):
        api = connect(url, region="us-east-1").control
        database = Database(Settings(data_dir=data_dir).database)
        group = prepare(api, data_dir, rows)
        lines = [_line(rows, recipe, _details(api, database, group, recipe)) for recipe in recipes]
        database.dispose()
    return lines


def _details(api: Any, database: Database, group: str, recipe: str) -> dict[str, Any]:
    arn = f"arn:aws:personalize:::recipe/{recipe}"
    solution = api.create_solution(
        name=recipe, datasetGroupArn=group, recipeArn=arn, performAutoTraining=False
    )["solutionArn"]
    _active(lambda: api.describe_solution(solutionArn=solution)["solution"])
    version = api.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    _active(lambda: api.describe_solution_version(solutionVersionArn=version)["solutionVersion"])
    with database.read() as session:
        report = newest_job_of(session, version)
    assert report is not None
    return dict(report.details)


def _line(rows: int, recipe: str, details: dict[str, Any]) -> str:
    expected, peak = details["expected_memory_mb"], details["peak_memory_mb"]
    data = details["data"]
    return (
        f"| {recipe} | {rows:,} | {data['users']:,} | {data['items']:,} | {expected:,} | {peak:,} "
        f"| {expected / peak:.2f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--recipes", nargs="+", default=RECIPES)
    given = parser.parse_args()
    print("| recipe | interactions | users | items | expected MB | peak MB | ratio |\n" + "|---" * 7 + "|")
    for rows in given.sizes:
        print("\n".join(measure(rows, given.recipes)), flush=True)


if __name__ == "__main__":
    main()
