"""Which columns of interactions are context, and how streamed events fill them."""

import json

import polars as pl
import pytest

from openpersonalize.domain.datasets import contextual
from openpersonalize.domain.schemas import parse_schema
from openpersonalize.work.contexts import streamed_values

RESERVED = {
    "USER_ID": "string",
    "ITEM_ID": "string",
    "TIMESTAMP": "long",
    "EVENT_TYPE": "string",
    "EVENT_VALUE": "float",
    "IMPRESSION": "string",
    "RECOMMENDATION_ID": "string",
    "EVENT_ATTRIBUTION_SOURCE": "string",
}
OWN = {"DEVICE": "string", "HOUR": "int", "SPEED": "double"}


@pytest.mark.parametrize("domain", [None, "ECOMMERCE", "VIDEO_ON_DEMAND"])
def test_context_is_what_the_customers_own_columns_hold(domain: str | None) -> None:
    fields = [{"name": name, "type": kind} for name, kind in (RESERVED | OWN).items()]
    schema = parse_schema(json.dumps({"type": "record", "name": "Interactions", "fields": fields}), domain)

    assert [column.name for column in contextual(schema.columns)] == list(OWN)


def test_streamed_values_are_the_texts_that_imported_ones_become() -> None:
    imported = pl.DataFrame(
        {
            "DEVICE": ["phone", "", None, None],
            "HOUR": pl.Series([7, -1, None, None], dtype=pl.Int64),
            "IS_APP": [True, False, None, None],
            "SPEED": [0.5, 1.0, None, None],
        }
    )
    properties = [json.dumps(row) for row in imported.head(2).to_dicts()] + ["{}", None]
    contexts = {"DEVICE": True, "HOUR": True, "IS_APP": True, "SPEED": False}
    streamed = pl.DataFrame(streamed_values(properties, contexts))

    assert streamed.equals(imported.select(pl.col("DEVICE", "HOUR", "IS_APP").cast(pl.String)))


def test_without_contextual_columns_no_property_is_read() -> None:
    assert streamed_values(["not JSON", None], {}) == []
    assert streamed_values(["not JSON", None], {"SPEED": False}) == []
