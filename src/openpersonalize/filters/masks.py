"""Which candidates a filter keeps: conditions evaluated on whole columns at once.

Truth of a condition on a record (there is no third value):

| record's cell            | =, IN           | != , NOT IN        | <, <=, >, >= |
|--------------------------|-----------------|--------------------|--------------|
| null, or no record       | false           | true               | false        |
| one value                | equal to any    | equal to none      | as numbers   |
| several (`A|B`)          | any equal to any| none equal to any  | refused      |

The other side may be null too (CurrentItem of an item without a record, or with a null): it equals nothing.
A condition on events is true of a candidate that the user had an event of one of the types with; types are
compared without regard to case.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openpersonalize.errors import InvalidInputException
from openpersonalize.filters.syntax import (
    WILDCARD,
    Condition,
    CurrentItem,
    Expression,
    Filter,
    Literals,
    Operator,
    Parameter,
)
from openpersonalize.filters.values import Given, check_given
from openpersonalize.models.columns import SEPARATOR, ColumnTable, NumberColumn, TextColumn, Value

Mask = NDArray[np.bool_]
Rows = NDArray[np.int32]

MOST_CACHED = 32_000_000
"""Bytes of masks that are remembered for the same filter with the same values."""
FEW_VALUES = 16
"""So many are sought one by one, which is faster than sorting them."""
_NEGATIONS: Mapping[Operator, Operator] = {"!=": "=", "NOT IN": "IN"}


class Record:
    """The values of one user or item by column; what is unknown is null."""

    def __init__(self, table: ColumnTable | None = None, row: int = -1) -> None:
        self._table, self._row = table, row

    def value(self, column: str) -> Value | None:
        """The value of a column; None where it is null."""
        return None if self._table is None else self._table.value(self._row, column)

    def values(self, column: str) -> tuple[Value, ...]:
        """The values of a column, each for itself where its cell holds several; none where it is null."""
        value = self.value(column)
        if value is None:
            return ()
        held = None if self._table is None else self._table.column(column)
        if isinstance(held, TextColumn) and held.is_split:
            return tuple(str(value).split(SEPARATOR))
        return (value,)


UNKNOWN = Record()


@dataclass(frozen=True)
class Situation:
    """What a filter may depend on beside the candidates' own records.

    `events` gives the candidates, as int32 rows, that the user had an event with: of one of the types, which
    are casefolded, or of any type (None).
    """

    given: Given = field(default_factory=dict)
    user: Record = UNKNOWN
    item: Record = UNKNOWN
    events: Callable[[frozenset[str] | None], Rows] = lambda types: np.empty(0, np.int32)


@dataclass(frozen=True)
class Part:
    """Candidates whose records stand in one table.

    `rows`: int32, the row of each in the table, -1 for one that has no record. `places`: int32, which
    candidates they are; None for all.
    """

    table: ColumnTable
    rows: Rows
    places: Rows | None = None
    _gathered: dict[str, TextColumn | NumberColumn | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    def column(self, name: str) -> TextColumn | NumberColumn | None:
        """A column with one entry per candidate of the part, in their order."""
        if name not in self._gathered:
            self._gathered[name] = _gathered(self.table.column(name), self.rows)
        return self._gathered[name]


@dataclass(frozen=True)
class Candidates:
    """What a filter chooses among; parts that come later replace what earlier ones say of a candidate."""

    n: int
    parts: tuple[Part, ...]
    _found: dict[tuple[Any, ...], tuple[Expression, Mask]] = field(
        default_factory=dict, repr=False, compare=False
    )
    """What expressions have found, by their identity (which is faster than their hash) and given values."""

    def mask(self, tree: Filter, situation: Situation) -> Mask | None:
        """Which candidates a filter keeps: bool, shape (n,), not to be changed; None keeps all.

        INCLUDE sets are united, EXCLUDE sets are united and taken away. An expression whose IF does not hold,
        or an EXCLUDE that lacks a parameter's value, counts for nothing. Raises InvalidInputException.
        """
        check_given(tree, situation.given)
        included: Mask | None = None
        excluded: Mask | None = None
        for expression in tree.expressions:
            found = self.found(expression, situation)
            if found is None:
                continue
            if expression.action == "INCLUDE":
                included = found if included is None else included | found
            else:
                excluded = found if excluded is None else excluded | found
        if excluded is None:
            return included
        return ~excluded if included is None else included & ~excluded

    def found(self, expression: Expression, situation: Situation) -> Mask | None:
        """The candidates that meet one expression's conditions; None where it counts for nothing."""
        if any(name not in situation.given for name in expression.parameters):
            return None
        if not all(holds(condition, situation) for condition in expression.user):
            return None
        if not expression.is_repeatable:
            return self._evaluated(expression, situation)
        key = (id(expression), *[situation.given[name] for name in expression.parameters])
        known = self._found.get(key)
        if known is None or known[0] is not expression:
            if len(self._found) * self.n >= MOST_CACHED:
                self._found.clear()
            known = self._found[key] = (expression, self._evaluated(expression, situation))
        return known[1]

    def _evaluated(self, expression: Expression, situation: Situation) -> Mask:
        groups = [
            _all([self._meets(condition, expression, situation) for condition in group])
            for group in expression.any_of
        ]
        return groups[0] if len(groups) == 1 else np.logical_or.reduce(groups)

    def _meets(self, condition: Condition, expression: Expression, situation: Situation) -> Mask:
        if expression.is_of_events:
            return self._meets_events(condition, situation)
        values = _values(condition, situation)
        meets = np.zeros(self.n, np.bool_)
        for part in self.parts:
            found = compare(part.column(condition.column), condition, values, len(part.rows))
            if part.places is None:
                meets = found
            else:
                meets[part.places] = found
        return meets

    def _meets_events(self, condition: Condition, situation: Situation) -> Mask:
        values = _values(condition, situation)
        is_any = isinstance(condition.right, Literals) and condition.right.values == (WILDCARD,)
        types = None if is_any else frozenset(str(value).casefold() for value in values)
        is_negated = condition.operator in _NEGATIONS
        meets = np.full(self.n, is_negated)
        meets[situation.events(types)] = not is_negated
        return meets


