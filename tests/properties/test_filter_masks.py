"""Filters on whole columns keep what an evaluation of row after row keeps, over any tables and trees."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from openpersonalize.domain.columns import Column
from openpersonalize.filters.masks import Candidates, Part, Record, Situation
from openpersonalize.filters.syntax import (
    WILDCARD,
    Comparison,
    Condition,
    CurrentItem,
    Expression,
    Filter,
    Literals,
    Operator,
    Parameter,
)
from openpersonalize.models.columns import ColumnTable

COLUMNS = (
    Column("TAGS", "string", nullable=True, categorical=True),
    Column("PLAIN", "string", nullable=True),
    Column("PRICE", "float", nullable=True),
    Column("YEAR", "long", nullable=True),
)
TEXTS, NUMBERS = ("TAGS", "PLAIN"), ("PRICE", "YEAR")
WORDS = ("a", "b", "c", "a|b", "A", "")
EVENT_TYPES = ("click", "Buy")
ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Row = Mapping[str, Any]

cells = st.lists(st.sampled_from(("a", "b", "c", "")), min_size=1, max_size=3).map("|".join)
# Halves are exact in every float; cents are not, and must be equal to themselves all the same.
prices = st.sampled_from((0.0, 0.5, 9.99, 12.0, -1.25))
years = st.integers(-2, 3)
rows = st.fixed_dictionaries(
    {},
    optional={"TAGS": cells, "PLAIN": st.sampled_from(WORDS), "PRICE": prices, "YEAR": years},
)


def literals(column: str) -> st.SearchStrategy[Any]:
    if column in TEXTS:
        return st.sampled_from(("a", "b", "c", "a|b", "none"))
    return prices if column == "PRICE" else years | st.just(0.5)


@st.composite
def conditions(draw: st.DrawFn, *, of_items: bool) -> Condition:
    column = draw(st.sampled_from(TEXTS + NUMBERS))
    allowed: tuple[Operator, ...] = get_args(Operator) if column in NUMBERS else ("=", "!=", "IN", "NOT IN")
    chosen = draw(st.sampled_from(allowed))
    values = st.lists(literals(column), min_size=1, max_size=3 if "IN" in chosen else 1)
    rights: st.SearchStrategy[Any] = values.map(lambda found: Literals(tuple(found)))
    if chosen != "NOT IN":
        rights |= st.sampled_from(("TEXT", "NUMBER")).map(lambda _: Parameter(f"of_{column}_{chosen}"))
    if of_items:
        alike = TEXTS if column in TEXTS else NUMBERS
        rights |= st.sampled_from(alike).map(CurrentItem)
    return Condition(column, chosen, draw(rights))


@st.composite
def event_conditions(draw: st.DrawFn) -> Condition:
    types = st.lists(st.sampled_from(("CLICK", "buy", "view")), min_size=1, max_size=2).map(tuple)
    chosen: Operator = draw(st.sampled_from(("=", "!=", "IN", "NOT IN")))
    values = draw(types)[: 1 if "=" in chosen else 2]
    if chosen == "IN" and draw(st.booleans()):
        values = (WILDCARD,)
    return Condition("EVENT_TYPE", chosen, Literals(values))


@st.composite
def expressions(draw: st.DrawFn) -> Expression:
    of_items = draw(st.booleans())
    condition = conditions(of_items=True) if of_items else event_conditions()
    group = st.lists(condition, min_size=1, max_size=3).map(tuple)
    return Expression(
        draw(st.sampled_from(("INCLUDE", "EXCLUDE"))),
        "ItemID",
        "Items" if of_items else "Interactions",
        draw(st.lists(group, min_size=1, max_size=3).map(tuple)),
        draw(st.lists(conditions(of_items=False), max_size=2).map(tuple)),
    )


@dataclass(frozen=True)
class Case:
    """One filter, one request, and what is known of everything."""

    tree: Filter
    values: Mapping[str, tuple[str, ...]]
    base: Mapping[str, Row]
    overlay: Mapping[str, Row]
    events: Mapping[str, str]
    user: Row | None
    item: Row | None


@st.composite
def cases(draw: st.DrawFn) -> Case:
    tree = Filter(tuple(draw(st.lists(expressions(), min_size=1, max_size=3))))
    values = {}
    for expression in tree.expressions:
        for condition in (*expression.conditions, *expression.user):
            if isinstance(condition.right, Parameter) and (
                expression.action == "INCLUDE" or draw(st.booleans())
            ):
                most = 3 if condition.operator == "IN" else 1
                drawn = draw(st.lists(literals(condition.column), min_size=1, max_size=most))
                values[condition.right.name] = tuple(map(str, drawn))
    ids = st.sampled_from([f"i{number}" for number in range(6)])
    return Case(
        tree,
        values,
        draw(st.dictionaries(ids, rows)),
        draw(st.dictionaries(ids, rows)),
        draw(st.dictionaries(ids, st.sampled_from(EVENT_TYPES))),
        draw(st.none() | rows),
        draw(st.none() | rows),
    )


CANDIDATES = [f"i{number}" for number in range(8)]


def fast(case: Case) -> list[bool]:
    base, overlay = ColumnTable.build(COLUMNS, case.base), ColumnTable.build(COLUMNS, case.overlay)
    replaced = overlay.ids.find_many(CANDIDATES)
    parts = (
        Part(base, base.ids.find_many(CANDIDATES)),
        Part(overlay, replaced[replaced >= 0], np.flatnonzero(replaced >= 0).astype(np.int32)),
    )

    def events(types: frozenset[str] | None) -> Any:
        found = [
            place
            for place, item in enumerate(CANDIDATES)
            if item in case.events and (types is None or case.events[item].casefold() in types)
        ]
        return np.array(found, np.int32)

    situation = Situation(case.values, record(case.user), record(case.item), events)
    candidates = Candidates(len(CANDIDATES), parts)
    first, again = candidates.mask(case.tree, situation), candidates.mask(case.tree, situation)
    kept = [True] * len(CANDIDATES) if first is None else first.tolist()
    assert again is None or again.tolist() == kept
    return kept


def record(row: Row | None) -> Record:
    return Record() if row is None else Record(ColumnTable.build(COLUMNS, {"x": row}), 0)


def naive(case: Case) -> list[bool]:
    return [_is_kept(item, case) for item in CANDIDATES]


def _is_kept(item: str, case: Case) -> bool:
    included, has_include, excluded = False, False, False
    for expression in case.tree.expressions:
        if not all(name in case.values for name in expression.parameters):
            continue
        user = case.user or {}
        if not all(each.column in user and _meets(user, each, case) for each in expression.user):
            continue
        found = any(
            all(_finds(item, each, expression, case) for each in group) for group in expression.any_of
        )
        if expression.action == "INCLUDE":
            included, has_include = included or found, True
        else:
            excluded = excluded or found
    return (included or not has_include) and not excluded


def _finds(item: str, condition: Condition, expression: Expression, case: Case) -> bool:
    if expression.dataset == "Items":
        return _meets(case.overlay.get(item, case.base.get(item, {})), condition, case)
    assert isinstance(condition.right, Literals)
    wanted = [str(value).casefold() for value in condition.right.values]
    has = item in case.events and ("*" in wanted or case.events[item].casefold() in wanted)
    return has != (condition.operator in ("!=", "NOT IN"))


def _meets(row: Row, condition: Condition, case: Case) -> bool:
    own = _split(row, condition.column)
    right = condition.right
    others: list[Any]
    if isinstance(right, Literals):
        others = list(right.values)
    elif isinstance(right, CurrentItem):
        others = _split(case.item or {}, right.column)
    else:
        others = list(case.values[right.name])
    if condition.column in NUMBERS:
        others = [float(other) for other in others]
    is_equal = any(mine == other for mine in own for other in others)
    if condition.operator in ("=", "IN"):
        return is_equal
    if condition.operator in ("!=", "NOT IN"):
        return not is_equal
    return bool(own) and bool(others) and ORDERS[condition.operator](own[0], others[0])


def _split(row: Row, column: str) -> list[Any]:
    if column not in row:
        return []
    value = row[column]
    return value.split("|") if column == "TAGS" else [value]


@settings(deadline=None)  # the first case loads compiled functions
@given(cases())
def test_a_mask_keeps_what_an_evaluation_of_row_after_row_keeps(case: Case) -> None:
    assert fast(case) == naive(case)


def test_the_operators_of_the_language_are_all_tried() -> None:
    assert set(ORDERS) | {"=", "!="} == set(get_args(Comparison))
