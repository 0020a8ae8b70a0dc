"""The rules of one value: type, range, length; strictly, one by one, with the words for what is wrong."""

import re
from dataclasses import dataclass

import numpy as np

from openpersonalize.domain.columns import Column, DatasetColumns, allowed_range, is_time
from openpersonalize.domain.events import ACTION_EVENT_TYPES, action_event_type
from openpersonalize.domain.limits import ID_CHARACTERS, STRING_CHARACTERS, TEXT_CHARACTERS
from openpersonalize.work.csv_rejects import LineError

_IDS = frozenset({"USER_ID", "ITEM_ID", "ACTION_ID"})
_REQUIRED = _IDS | {"TIMESTAMP", "EVENT_TYPE"}
_BLANKS = " \t"
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_RANGES = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_LENGTH_REMEDY = "If no value exceeds the limit, check the double quotes of the line."


@dataclass(frozen=True)
class Rule:
    """What the values of one column must fulfil; lengths in characters."""

    column: Column
    nullable: bool
    longest: int
    is_cut: bool
    allowed: range | None
    """The whole numbers of a reserved column; None where its type alone says it."""
    is_time: bool
    is_action_event: bool
    """Whether the values are Viewed, Taken or Not Taken."""

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column.name

    @property
    def type(self) -> str:
        """The column's Avro type."""
        return self.column.type


def rules_of(columns: DatasetColumns) -> tuple[Rule, ...]:
    """Derive the rules of all columns of a dataset, in the schema's order."""
    return tuple(_rule(column, columns.dataset_type) for column in columns.columns)


def _rule(column: Column, dataset_type: str) -> Rule:
    is_id = column.name in _IDS
    longest = ID_CHARACTERS if is_id else TEXT_CHARACTERS if column.textual else STRING_CHARACTERS
    return Rule(
        column,
        nullable=column.nullable and column.name not in _REQUIRED,
        longest=longest,
        is_cut=column.textual,
        allowed=allowed_range(column, dataset_type),
        is_time=is_time(column),
        is_action_event=column.name == "EVENT_TYPE" and dataset_type == "ACTION_INTERACTIONS",
    )


def checked_value(rule: Rule, text: str, number: int) -> str | None:
    """Return the value as the text to convert, None for an empty one; raise `LineError` for the field."""
    if rule.type not in ("string", "boolean"):
        text = text.strip(_BLANKS)
    if not text:
        if rule.nullable:
            return None
        raise LineError(number, "an empty value in a column that is not nullable", _filling_remedy(rule))
    if problem := _CHECKS[rule.type](rule, text):
        raise LineError(number, *problem, value=text)
    return str(_integer(text)) if rule.type in _RANGES else text


def _filling_remedy(rule: Rule) -> str:
    if rule.name in _REQUIRED:
        return "Fill it in, or leave the line out."
    return f'Fill it in, or declare {rule.name} with the type ["null", "{rule.type}"].'


def _string_problem(rule: Rule, text: str) -> tuple[str, str] | None:
    if rule.is_action_event and action_event_type(text) is None:
        return "not an event type of actions", f"Write one of {', '.join(ACTION_EVENT_TYPES)}."
    if len(text) <= rule.longest or rule.is_cut:
        return None
    return f"Length cannot be more than {rule.longest} characters for {rule.name}", _LENGTH_REMEDY


def _integer_problem(rule: Rule, text: str) -> tuple[str, str] | None:
    if not _INTEGER.fullmatch(text):
        what = "seconds since 1970-01-01 UTC in digits" if rule.is_time else "digits"
        return f"not a whole number ({rule.type})", f"Write {what} only, without decimal point or exponent."
    lowest, highest = _RANGES[rule.type]
    number = _integer(text)
    if rule.is_time and number < 0:
        return "a negative timestamp", "Write seconds since 1970-01-01 UTC."
    if rule.allowed is not None and number not in rule.allowed:
        if rule.is_time:
            return "a timestamp of more than 10 digits", "Write seconds, not milliseconds: divide by 1000."
        lowest, highest = rule.allowed.start, rule.allowed.stop - 1
        return f"out of the range of {rule.name}", f"Values lie between {lowest} and {highest}."
    if not lowest <= number <= highest:
        return f"out of the range of the type {rule.type}", f"Values lie between {lowest} and {highest}."
    return None


def _integer(text: str) -> int:
    """Convert digits with an optional sign; of very many, as many as are out of any range."""
    digits = text.lstrip("+-0")[:40] or "0"
    return -int(digits) if text.startswith("-") else int(digits)


def _decimal_problem(rule: Rule, text: str) -> tuple[str, str] | None:
    if not _DECIMAL.fullmatch(text):
        remedy = "Write a decimal number such as 1.5, and leave the cell empty where there is none."
        return f"not a number ({rule.type})", remedy
    with np.errstate(over="ignore"):
        number = np.float32(text) if rule.type == "float" else np.float64(text)
    if not np.isfinite(number):
        return f"out of the range of the type {rule.type}", "Write a smaller number."
    return None


def _boolean_problem(rule: Rule, text: str) -> tuple[str, str] | None:
    if text in ("true", "false"):
        return None
    return "not a boolean", "Write true or false, in lower case."


_CHECKS = {
    "string": _string_problem,
    "int": _integer_problem,
    "long": _integer_problem,
    "float": _decimal_problem,
    "double": _decimal_problem,
    "boolean": _boolean_problem,
}
