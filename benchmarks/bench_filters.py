"""GetRecommendations with filters, a promotion and metadata, beside the textbook service doing the same.

10 k items with 12 columns, factors of width 64, 25 results with scores, signed requests over HTTP, one core.
The textbook service (`textbook.filtered`) hands implicit the items to take (`items`) or to leave out
(`filter_items`, the faster of the two counts), both looked up ready-made, and joins metadata with pandas.
Ours reads values from the request, and purchases from its index and the newest events.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bench_serving import N_USERS, Cell, make_model, make_peer_data
from deployed import a_store, add_filter, add_index, add_items, deploy
from servers import Load, Server, machine, ours, serving, signed, write_requests
from textbook import METADATA

from openpersonalize.domain.columns import Column
from openpersonalize.models.columns import ColumnTable
from openpersonalize.models.event_pairs import EventPairs
from openpersonalize.models.ids import IdIndex

CELL = Cell(10_000, 64)
GOAL, GOAL_OF_FILTERS = 0.6, 1.6
COLUMNS = (
    Column("ITEM_ID", "string"),
    Column("CATEGORY", "string", categorical=True),
    Column("HALF", "string", categorical=True),
    Column("TITLE", "string"),
    Column("PRICE", "float"),
    *(Column(f"NUMBER_{number}", "long") for number in range(8)),
)
FILTERS = {
    "purchased": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase")',
    "category": "INCLUDE ItemID WHERE Items.CATEGORY IN ($CATEGORY)",
    "half": "INCLUDE ItemID WHERE Items.HALF IN ($HALF)",
}
KINDS = {
    "plain": ("plain",),
    "+ EXCLUDE purchased": ("purchased",),
    "+ INCLUDE that keeps 1 %": ("1-items", "1-filter"),
    "+ INCLUDE that keeps 50 %": ("50-items", "50-filter"),
    "+ promotion of 20 %": ("promotion",),
    "+ 3 metadata columns": ("metadata",),
}
"""Rows of the table, and the paths of the textbook service."""


def records() -> dict[str, dict[str, Any]]:
    """The items' columns: 100 categories of 1 % each, and halves."""
    rng = np.random.default_rng(0)
    return {
        f"item-{row}": {
            "ITEM_ID": f"item-{row}",
            "CATEGORY": f"c{row % 100}",
            "HALF": "yes" if rng.random() < 0.5 else "no",
            "TITLE": f"The {row}th of all items",
            "PRICE": float(row % 90) + 0.99,
            **{f"NUMBER_{number}": int(rng.integers(1000)) for number in range(8)},
        }
        for row in range(CELL.n_items)
    }


def purchases(histories: Any) -> EventPairs:
    """Every third event of a user is a purchase, the others are views."""
    lengths = np.diff(histories.indptr)
    places = np.concatenate([np.arange(length) for length in lengths])
    order = np.lexsort((histories.indices, places % 3 != 0, np.repeat(np.arange(N_USERS), lengths)))
    return EventPairs(
        users=IdIndex.build([f"user-{row}" for row in range(N_USERS)]),
        items=IdIndex.build([f"item-{row}" for row in range(CELL.n_items)]),
        types=("purchase", "view"),
        starts=histories.indptr.astype(np.int64),
        pair_items=histories.indices[order].astype(np.int32),
        pair_types=(places[order] % 3 != 0).astype(np.int32),
        pair_places=np.zeros(len(order), np.int32),
    )


def members_of(filters: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What each row adds to the plain request."""
    category = {"filterArn": filters["category"], "filterValues": {"CATEGORY": '"c7"'}}
    return {
        "plain": {},
        "+ EXCLUDE purchased": {"filterArn": filters["purchased"]},
        "+ INCLUDE that keeps 1 %": category,
        "+ INCLUDE that keeps 50 %": {"filterArn": filters["half"], "filterValues": {"HALF": '"yes"'}},
        "+ promotion of 20 %": {"promotions": [{"name": "autumn", "percentPromotedItems": 20, **category}]},
        "+ 3 metadata columns": {"metadataColumns": {"ITEMS": METADATA}},
    }


def measure(server: Server, requests: Path, seconds: float) -> Load:
    server.load(requests, connections=32, seconds=min(1.0, seconds))
    return server.load(requests, connections=32, seconds=seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        factors, histories = make_peer_data(folder, CELL)
        items = records()
        pd.DataFrame(items.values()).to_parquet(folder / "items.parquet")
        stores = a_store(folder / "data")
        add_items(stores, COLUMNS)
        add_index(stores, "ITEMS", ColumnTable.build(COLUMNS, items))
        add_index(stores, "INTERACTIONS", purchases(histories))
        filters = {name: add_filter(stores, name, expression) for name, expression in FILTERS.items()}
        config = {"enableMetadataWithRecommendations": True}
        campaign = deploy(stores, make_model(factors, histories), "als", config)
        stores.database.dispose()
        users = [f"user-{user}" for user in np.random.default_rng(0).permutation(N_USERS)[:2000]]
        mine: dict[str, Load] = {}
        with ours(folder / "data") as server:
            for name, members in members_of(filters).items():
                bodies = [
                    json.dumps({"campaignArn": campaign, "userId": user, "numResults": 25} | members).encode()
                    for user in users
                ]
                requests = [signed("/recommendations", body) for body in bodies]
                mine[name] = measure(server, write_requests(folder / "requests", requests), given.seconds)
        theirs: dict[str, Load] = {}
        with serving(["benchmarks/textbook.py", "filtered", str(folder)], ready="/ready") as server:
            plain = [
                json.dumps({"campaignArn": campaign, "userId": user, "numResults": 25}).encode()
                for user in users
            ]
            for name, kinds in KINDS.items():
                loads = []
                for kind in kinds:
                    requests = [signed(f"/{kind}", body) for body in plain]
                    loads.append(
                        measure(server, write_requests(folder / "requests", requests), given.seconds)
                    )
                theirs[name] = min(loads, key=lambda load: load.cpu_us)
    show(mine, theirs)


def show(mine: Mapping[str, Load], theirs: Mapping[str, Load]) -> None:
    print(machine("openpersonalize", "uvicorn", "numba", "fastapi", "implicit", "pandas"), "\n")
    print("| request | OpenPersonalize, CPU us | textbook, CPU us | ratio | of our plain request |")
    print("|---|---|---|---|---|")
    for name, load in mine.items():
        print(
            f"| {name} | {load.cpu_us:.0f} | {theirs[name].cpu_us:.0f} "
            f"| {load.cpu_us / theirs[name].cpu_us:.2f} | {load.cpu_us / mine['plain'].cpu_us:.2f} |"
        )
    worst = max(mine[name].cpu_us / theirs[name].cpu_us for name in mine)
    dearest = max(mine[name].cpu_us for name in mine if "CLUDE" in name) / mine["plain"].cpu_us
    print(f"\nGoal: at most {GOAL} times the textbook's CPU in every row; reached: {worst:.2f}.")
    print(f"Goal: a filter costs at most {GOAL_OF_FILTERS} times the plain request; reached: {dearest:.2f}.")


if __name__ == "__main__":
    main()
