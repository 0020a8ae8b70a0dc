"""The sample store is the same for the same seed, and behaves like a shop."""

import csv
import io
import json
from functools import cache

from openpersonalize.cli.sample_store.files import SCHEMAS, SEED, sample_files


@cache
def files(seed: int = SEED) -> dict[str, str]:
    return dict(sample_files(seed))


@cache
def lines(kind: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files()[f"{kind}.csv"])))


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert dict(sample_files(SEED)) == files()


def test_another_seed_gives_another_store() -> None:
    other = files(SEED + 1)

    assert other["items.csv"] != files()["items.csv"]
    assert other["interactions.csv"] != files()["interactions.csv"]


def test_columns_are_the_schemas_fields() -> None:
    for kind, schema in SCHEMAS.items():
        names = [field["name"] for field in json.loads(schema)["fields"]]

        assert list(lines(kind)[0]) == names
        assert files()[f"{kind}.schema.json"] == schema


def test_it_has_a_few_thousand_customers_and_titled_items() -> None:
    titles = [item["TITLE"] for item in lines("items")]

    assert len(lines("users")) == 3000
    assert len(lines("items")) == 1152
    assert len(set(titles)) > 0.95 * len(titles)
    assert 100_000 < len(lines("interactions")) < 150_000


def test_interactions_name_known_customers_and_items_in_the_order_of_time() -> None:
    users = {user["USER_ID"] for user in lines("users")}
    created = {item["ITEM_ID"]: int(item["CREATION_TIMESTAMP"]) for item in lines("items")}
    times = [int(event["TIMESTAMP"]) for event in lines("interactions")]
    two_weeks = 14 * 86_400

    assert {event["USER_ID"] for event in lines("interactions")} <= users
    assert {event["ITEM_ID"] for event in lines("interactions")} <= set(created)
    assert times == sorted(times)
    assert all(
        int(event["TIMESTAMP"]) > created[event["ITEM_ID"]] - two_weeks for event in lines("interactions")
    )


def test_a_part_of_what_customers_do_they_did_before() -> None:
    seen: set[tuple[str, str]] = set()
    repeats = 0
    for event in lines("interactions"):
        pair = event["USER_ID"], event["ITEM_ID"]
        repeats += pair in seen
        seen.add(pair)

    assert 0.1 < repeats / len(lines("interactions")) < 0.35


def test_only_purchases_have_a_value() -> None:
    kinds = {(event["EVENT_TYPE"], bool(event["EVENT_VALUE"])) for event in lines("interactions")}

    assert kinds == {("View", False), ("AddToCart", False), ("Purchase", True)}


def test_customers_stay_near_their_favourite_shelves() -> None:
    shelf_of = {item["ITEM_ID"]: item["GENRES"].split("|")[0] for item in lines("items")}
    by_user: dict[str, list[str]] = {}
    for event in lines("interactions"):
        by_user.setdefault(event["USER_ID"], []).append(shelf_of[event["ITEM_ID"]])
    shares = [
        max(shelves.count(shelf) for shelf in set(shelves)) / len(shelves)
        for shelves in by_user.values()
        if len(shelves) >= 20
    ]

    # 24 shelves: without tastes a favourite would have a share near 0.1.
    assert sum(shares) / len(shares) > 0.35
