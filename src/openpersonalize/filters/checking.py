"""Whether a filter fits the schemas of its dataset group."""

from collections.abc import Mapping
from dataclasses import replace

from openpersonalize.domain.columns import Column, DatasetColumns
from openpersonalize.domain.limits import MOST_FILTER_COLUMNS
from openpersonalize.filters.syntax import (
    Condition,
    CurrentItem,
    Dataset,
    Expression,
    Filter,
    Literals,
    Parameter,
)
from openpersonalize.filters.tokens import FilterError

# The service acts on these by itself.
_OF_THE_SERVICE = {
    "ACTIONS": ("EXPIRATION_TIMESTAMP", "ACTION_EXPIRATION_TIMESTAMP", "REPEAT_FREQUENCY"),
}
_ORDERS = ("<", "<=", ">", ">=")

Schemas = Mapping[str, DatasetColumns]
"""By dataset type, as in `domain.datasets`; a type that the group has no dataset of is absent."""


def check(tree: Filter, schemas: Schemas) -> Filter:
    """The same filter with columns named as the schemas do. Raises FilterError."""
    checked = Filter(tuple(_checked(expression, schemas) for expression in tree.expressions))
    columns = columns_of(checked)
    if len(columns) > MOST_FILTER_COLUMNS:
        raise FilterError(0, f"{len(columns)} columns are too many: a filter can name {MOST_FILTER_COLUMNS}.")
    return checked


def columns_of(tree: Filter) -> frozenset[str]:
    """The columns that a checked filter names, each as `DATASET.COLUMN`."""
    named = set()
    for expression in tree.expressions:
        for condition in expression.conditions:
            named.add(f"{expression.dataset.upper()}.{condition.column}")
            if isinstance(condition.right, CurrentItem):
                named.add(f"ITEMS.{condition.right.column}")
        named.update(f"USERS.{condition.column}" for condition in expression.user)
    return frozenset(named)


def _checked(expression: Expression, schemas: Schemas) -> Expression:
    groups = tuple(
        tuple(_condition(condition, expression.dataset, schemas) for condition in group)
        for group in expression.any_of
    )
    user = tuple(_condition(condition, "Users", schemas) for condition in expression.user)
    return replace(expression, any_of=groups, user=user)


def _condition(condition: Condition, dataset: Dataset, schemas: Schemas) -> Condition:
    column = _column(condition.column, dataset, condition.at, schemas)
    right = condition.right
    if condition.operator in _ORDERS and column.type == "string":
        raise FilterError(
            condition.at,
            f"{dataset}.{column.name} is a string and has no order: use =, !=, IN or NOT IN instead of "
            f"{condition.operator}.",
        )
    if isinstance(right, CurrentItem):
        other = _column(right.column, "Items", right.at, schemas)
        if (other.type == "string") != (column.type == "string"):
            raise FilterError(
                right.at,
                f"{column.name} is {column.type} and {other.name} is {other.type}: compare alike types.",
            )
        right = replace(right, column=other.name)
    elif isinstance(right, Literals):
        _check_literals(right, column)
    elif not isinstance(right, Parameter):
        raise TypeError(right)
    return replace(condition, column=column.name, right=right)


def _column(name: str, dataset: Dataset, at: int, schemas: Schemas) -> Column:
    """The column that a condition names. Raises FilterError for one that is missing or can't be used."""
    columns = schemas.get(dataset.upper())
    if columns is None:
        raise FilterError(at, f"the dataset group has no {dataset} dataset: create it first.")
    column = next((each for each in columns.columns if each.name.upper() == name.upper()), None)
    if column is None:
        usable = [each.name for each in columns.columns if not each.textual and each.type != "boolean"]
        raise FilterError(
            at, f"the schema of {dataset} has no column {name}: use one of {', '.join(usable)}."
        )
    if column.name in _OF_THE_SERVICE.get(dataset.upper(), ()):
        raise FilterError(at, f"{dataset}.{column.name} can't be filtered on: it takes effect by itself.")
    if column.textual:
        raise FilterError(
            at, f"{dataset}.{column.name} is textual and can't be filtered on: use a column that is not."
        )
    if column.type == "boolean":
        raise FilterError(
            at,
            f'{dataset}.{column.name} is boolean and can\'t be filtered on: use a string "True" or "False", '
            "or a number 0 or 1.",
        )
    return column


def _check_literals(right: Literals, column: Column) -> None:
    wants_text = column.type == "string"
    if any(isinstance(value, str) != wants_text for value in right.values):
        remedy = "put values into double quotes" if wants_text else "write numbers without quotes"
        raise FilterError(right.at, f"{column.name} is {column.type}: {remedy}.")
