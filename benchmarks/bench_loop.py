"""The whole loop on MovieLens: from CSV to the first recommendation, seconds by phase."""

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

from rich.console import Console

from openpersonalize import __version__
from openpersonalize.cli.client.connection import connect
from openpersonalize.cli.client.loading import LoadedStore, Loader
from openpersonalize.cli.client.movielens import convert
from openpersonalize.cli.client.statuses import progress_bars
from openpersonalize.cli.client.temporary_server import temporary_server
from openpersonalize.settings import Settings

RECIPES = {"for-you": "aws-user-personalization"}


def run(source: Path) -> dict[str, float]:
    """Seconds by phase, of a server that did nothing before."""
    prepared = LoadedStore()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch, temporary_server() as (url, data_dir):
        prepared.seconds["start the server"] = time.perf_counter() - start
        with prepared.phase("read the folder"):
            folder = convert(source, Path(scratch))
        connection = connect(url, region="us-east-1")
        with progress_bars(Console(stderr=True)) as bars:
            store = Loader(connection, bars, "movielens", Settings(data_dir=data_dir), lambda _: None).load(
                folder, RECIPES
            )
        with store.phase("first recommendation"):
            connection.runtime.get_recommendations(campaignArn=store.campaigns["for-you"], userId="1")
    return prepared.seconds | store.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/ml-latest-small"))
    seconds = run(parser.parse_args().data)
    print(f"OpenPersonalize {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print("| phase | seconds |\n|---|---|")
    for phase, value in seconds.items():
        print(f"| {phase} | {value:.2f} |")
    print(f"| total | {sum(seconds.values()):.2f} |")


if __name__ == "__main__":
    main()
