"""How the properties of a streamed event become columns of the Interactions dataset."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from openpersonalize.domain.columns import Column, DatasetColumns, squashed
from openpersonalize.domain.limits import ID_CHARACTERS
from openpersonalize.errors import InvalidInputException

FORBIDDEN = ("userId", "sessionId", "eventType", "timestamp", "recommendationId", "impression")
_FORBIDDEN = {name.lower() for name in FORBIDDEN}
# Members of the event itself, not properties; the first two may stand among the properties as well.
_OWN = ("ITEM_ID", "EVENT_VALUE", "USER_ID", "EVENT_TYPE", "TIMESTAMP", "IMPRESSION", "RECOMMENDATION_ID")
_LEGACY_ITEM, _LEGACY_VALUE = "itemid", "eventvalue"
_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*", re.ASCII)
_INTEGERS = {"int": 2**31, "long": 2**63}

_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True)
class Matched:
    """What an event's properties say: the two legacy members, and the other columns as canonical JSON."""

    item_id: str | None = None
    event_value: float | None = None
    columns: str | None = None


NOTHING = Matched()


@dataclass(frozen=True)
class EventColumns:
    """The columns that properties may fill, by their squashed name, and what an event must have."""

    by_name: Mapping[str, Column]
    required: frozenset[str]
    """Names of the custom columns that may not be null."""
    needs_value: bool

    @classmethod
    def of(cls, dataset: DatasetColumns) -> "EventColumns":
        """The columns of an Interactions dataset."""
        custom = [column for column in dataset.columns if column.name not in _OWN]
        value = [column for column in dataset.columns if column.name == "EVENT_VALUE"]
        return cls(
            by_name={squashed(column.name): column for column in custom},
            required=frozenset(column.name for column in custom if not column.nullable),
            needs_value=any(not column.nullable for column in value),
        )

    def match(self, properties: str | None) -> Matched:
        """Read an event's properties; keys that name no column are left out.

        Raises InvalidInputException, which names the key and never the value.
        """
        if properties is None:
            if self.required:
                self._demand(())
            return NOTHING
        item_id = event_value = None
        columns: dict[str, Any] = {}
        for key, value in _parsed(properties).items():
            name = squashed(key)
            if name in _FORBIDDEN:
                raise InvalidInputException(
                    f"The key {key} is not allowed in properties; give it as a member of the request instead."
                )
            if name == _LEGACY_ITEM:
                item_id = _item_id(key, value)
            elif name == _LEGACY_VALUE:
                event_value = None if value is None else _number(key, value)
            elif (column := self.by_name.get(name)) is not None and value is not None:
                columns[column.name] = _typed(key, value, column)
        self._demand(columns)
        return Matched(item_id, event_value, _encode(columns).decode() if columns else None)

    def _demand(self, given: Any) -> None:
        missing = sorted(self.required.difference(given))
        if missing:
            raise InvalidInputException(
                f"The schema demands a value of {', '.join(missing)}: give {', '.join(map(camel, missing))} "
                "in properties, or make the column nullable."
            )


def camel(column: str) -> str:
    """The property that fills a column: NUM_RATINGS is numRatings."""
    head, *rest = column.lower().split("_")
    return head + "".join(part.capitalize() for part in rest)


def _parsed(properties: str) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(properties)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InvalidInputException("Error parsing properties json: it must be a JSON object.")
    if "\\u0000" in properties and any("\0" in text for pair in document.items() for text in map(str, pair)):
        raise InvalidInputException("Error parsing properties json: it has a NUL character.")
    return document


def _item_id(key: str, value: Any) -> str:
    # Ids were numbers in some notebooks.
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not 1 <= len(text) <= ID_CHARACTERS:
        raise InvalidInputException(
            f"The property {key} must be a string of 1 to {ID_CHARACTERS} characters."
        )
    return text


def _typed(key: str, value: Any, column: Column) -> Any:
    """A property's value in the type of its column."""
    if column.type == "string":
        if not isinstance(value, str):
            raise _wrong(key, column, "a string")
        return value
    if column.type == "boolean":
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise _wrong(key, column, "a boolean")
    if column.type in _INTEGERS:
        return _integer(key, value, column)
    return _number(key, value)


def _integer(key: str, value: Any, column: Column) -> int:
    whole = _whole(value)
    if whole is None or not -_INTEGERS[column.type] <= whole < _INTEGERS[column.type]:
        raise _wrong(key, column, f"a whole number in the range of {column.type}")
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


def _number(key: str, value: Any) -> float:
    """A finite number; texts of numbers count, as in the form of before August 2020."""
    try:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number or (isinstance(value, str) and _NUMBER.fullmatch(value)):
            number = float(value)
            if math.isfinite(number):
                return number
    except (ValueError, OverflowError):
        pass
    raise InvalidInputException(f"The property {key} must be a number.")


def _wrong(key: str, column: Column, wanted: str) -> InvalidInputException:
    return InvalidInputException(
        f"The property {key} must be {wanted}: column {column.name} is {column.type}."
    )
