"""Avro schemas of datasets: how they are read, and every rule that they must keep."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, get_args

from openpersonalize.domain.columns import Column, ColumnType, DatasetColumns, squashed
from openpersonalize.domain.datasets import (
    DATASET_TYPES,
    DatasetRules,
    DatasetType,
    Reserved,
    dataset_type_of,
    rules_of,
)
from openpersonalize.errors import InvalidInputException

TYPES: tuple[ColumnType, ...] = get_args(ColumnType)
RECORD_NAMES = ("Interactions", "Items", "Users", "Actions", "ActionInteractions")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,149}")
_FLAGS = ("categorical", "textual", "itemName")
_COLLECTIONS = ("record", "array", "map", "enum", "fixed")


@dataclass(frozen=True)
class Schema:
    """A valid schema."""

    record_name: str
    dataset_type: DatasetType
    columns: DatasetColumns


def parse_schema(text: str, domain: str | None = None) -> Schema:
    """Read a schema and check it against the rules of its dataset type in a custom group or in a domain.

    Raises InvalidInputException, which names field, value and remedy.
    """
    document = _decode(text)
    name = document.get("name")
    dataset_type = dataset_type_of(name) if isinstance(name, str) else None
    if dataset_type is None or not isinstance(name, str):
        raise _invalid(f"The record's name is {_shown(name)}: write one of {', '.join(RECORD_NAMES)}.")
    columns = tuple(_column(field, place) for place, field in enumerate(_fields(document), 1))
    _check_names(columns)
    rules = rules_of(dataset_type, domain)
    if rules is None:
        raise _invalid(
            f"A schema of domain {domain} cannot describe {dataset_type}: leave out the domain, and use the "
            "schema in a dataset group without one."
        )
    _check_flags(columns, dataset_type)
    _check_rules(columns, rules, dataset_type)
    return Schema(name, dataset_type, DatasetColumns(dataset_type, columns))


def _invalid(what: str) -> InvalidInputException:
    return InvalidInputException(f"Invalid schema. {what}")


def _shown(value: Any) -> str:
    """A value as JSON, cut short."""
    try:
        text = "missing" if value is None else json.dumps(value)
    except RecursionError:
        return "nested too deeply"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _decode(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise _invalid(
            f"It is not JSON: {error.msg} at line {error.lineno}, column {error.colno}. "
            "Correct the text there."
        ) from None
    except ValueError:  # Python's own limit
        raise _invalid("It has a number with thousands of digits: correct the text there.") from None
    except RecursionError:
        raise _invalid("It is nested too deeply: a schema is one flat record.") from None
    if not isinstance(document, dict):
        raise _invalid(
            f'It is {_shown(document)}: write an object, {{"type": "record", "name": …, "fields": […]}}.'
        )
    if document.get("type") != "record":
        raise _invalid(f'The type is {_shown(document.get("type"))}: write "type": "record".')
    for member in ("namespace", "version"):
        if not isinstance(document.get(member, ""), str):
            raise _invalid(f"The {member} is {_shown(document[member])}: write a string.")
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    repeated = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]
    if repeated:
        raise _invalid(f"The member {_shown(repeated[0])} stands twice in one object: keep one.")
    return dict(pairs)


def _fields(document: dict[str, Any]) -> list[Any]:
    fields = document.get("fields")
    if not isinstance(fields, list) or not fields:
        raise _invalid(
            f'The fields are {_shown(fields)}: write a list, [{{"name": "USER_ID", "type": "string"}}, …].'
        )
    return fields


def _column(field: Any, place: int) -> Column:
    if not isinstance(field, dict):
        raise _invalid(f'Field {place} is {_shown(field)}: write an object, {{"name": …, "type": …}}.')
    name = field.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _invalid(
            f"Field {place} has the name {_shown(name)}: write a letter or underscore, then letters, digits "
            "and underscores, at most 150 characters in all."
        )
    column_type, nullable = _type(name, field.get("type"))
    flags = {flag: _flag(name, flag, field) for flag in _FLAGS}
    return Column(
        name,
        column_type,
        nullable=nullable,
        categorical=flags["categorical"],
        textual=flags["textual"],
        item_name=flags["itemName"],
    )


def _type(name: str, declared: Any) -> tuple[ColumnType, bool]:
    """The type of a field, and whether it may be null."""
    if isinstance(declared, dict) or declared in _COLLECTIONS:
        raise _invalid(
            f"Field '{name}' has the type {_shown(declared)}: only flat fields are possible. "
            f"Write one of {', '.join(TYPES)}; several categories go into one string, joined with '|'."
        )
    options = declared if isinstance(declared, list) else [declared]
    named = [option for option in options if option != "null"]
    if len(named) == 1 and len(options) <= 2 and options.count("null") == len(options) - 1:
        for known in TYPES:
            if named[0] == known:
                return known, len(options) == 2
    if not named or len(options) > 1:
        raise _invalid(
            f"Field '{name}' has the type {_shown(declared)}: write one type, or one type and \"null\", "
            'as in ["null", "string"].'
        )
    raise _invalid(f"Field '{name}' has the type {_shown(declared)}: write one of {', '.join(TYPES)}.")


def _flag(name: str, flag: str, field: dict[str, Any]) -> bool:
    misspelt = [key for key in field if key.lower() == flag.lower() and key != flag]
    if misspelt:
        raise _invalid(f"Field '{name}' has the member {_shown(misspelt[0])}: write \"{flag}\".")
    value = field.get(flag, False)
    if not isinstance(value, bool):
        raise _invalid(
            f"Field '{name}' has \"{flag}\": {_shown(value)}: write true or false, without quotes."
        )
    return value


def _check_names(columns: tuple[Column, ...]) -> None:
    seen: dict[str, str] = {}
    for column in columns:
        other = seen.setdefault(squashed(column.name), column.name)
        if other is not column.name:
            raise _invalid(
                f"Fields '{other}' and '{column.name}' have the same name when case and underscores are "
                "ignored: rename one of them."
            )


def _check_flags(columns: tuple[Column, ...], dataset_type: DatasetType) -> None:
    for column in columns:
        flags = [
            flag
            for flag, is_set in zip(
                _FLAGS, (column.categorical, column.textual, column.item_name), strict=True
            )
            if is_set
        ]
        if flags and column.type != "string":
            raise _invalid(
                f"Field '{column.name}' has type {column.type} and is {flags[0]}: only string fields can be. "
                f'Remove "{flags[0]}", or declare it as string.'
            )
        if len(flags) > 1:
            raise _invalid(f"Field '{column.name}' is {' and '.join(flags)}: keep one of them.")
        if flags and flags[0] != "categorical" and dataset_type != "ITEMS":
            raise _invalid(
                f"Field '{column.name}' of {dataset_type} is {flags[0]}: only fields of Items can be. "
                f'Remove "{flags[0]}".'
            )
    for flag, names in (
        ("textual", [column.name for column in columns if column.textual]),
        ("itemName", [column.name for column in columns if column.item_name]),
    ):
        if len(names) > 1:
            raise _invalid(
                f"Fields {', '.join(names)} are {flag}: only one field of a schema can be. Keep one."
            )


def _check_rules(columns: tuple[Column, ...], rules: DatasetRules, dataset_type: DatasetType) -> None:
    by_name = {column.name: column for column in columns}
    names = {squashed(column.name): column.name for column in columns}
    for reserved_name, rule in rules.reserved.items():
        written = names.get(squashed(reserved_name))
        if written is not None and written != reserved_name:
            raise _invalid(
                f"Field '{written}' is a reserved name in another spelling: write '{reserved_name}'."
            )
        if written is None and reserved_name in rules.required:
            raise _invalid(
                f"Field '{reserved_name}' is missing: {dataset_type} needs {', '.join(rules.required)}. "
                f'Add {{"name": "{reserved_name}", "type": "{rule.types[0]}"'
                f"{', ' + chr(34) + 'categorical' + chr(34) + ': true' if rule.categorical else ''}}}."
            )
        if written is not None:
            _check_reserved(by_name[reserved_name], rule)
    own = [column.name for column in columns if column.name not in rules.reserved]
    if len(own) > rules.most_own:
        raise _invalid(
            f"{len(own)} fields of your own are too many: {dataset_type} can have {rules.most_own} beside "
            f"{', '.join(rules.reserved)}. Remove {len(own) - rules.most_own}."
        )
    if len(columns) - len(rules.required) < rules.least_metadata:
        raise _invalid(
            f"{dataset_type} has no metadata: add at least one field beside {', '.join(rules.required)}."
        )


def _check_reserved(column: Column, rule: Reserved) -> None:
    if column.type not in rule.types:
        raise _invalid(
            f"Field '{column.name}' has type {column.type}: this reserved name must be {rule.types[0]}."
        )
    if column.nullable and not rule.nullable:
        raise _invalid(
            f'Field \'{column.name}\' can be null: this one must not. Write "type": "{column.type}".'
        )
    for flag, is_set, wanted in (
        ("categorical", column.categorical, rule.categorical),
        ("textual", column.textual, rule.textual),
    ):
        if is_set and not wanted:
            raise _invalid(f"Field '{column.name}' is {flag}: this reserved name must not be. Remove it.")
        if wanted and not is_set:
            raise _invalid(
                f"Field '{column.name}' is not {flag}: this reserved name must be. Add \"{flag}\": true."
            )


def check_fits(schema: Schema, dataset_type: DatasetType) -> None:
    """Raise InvalidInputException unless the schema describes this type of dataset."""
    if schema.dataset_type != dataset_type:
        place = DATASET_TYPES.index(dataset_type)
        raise InvalidInputException(
            f"The schema's record is named {schema.record_name}, which is for {schema.dataset_type} "
            f"datasets: for {dataset_type}, use a schema named {RECORD_NAMES[place]}."
        )


def check_replaces(new: DatasetColumns, old: DatasetColumns) -> None:
    """Raise InvalidInputException unless a schema may take another's place: it only adds nullable fields."""
    by_name = {column.name: column for column in new.columns}
    for column in old.columns:
        kept = by_name.pop(column.name, None)
        if kept is None:
            raise _invalid(
                f"Field '{column.name}' is missing: a new schema keeps every field of the old one. Add it."
            )
        if kept != column:
            raise _invalid(
                f"Field '{column.name}' differs from that of the old schema: keep its type and attributes."
            )
    if not by_name:
        raise _invalid("It has no field that the old schema has not: add one, or keep the old schema.")
    for column in by_name.values():
        if not column.nullable:
            raise _invalid(
                f"The new field '{column.name}' cannot be null, and older rows have no value of it: "
                f'write "type": ["null", "{column.type}"].'
            )
