"""Properties of events and the columns they fill."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpersonalize.domain.columns import Column, ColumnType, DatasetColumns, camel
from openpersonalize.domain.events import NOTHING, EventColumns
from openpersonalize.errors import InvalidInputException

NAMES = st.from_regex(r"[A-Z][A-Z0-9]{0,5}(_[A-Z0-9]{1,5}){0,3}", fullmatch=True).filter(
    lambda name: camel(name).lower() not in {"userid", "sessionid", "eventtype", "timestamp", "impression"}
)


def columns(*custom: Column) -> EventColumns:
    core = (Column("USER_ID", "string"), Column("ITEM_ID", "string"), Column("TIMESTAMP", "long"))
    return EventColumns.of(DatasetColumns("INTERACTIONS", (*core, *custom)))


def nullable(name: str, kind: ColumnType) -> Column:
    return Column(name, kind, nullable=True)


@given(NAMES)
def test_a_property_named_in_camel_case_fills_its_column(name: str) -> None:
    if camel(name) in ("itemId", "eventValue", "recommendationId"):
        return
    matched = columns(nullable(name, "string")).match(json.dumps({camel(name): "x"}))

    assert json.loads(matched.columns or "{}") == {name: "x"}


@given(
    st.dictionaries(
        st.text(string.ascii_letters, min_size=1), st.integers() | st.text(string.printable) | st.none()
    )
)
def test_properties_that_match_no_column_are_left_out(properties: dict[str, object]) -> None:
    known = {"itemid", "eventvalue", "userid", "sessionid", "eventtype", "timestamp", "recommendationid"}
    if known & {key.lower() for key in properties} or "impression" in {key.lower() for key in properties}:
        return

    assert columns().match(json.dumps(properties)) == NOTHING


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        columns(nullable("A", "int")).match(text)
    except InvalidInputException as error:
        assert error.message.startswith(("Error parsing", "The "))


@given(st.integers(-(2**70), 2**70))
def test_integers_keep_their_value_or_are_refused(number: int) -> None:
    wanted = columns(nullable("A", "long"))
    for given_as in (number, str(number)):
        try:
            matched = wanted.match(json.dumps({"a": given_as}))
        except InvalidInputException:
            assert not -(2**63) <= number < 2**63
        else:
            assert json.loads(matched.columns or "") == {"A": number}


def test_columns_are_canonical_whatever_the_order_of_the_keys() -> None:
    wanted = columns(nullable("A", "int"), nullable("B_C", "string"))

    assert wanted.match('{"bC":"x","a":1}') == wanted.match('{"a": 1.0, "b_c": "x"}')


def test_a_demanded_column_is_named_with_its_property() -> None:
    wanted = columns(Column("CABIN_TYPE", "string"))
    for given_as in (None, "{}", '{"cabinType": null}'):
        with pytest.raises(InvalidInputException, match="CABIN_TYPE: give cabinType in properties"):
            wanted.match(given_as)


def test_a_nul_character_is_refused() -> None:
    with pytest.raises(InvalidInputException, match="NUL"):
        columns(nullable("A", "string")).match('{"a": "x\\u0000y"}')