def compare(
    column: TextColumn | NumberColumn | None, condition: Condition, values: Sequence[Value], n: int
) -> Mask:
    """Which of n entries of a column meet a condition, whose other side are these values."""
    operator = condition.operator
    if operator in _NEGATIONS:
        return ~_equal(column, values, n)
    if operator in ("=", "IN"):
        return _equal(column, values, n)
    if not isinstance(column, NumberColumn) or not values:
        return np.zeros(n, np.bool_)
    return _ordered(column, operator, values[0]) & ~column.is_null


def holds(condition: Condition, situation: Situation) -> bool:
    """Whether a condition of IF is true of the user; never where the user's value is null."""
    own = situation.user.values(condition.column)
    if not own:
        return False
    values = _values(condition, situation)
    if isinstance(own[0], str):
        is_equal = not set(own).isdisjoint(map(str, values))
        return is_equal != (condition.operator in _NEGATIONS)
    numbers = np.array(own, np.float64) if isinstance(own[0], float) else np.array(own, np.int64)
    column = NumberColumn("", numbers, np.zeros(1, np.bool_))
    return bool(compare(column, condition, values, 1)[0])


def _all(masks: list[Mask]) -> Mask:
    return masks[0] if len(masks) == 1 else np.logical_and.reduce(masks)


def _gathered(column: TextColumn | NumberColumn | None, rows: Rows) -> TextColumn | NumberColumn | None:
    if isinstance(column, NumberColumn):
        return NumberColumn(column.name, column.values[rows], column.is_null[rows])
    if column is None:
        return None
    return TextColumn(
        column.name,
        column.codes[rows],
        column.cells,
        column.words,
        column.word_starts,
        column.word_cells,
        column.is_split,
    )


def _equal(column: TextColumn | NumberColumn | None, values: Sequence[Value], n: int) -> Mask:
    if column is None or not values:
        return np.zeros(n, np.bool_)
    if isinstance(column, TextColumn):
        # Null is -1, and the last entry, False.
        return column.cells_with([str(value) for value in values]).take(column.codes, mode="wrap")
    numbers = [_number(column, value) for value in values]
    meets: Mask
    if len(numbers) > FEW_VALUES:
        meets = np.isin(column.values, np.array(numbers))
    else:
        meets = column.values == numbers[0]
        for number in numbers[1:]:
            meets |= column.values == number
    return meets & ~column.is_null


def _ordered(column: NumberColumn, operator: Operator, value: Value) -> Mask:
    number = _number(column, value)
    meets: Mask
    if operator in ("<", "<="):
        meets = column.values < number if operator == "<" else column.values <= number
    else:
        meets = column.values > number if operator == ">" else column.values >= number
    return meets


def _number(column: NumberColumn, value: Value) -> Any:
    """A value as the column's type has it, so that 9.99 equals the 9.99 of a float."""
    number = value if isinstance(value, int | float) else _parsed(value)
    return np.float32(number) if column.values.dtype == np.float32 else number


def _parsed(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _values(condition: Condition, situation: Situation) -> tuple[Value, ...]:
    """The values on the other side of a condition."""
    right = condition.right
    if isinstance(right, Literals):
        return right.values
    if isinstance(right, CurrentItem):
        return situation.item.values(right.column)
    return situation.given[right.name]


def check_types(tree: Filter, given: Given, is_number: Callable[[str, str], bool]) -> None:
    """Raise InvalidInputException for given values that can't be compared with their columns.

    `is_number(dataset, column)` says what a column holds.
    """
    for expression in tree.expressions:
        owned = [(expression.dataset, each) for each in expression.conditions]
        for dataset, condition in (*owned, *(("Users", each) for each in expression.user)):
            right = condition.right
            if not isinstance(right, Parameter) or right.name not in given:
                continue
            values = given[right.name]
            if len(values) > 1 and condition.operator != "IN":
                raise InvalidInputException(
                    f"filterValues has {len(values)} values for {right.name}, which {condition.operator} "
                    "compares with: give one, or use IN."
                )
            if is_number(dataset, condition.column) and not all(map(_is_number, values)):
                raise InvalidInputException(
                    f"filterValues has a value for {right.name} that is no number, but "
                    f"{dataset}.{condition.column} is: give a number."
                )


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
