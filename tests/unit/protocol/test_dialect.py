"""Reading bodies and writing errors."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openpersonalize.errors import InternalFailure, InvalidInputException, NotBuiltYet, SerializationException
from openpersonalize.protocol.dialect import decode
from openpersonalize.protocol.json11 import JSON11
from openpersonalize.protocol.rest import REST

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner)
    ),
    max_leaves=20,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), VALUES))
def test_every_json_object_is_read_as_it_was_written(document: dict[str, object]) -> None:
    assert decode(json.dumps(document).encode()) == document
    assert decode(json.dumps(document, ensure_ascii=False).encode()) == document


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_are_an_object_or_a_serialization_error(body: bytes) -> None:
    try:
        document = decode(body)
    except SerializationException as error:
        assert error.message
    else:
        assert isinstance(document, dict)


def test_an_empty_body_is_an_empty_object() -> None:
    assert decode(b"") == {}


def test_an_escaped_backslash_before_u0000_is_no_nul_character() -> None:
    assert decode(rb'{"schema": "\\u0000"}') == {"schema": r"\u0000"}


@pytest.mark.parametrize("body", [b'{"a": "\\u0000"}', b'{"\\u0000": 1}', b'{"a": [{"b": "x\\u0000"}]}'])
def test_a_nul_character_is_refused(body: bytes) -> None:
    with pytest.raises(SerializationException, match="NUL"):
        decode(body)


def test_an_error_has_its_code_in_the_body_and_in_a_header() -> None:
    status, headers, body = JSON11.encode(InvalidInputException("Bad."))

    assert status == 400
    assert json.loads(body) == {"__type": "InvalidInputException", "message": "Bad."}
    assert dict(headers) == {
        b"content-type": b"application/x-amz-json-1.1",
        b"content-length": b"%d" % len(body),
        b"x-amzn-errortype": b"InvalidInputException",
    }


def test_what_is_not_built_is_an_invalid_input() -> None:
    _, _, body = REST.encode(NotBuiltYet("CreateFilter"))

    assert json.loads(body) == {"__type": "InvalidInputException", "message": "not built yet: CreateFilter"}


def test_a_fault_is_a_500_in_both_protocols() -> None:
    assert {dialect.encode(InternalFailure("x"))[0] for dialect in (JSON11, REST)} == {500}


def test_a_message_with_lone_surrogates_can_be_sent() -> None:
    assert json.loads(REST.encode(InvalidInputException("\ud800"))[2])["message"] == "?"
