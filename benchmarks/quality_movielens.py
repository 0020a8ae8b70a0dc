"""User-Personalization beside Popularity-Count on MovieLens, through the API.

Both are trained once on everything before each user's last five events. These events are then predicted
in the order of time: ask for 500 items, leave out what the user has seen, note the place of the item that
came, and send the event with PutEvents. Ties in time keep the file's order.
"""

import argparse
import csv
import platform
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from openpersonalize.cli.client.connection import Connection, connect
from openpersonalize.cli.client.loading import LoadedStore, Loader
from openpersonalize.cli.client.movielens import convert
from openpersonalize.cli.client.statuses import progress_bars
from openpersonalize.cli.client.temporary_server import temporary_server
from openpersonalize.settings import Settings

HELD_OUT = 5
ASKED = 500
CUT = 10
RECIPES = {"for-you": "aws-user-personalization", "popular": "aws-popularity-count"}
N_RESAMPLES = 10_000
SEED = 7


@dataclass(frozen=True)
class Event:
    """One rating."""

    user_id: str
    item_id: str
    value: float
    timestamp: int


def split(csv_path: Path) -> tuple[set[int], list[Event]]:
    """Line numbers of the held-out events, and the events in the file's order."""
    with csv_path.open(encoding="utf-8", newline="") as file:
        events = [
            Event(line["USER_ID"], line["ITEM_ID"], float(line["EVENT_VALUE"]), int(line["TIMESTAMP"]))
            for line in csv.DictReader(file)
        ]
    by_user: dict[str, list[int]] = defaultdict(list)
    for number in sorted(range(len(events)), key=lambda number: events[number].timestamp):
        by_user[events[number].user_id].append(number)
    return {number for numbers in by_user.values() for number in numbers[-HELD_OUT:]}, events


def keep_training_lines(csv_path: Path, held_out: set[int]) -> None:
    """Take the held-out events out of the file that is imported."""
    header, *lines = csv_path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for number, line in enumerate(lines) if number not in held_out]
    csv_path.write_text(header + "".join(kept), encoding="utf-8")


def gain(connection: Connection, campaign_arn: str, event: Event, seen: set[str]) -> float:
    """NDCG@10 of one event: there is one right answer, so it is the discount of its place, or 0."""
    answer = connection.runtime.get_recommendations(
        campaignArn=campaign_arn, userId=event.user_id, numResults=ASKED
    )
    unseen = [item["itemId"] for item in answer["itemList"] if item["itemId"] not in seen]
    if event.item_id not in unseen[:CUT]:
        return 0.0
    return float(1 / np.log2(unseen.index(event.item_id) + 2))


def predict(
    connection: Connection, store: LoadedStore, events: list[Event], held_out: set[int]
) -> dict[str, dict[str, list[float]]]:
    """NDCG@10 by recipe and user, of each held-out event, in the order of time over all users."""
    seen: dict[str, set[str]] = defaultdict(set)
    for number, event in enumerate(events):
        if number not in held_out:
            seen[event.user_id].add(event.item_id)
    gains: dict[str, dict[str, list[float]]] = {use: defaultdict(list) for use in store.campaigns}
    for number in sorted(held_out, key=lambda number: events[number].timestamp):
        event = events[number]
        for use, arn in store.campaigns.items():
            gains[use][event.user_id].append(gain(connection, arn, event, seen[event.user_id]))
        put(connection, store.tracking_id, event)
        seen[event.user_id].add(event.item_id)
    return gains


def put(connection: Connection, tracking_id: str, event: Event) -> None:
    """Send what came."""
    sent: dict[str, Any] = {
        "eventType": "View",
        "itemId": event.item_id,
        "eventValue": event.value,
        "sentAt": event.timestamp,
    }
    connection.events.put_events(
        trackingId=tracking_id, userId=event.user_id, sessionId=event.user_id, eventList=[sent]
    )


def ratio_interval(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> tuple[float, float, float]:
    """Ratio of the pooled means and its 95 % interval, resampling users in pairs."""
    random = np.random.default_rng(SEED)
    rows = random.integers(0, len(ours), (N_RESAMPLES, len(ours)))
    ratios = ours[rows].sum(axis=1) / theirs[rows].sum(axis=1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(ours.sum() / theirs.sum()), float(low), float(high)


def report(gains: dict[str, dict[str, list[float]]], seconds: float) -> None:
    """Print the table."""
    users = list(gains["for-you"])
    sums = {use: np.array([sum(by_user[user]) for user in users]) for use, by_user in gains.items()}
    n_events = sum(len(values) for values in gains["for-you"].values())
    print(f"\n{len(users)} users, {n_events} events, {seconds:.0f} s of requests")
    print(f"Python {platform.python_version()}, numpy {version('numpy')}, {platform.machine()}\n")
    print("| recipe | NDCG@10 |\n|---|---|")
    for use, recipe in RECIPES.items():
        print(f"| {recipe} | {sums[use].sum() / n_events:.4f} |")
    ratio, low, high = ratio_interval(sums["for-you"], sums["popular"])
    print(f"| ratio, 95 % interval (paired bootstrap over users) | {ratio:.2f} [{low:.2f}, {high:.2f}] |")
    if low <= 1:
        sys.exit("The lower bound is not above 1.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/ml-latest-small"))
    folder = parser.parse_args().data
    with tempfile.TemporaryDirectory() as scratch, temporary_server() as (url, data_dir):
        store_folder = convert(folder, Path(scratch))
        held_out, events = split(store_folder.csv("interactions"))
        keep_training_lines(store_folder.csv("interactions"), held_out)
        connection = connect(url, region="us-east-1")
        with progress_bars(Console(stderr=True)) as bars:
            loader = Loader(connection, bars, "movielens", Settings(data_dir=data_dir), lambda _: None)
            store = loader.load(store_folder, RECIPES)
        start = time.perf_counter()
        gains = predict(connection, store, events, held_out)
        report(gains, time.perf_counter() - start)


if __name__ == "__main__":
    main()
