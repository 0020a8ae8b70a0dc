"""Whatever a schema's text is, it is read or refused with a reason."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from openpersonalize.domain.schemas import RECORD_NAMES, parse_schema
from openpersonalize.errors import InvalidInputException

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
NAMES = st.sampled_from(["USER_ID", "user_id", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "PRICE", "GENRE", "A"])
TYPES = st.sampled_from(["string", "int", "long", "float", "boolean", "null"]) | ANYTHING
FIELD = st.fixed_dictionaries(
    {"name": NAMES | ANYTHING, "type": TYPES | st.lists(TYPES, max_size=3)},
    optional={flag: st.booleans() | ANYTHING for flag in ("categorical", "textual", "itemName")},
)
SCHEMA = st.fixed_dictionaries(
    {
        "type": st.just("record") | ANYTHING,
        "name": st.sampled_from(RECORD_NAMES) | ANYTHING,
        "fields": st.lists(FIELD, max_size=6) | ANYTHING,
    }
)
DOMAINS = st.sampled_from([None, "ECOMMERCE", "VIDEO_ON_DEMAND"])


def read_or_refuse(text: str, domain: str | None) -> None:
    try:
        schema = parse_schema(text, domain)
    except InvalidInputException as error:
        assert error.message.startswith("Invalid schema. ")
        assert "\n" not in error.message
    else:
        assert len(schema.columns.names) == len(set(schema.columns.names))


@given(SCHEMA, DOMAINS)
def test_a_document_is_read_or_refused(document: dict[str, Any], domain: str | None) -> None:
    read_or_refuse(json.dumps(document), domain)


@given(st.text() | st.from_regex(r"[\\[{\":,0-9]*"), DOMAINS)
def test_a_text_is_read_or_refused(text: str, domain: str | None) -> None:
    read_or_refuse(text, domain)


def test_numbers_of_any_length_and_lists_of_any_depth_are_refused() -> None:
    for depth in (10, 300, 900, 960, 990, 4_000):
        read_or_refuse('{"type": "record", "name": ' + "[" * depth + "]" * depth + "}", None)
    read_or_refuse('{"type": ' + "1" * 9_000 + "}", None)
