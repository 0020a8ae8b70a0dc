"""Any tree of the filter language is read back from its own text."""

import string
from collections.abc import Mapping
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from openpersonalize.filters.parser import parse
from openpersonalize.filters.syntax import (
    Comparison,
    Condition,
    CurrentItem,
    Dataset,
    Expression,
    Filter,
    Literals,
    Parameter,
    Target,
    render,
)
from openpersonalize.filters.tokens import FilterError

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
texts = st.text(max_size=20).filter(lambda text: text != "*")
numbers = st.integers(-(10**12), 10**12) | st.floats(-1e12, 1e12, allow_nan=False).map(lambda x: x + 0.0)
values = texts | numbers
parameters = st.builds(
    Parameter, st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=50)
)
scalars = st.builds(lambda value: Literals((value,)), values) | parameters
lists = st.builds(Literals, st.lists(values, min_size=1, max_size=4).map(tuple))
comparisons = st.sampled_from(get_args(Comparison))


def conditions(column: st.SearchStrategy[str], *, of_items: bool) -> st.SearchStrategy[Condition]:
    items = st.builds(CurrentItem, names) if of_items else st.nothing()
    return (
        st.builds(Condition, column, comparisons, scalars | items)
        | st.builds(Condition, column, st.just("IN"), lists | parameters | items)
        | st.builds(Condition, column, st.just("NOT IN"), lists | items)
    )


DATASETS: Mapping[Target, tuple[Dataset, Dataset]] = {
    "ItemID": ("Items", "Interactions"),
    "UserID": ("Users", "Interactions"),
    "ActionID": ("Actions", "Action_Interactions"),
}


@st.composite
def expressions(draw: st.DrawFn, target: Target) -> Expression:
    own, events = DATASETS[target]
    dataset: Dataset = draw(st.sampled_from((own, events)))
    column = names if dataset == own else st.just("EVENT_TYPE")
    condition = conditions(column, of_items=dataset == "Items")
    group = st.lists(condition, min_size=1, max_size=3).map(tuple)
    return Expression(
        draw(st.sampled_from(("INCLUDE", "EXCLUDE"))),
        target,
        dataset,
        draw(st.lists(group, min_size=1, max_size=3).map(tuple)),
        draw(st.lists(conditions(names, of_items=False), max_size=2).map(tuple)),
    )


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    target = draw(st.sampled_from(get_args(Target)))
    tree = Filter(tuple(draw(st.lists(expressions(target), min_size=1, max_size=3))))
    return tree if len(tree.parameters) <= 25 else Filter(tree.expressions[:1])


@given(filters())
def test_a_tree_is_read_back_from_its_text(tree: Filter) -> None:
    assert parse(render(tree)) == tree


@given(
    st.text(max_size=60)
    | filters()
    .map(render)
    .flatmap(lambda text: st.integers(0, len(text)).map(lambda cut: text[:cut] + "?" + text[cut:]))
)
def test_no_text_makes_the_parser_fail_in_another_way_than_by_a_refusal(text: str) -> None:
    try:
        parse(text)
    except FilterError as error:
        assert 0 <= error.at <= len(text)
