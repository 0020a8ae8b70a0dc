"""The sample store as files: three CSVs with their schemas."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from openpersonalize.cli.sample_store.catalogue import Item, make_items
from openpersonalize.cli.sample_store.customers import Customer, make_customers, make_interactions

SEED = 20_180_522


def _schema(name: str, fields: list[dict[str, Any]]) -> str:
    record = {
        "type": "record",
        "name": name,
        "namespace": "com.amazonaws.personalize.schema",
        "fields": fields,
        "version": "1.0",
    }
    return json.dumps(record, indent=2) + "\n"


def _field(name: str, kind: Any, *, categorical: bool = False) -> dict[str, Any]:
    return {"name": name, "type": kind} | ({"categorical": True} if categorical else {})


SCHEMAS = {
    "interactions": _schema(
        "Interactions",
        [
            _field("USER_ID", "string"),
            _field("ITEM_ID", "string"),
            _field("TIMESTAMP", "long"),
            _field("EVENT_TYPE", "string"),
            _field("EVENT_VALUE", ["null", "float"]),
        ],
    ),
    "items": _schema(
        "Items",
        [
            _field("ITEM_ID", "string"),
            _field("TITLE", "string"),
            _field("CATEGORY", "string", categorical=True),
            _field("GENRES", "string", categorical=True),
            _field("PRICE", "float"),
            _field("CREATION_TIMESTAMP", "long"),
        ],
    ),
    "users": _schema(
        "Users",
        [
            _field("USER_ID", "string"),
            _field("AGE_GROUP", "string", categorical=True),
            _field("MEMBERSHIP", "string", categorical=True),
        ],
    ),
}


def sample_files(seed: int = SEED) -> Iterator[tuple[str, str]]:
    """Name and text of each file; the same bytes for the same seed."""
    random = Random(seed)  # noqa: S311  (a shop to play with, not a secret)
    items, customers = make_items(random), make_customers(random)
    interactions = (
        (event.user_id, event.item_id, event.timestamp, event.event_type, _blank(event.event_value))
        for event in make_interactions(customers, items, random)
    )
    lines: dict[str, Iterable[tuple[object, ...]]] = {
        "items": map(_item_line, items),
        "users": map(_customer_line, customers),
        "interactions": interactions,
    }
    for name, schema in SCHEMAS.items():
        yield f"{name}.schema.json", schema
        yield f"{name}.csv", _csv(schema, lines[name])


def _item_line(item: Item) -> tuple[object, ...]:
    return (
        item.item_id,
        item.title,
        item.department,
        "|".join(item.shelves),
        f"{item.price:.2f}",
        item.created_at,
    )


def _customer_line(customer: Customer) -> tuple[object, ...]:
    return customer.user_id, customer.age_group, customer.membership


def _blank(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _csv(schema: str, lines: Iterable[tuple[object, ...]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field["name"] for field in json.loads(schema)["fields"])
    writer.writerows(lines)
    return text.getvalue()
