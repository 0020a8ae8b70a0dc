"""The tree of a filter, and its text.

Places (`at`, counted from 0) are for messages: trees of the same meaning are equal wherever they stood.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

Action = Literal["INCLUDE", "EXCLUDE"]
Target = Literal["ItemID", "UserID", "ActionID"]
Dataset = Literal["Interactions", "Items", "Users", "Actions", "Action_Interactions"]
Comparison = Literal["=", "!=", "<", "<=", ">", ">="]
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN"]
Value = str | int | float

EVENT_DATASETS = ("Interactions", "Action_Interactions")
WILDCARD = "*"


def _place() -> Any:
    return field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Literals:
    """Values that stand in the expression: one for a comparison, one or more for IN."""

    values: tuple[Value, ...]
    at: int = _place()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that the request gives, `$name`."""

    name: str
    at: int = _place()


@dataclass(frozen=True, slots=True)
class CurrentItem:
    """The value that the request's own item has in a column."""

    column: str
    at: int = _place()


Right = Literals | Parameter | CurrentItem


@dataclass(frozen=True, slots=True)
class Condition:
    """A claim on one column of the expression's dataset, or of the user (in IF)."""

    column: str
    operator: Operator
    right: Right
    at: int = _place()


@dataclass(frozen=True)
class Expression:
    """INCLUDE or EXCLUDE what meets the conditions: any group of which all hold.

    `dataset` is the one that all conditions of WHERE are about; `user` are those of IF, which must all hold.
    """

    action: Action
    target: Target
    dataset: Dataset
    any_of: tuple[tuple[Condition, ...], ...]
    user: tuple[Condition, ...] = ()
    at: int = _place()

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions of WHERE."""
        return tuple(condition for group in self.any_of for condition in group)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters, in the order in which they appear first."""
        rights = [condition.right for condition in (*self.conditions, *self.user)]
        return tuple(dict.fromkeys(right.name for right in rights if isinstance(right, Parameter)))

    @cached_property
    def is_of_events(self) -> bool:
        """Whether its conditions are about events."""
        return self.dataset in EVENT_DATASETS

    @cached_property
    def is_repeatable(self) -> bool:
        """Whether it finds the same in all requests that give the same values, if its IF holds."""
        rights = [condition.right for condition in self.conditions]
        return not self.is_of_events and not any(isinstance(right, CurrentItem) for right in rights)


@dataclass(frozen=True)
class Filter:
    """One or more expressions; all have the same target."""

    expressions: tuple[Expression, ...]

    @property
    def target(self) -> Target:
        """What is filtered."""
        return self.expressions[0].target

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters, in the order in which they appear first."""
        return tuple(dict.fromkeys(name for each in self.expressions for name in each.parameters))

    @cached_property
    def needs_current_item(self) -> bool:
        """Whether it can be used only where a request has an item."""
        conditions = [each for expression in self.expressions for each in expression.conditions]
        return any(isinstance(condition.right, CurrentItem) for condition in conditions)


def render(tree: Filter) -> str:
    """The canonical text of a filter; parsing it gives an equal tree."""
    return " | ".join(_expression(expression) for expression in tree.expressions)


def _expression(expression: Expression) -> str:
    groups = [
        " AND ".join(_condition(f"{expression.dataset}.", condition) for condition in group)
        for group in expression.any_of
    ]
    text = f"{expression.action} {expression.target} WHERE {' OR '.join(groups)}"
    if expression.user:
        text += " IF " + " AND ".join(_condition("CurrentUser.", condition) for condition in expression.user)
    return text


def _condition(owner: str, condition: Condition) -> str:
    return f"{owner}{condition.column} {condition.operator} {_right(condition)}"


def _right(condition: Condition) -> str:
    right = condition.right
    if isinstance(right, CurrentItem):
        return f"CurrentItem.{right.column}"
    shown = f"${right.name}" if isinstance(right, Parameter) else ", ".join(map(_value, right.values))
    return f"({shown})" if condition.operator in ("IN", "NOT IN") else shown


def _value(value: Value) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    # The language has no exponents, and a point makes a number one with a fraction.
    text = f"{Decimal(repr(value)):f}"
    return text if isinstance(value, int) or "." in text else f"{text}.0"
