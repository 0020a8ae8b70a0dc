"""The properties of streamed events and records: JSON texts whose values fill columns of a schema."""

import math
import re
from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from openpersonalize.domain.columns import Column, camel
from openpersonalize.domain.limits import ID_CHARACTERS
from openpersonalize.errors import InvalidInputException

_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*", re.ASCII)
_INTEGERS = {"int": 2**31, "long": 2**63}
_FLOAT_END = 2.0**128 - 2.0**103
"""From here on a number rounds to infinity in 32 bits."""

canonical = msgspec.json.Encoder(order="sorted").encode
"""JSON bytes that are equal for equal values."""


def parsed(properties: str) -> dict[str, Any]:
    """The object in a properties member. Raises InvalidInputException."""
    try:
        document = msgspec.json.decode(properties)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InvalidInputException("Error parsing properties json: it must be a JSON object.")
    if "\\u0000" in properties and any("\0" in text for pair in document.items() for text in map(str, pair)):
        raise InvalidInputException("Error parsing properties json: it has a NUL character.")
    return document


def demand(required: Iterable[str], given: Collection[str]) -> None:
    """Raise InvalidInputException when a column that may not be null has no value."""
    missing = sorted(set(required).difference(given))
    if missing:
        raise InvalidInputException(
            f"The schema demands a value of {', '.join(missing)}: give {', '.join(map(camel, missing))} "
            "in properties, or make the column nullable."
        )


def id_of(key: str, value: Any) -> str:
    """A property that is an id. Raises InvalidInputException."""
    # Ids were numbers in some notebooks.
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not 1 <= len(text) <= ID_CHARACTERS:
        raise InvalidInputException(
            f"The property {key} must be a string of 1 to {ID_CHARACTERS} characters."
        )
    return text


def typed(key: str, value: Any, column: Column) -> Any:
    """A property's value in the type of its column. Raises InvalidInputException."""
    if column.type == "string":
        if not isinstance(value, str):
            raise wrong(key, column, "a string")
        return value
    if column.type == "boolean":
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise wrong(key, column, "a boolean")
    if column.type in _INTEGERS:
        return _integer(key, value, column)
    number_ = number(key, value)
    if column.type == "float" and abs(number_) >= _FLOAT_END:
        raise wrong(key, column, "a number in the range of float")
    return number_


def number(key: str, value: Any) -> float:
    """A finite number; texts of numbers count, as in the form of before August 2020."""
    try:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number or (isinstance(value, str) and _NUMBER.fullmatch(value)):
            found = float(value)
            if math.isfinite(found):
                return found
    except (ValueError, OverflowError):
        pass
    raise InvalidInputException(f"The property {key} must be a number.")


def wrong(key: str, column: Column, wanted: str) -> InvalidInputException:
    """The error for a value that its column does not take; it never shows the value."""
    return InvalidInputException(
        f"The property {key} must be {wanted}: column {column.name} is {column.type}."
    )


def _integer(key: str, value: Any, column: Column) -> int:
    whole = _whole(value)
    if whole is None or not -_INTEGERS[column.type] <= whole < _INTEGERS[column.type]:
        raise wrong(key, column, f"a whole number in the range of {column.type}")
    return whole


def _whole(value: Any) -> int | None:
    """A number or its text as an integer, None if it is not whole."""
    if isinstance(value, int):
        return None if isinstance(value, bool) else value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        try:
            return int(value)
        except ValueError:
            value = float(value)
    return int(value) if isinstance(value, float) and value.is_integer() else None
