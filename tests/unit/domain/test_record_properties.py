"""Properties of items, users and actions and the columns they fill."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpersonalize.domain.columns import Column, DatasetColumns, camel
from openpersonalize.domain.records import RecordColumns
from openpersonalize.errors import InvalidInputException

COLUMNS = (
    Column("ITEM_ID", "string"),
    Column("GENRES", "string", nullable=True, categorical=True),
    Column("DESCRIPTION", "string", nullable=True, textual=True),
    Column("PRICE", "float", nullable=True),
    Column("EXACT_PRICE", "double", nullable=True),
    Column("YEAR", "int", nullable=True),
    Column("STOCK", "long", nullable=True),
    Column("ADULT", "boolean", nullable=True),
    Column("CREATION_TIMESTAMP", "long", nullable=True),
)
ITEMS = RecordColumns.of(DatasetColumns("ITEMS", COLUMNS))
PYTHON = {"string": str, "float": float, "double": float, "int": int, "long": int, "boolean": bool}
KEYS = st.sampled_from([camel(column.name) for column in COLUMNS]) | st.text(max_size=8)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.lists(st.text(max_size=3), max_size=2)
)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_what_is_kept_has_the_types_of_the_columns(properties: dict[str, Any]) -> None:
    try:
        kept = ITEMS.match(json.dumps(properties))
    except InvalidInputException:
        return
    by_name = {column.name: column for column in COLUMNS if column.name != "ITEM_ID"}
    for name, value in json.loads(kept or "{}").items():
        assert type(value) is PYTHON[by_name[name].type]
        assert value not in (None, "")


@given(st.dictionaries(KEYS, VALUES, max_size=6), st.randoms())
def test_the_order_of_keys_makes_no_difference(properties: dict[str, Any], chance: random.Random) -> None:
    pairs = list(properties.items())
    chance.shuffle(pairs)

    assert outcome(properties) == outcome(dict(pairs))


def outcome(properties: dict[str, Any]) -> str | None:
    try:
        return ITEMS.match(json.dumps(properties))
    except InvalidInputException:
        return "refused"


@pytest.mark.parametrize("text", ["{}", '{"genres":null}', '{"genres":""}', '{"itemId":"x"}', '{"none":1}'])
def test_nothing_to_keep_is_none(text: str) -> None:
    assert ITEMS.match(text) is None
    assert ITEMS.match(None) is None


@pytest.mark.parametrize("digits", ["1e400", "-1e400", "9" * 400, '"' + "9" * 5000 + '"'])
@pytest.mark.parametrize("key", ["price", "exactPrice", "year", "stock", "creationTimestamp"])
def test_numbers_out_of_every_range_are_refused(key: str, digits: str) -> None:
    with pytest.raises(InvalidInputException) as caught:
        ITEMS.match(f'{{"{key}":{digits}}}')

    assert "999" not in caught.value.message


def test_a_float_keeps_what_32_bits_can_hold() -> None:
    largest = 3.4028234663852886e38

    assert ITEMS.match(json.dumps({"price": largest})) == '{"PRICE":3.4028234663852886e38}'
    with pytest.raises(InvalidInputException, match="in the range of float"):
        ITEMS.match(json.dumps({"price": 3.4028235677973366e38}))
    assert ITEMS.match(json.dumps({"exactPrice": 1e300})) == '{"EXACT_PRICE":1e300}'
