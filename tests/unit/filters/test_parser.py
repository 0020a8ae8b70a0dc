"""Filter expressions are read as the reference says, and what is wrong is named with its place."""

import json
from pathlib import Path
from typing import Any

import pytest

from openpersonalize.domain.columns import Column, DatasetColumns
from openpersonalize.filters.checking import Schemas, check, columns_of
from openpersonalize.filters.parser import parse
from openpersonalize.filters.syntax import Condition, Expression, Filter, Literals, Parameter, render
from openpersonalize.filters.tokens import FilterError

CORPUS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "golden/filter-corpus.jsonl").read_text().splitlines()
]

SCHEMAS: Schemas = {
    "ITEMS": DatasetColumns(
        "ITEMS",
        (
            Column("ITEM_ID", "string"),
            Column("GENRE", "string", categorical=True),
            Column("PRICE", "float", nullable=True),
            Column("IS_NEW", "boolean"),
            Column("PRODUCT_DESCRIPTION", "string", textual=True),
        ),
    ),
    "USERS": DatasetColumns(
        "USERS", (Column("USER_ID", "string"), Column("AGE", "int"), Column("GENDER", "string"))
    ),
    "INTERACTIONS": DatasetColumns(
        "INTERACTIONS",
        (Column("USER_ID", "string"), Column("ITEM_ID", "string"), Column("EVENT_TYPE", "string")),
    ),
    "ACTIONS": DatasetColumns(
        "ACTIONS",
        (Column("ACTION_ID", "string"), Column("VALUE", "long"), Column("REPEAT_FREQUENCY", "long")),
    ),
}


def refusal(expression: str, schemas: Schemas | None = None) -> FilterError:
    with pytest.raises(FilterError) as caught:
        tree = parse(expression)
        if schemas is not None:
            check(tree, schemas)
    return caught.value


@pytest.mark.parametrize("line", CORPUS, ids=lambda line: line["expression"][:60])
def test_the_corpus_parses_or_is_refused_as_it_says(line: dict[str, Any]) -> None:
    expression = line["expression"]
    if line["valid"] or line.get("needs_schema"):
        tree = parse(expression)

        assert parse(render(tree)) == tree
        if line.get("needs_schema"):
            refusal(expression, SCHEMAS)
    else:
        refusal(expression)


def test_and_binds_before_or() -> None:
    tree = parse("INCLUDE ItemID WHERE Items.A = 1 OR Items.B = 2 AND Items.C = 3")

    [expression] = tree.expressions
    assert [[each.column for each in group] for group in expression.any_of] == [["A"], ["B", "C"]]


def test_a_tree_says_what_the_text_says() -> None:
    assert parse(
        'exclude itemid where ITEM.genre in (\'a\', "b\\"c") if CURRENTUSER.Age >= ($MIN)'
    ) == Filter(
        (
            Expression(
                "EXCLUDE",
                "ItemID",
                "Items",
                ((Condition("genre", "IN", Literals(("a", 'b"c'))),),),
                (Condition("Age", ">=", Parameter("MIN")),),
            ),
        )
    )


def test_strings_may_hold_anything() -> None:
    value = 'a|b, "c" \\ Japan購入 IF AND'
    text = value.replace("\\", "\\\\").replace('"', '\\"')

    tree = parse(f'INCLUDE ItemID WHERE Items.GENRE IN ("{text}")')

    assert tree.expressions[0].conditions[0].right == Literals((value,))


@pytest.mark.parametrize(
    ("expression", "column", "wanted"),
    [
        ("", 1, "INCLUDE or EXCLUDE"),
        ("INCLUDE", 8, "ItemID, UserID or ActionID"),
        ("INCLUDE ItemID WHERE", 21, "Items.<column> or Interactions.<column>"),
        ("INCLUDE ItemID WHERE Items", 27, "expected ."),
        ("INCLUDE ItemID WHERE Items.GENRE", 33, "one of = != < <= > >=, IN or NOT IN"),
        ("INCLUDE ItemID WHERE Items.GENRE IN", 36, "'('"),
        ('INCLUDE ItemID WHERE Items.GENRE IN ("a"', 41, "',' or ')'"),
        ('INCLUDE ItemID WHERE Items.GENRE IN ("a") "b"', 43, "AND, OR, IF, '|' or the end"),
        ("INCLUDE ItemID WHERE Items.GENRE IN (hidden)", 38, "double quotes"),
        ("INCLUDE ItemID WHERE Users.AGE > 3", 22, "IF CurrentUser.<column>"),
        ("INCLUDE ItemID WHERE Items.A = 1 | EXCLUDE UserID WHERE Users.B = 1", 36, "one target"),
        ("INCLUDE ItemID WHERE Items.A = $", 32, "name of a parameter"),
    ],
)
def test_a_refusal_names_the_column_and_what_was_expected(expression: str, column: int, wanted: str) -> None:
    error = refusal(expression)

    assert error.at == column - 1
    assert error.message.startswith(f"Invalid Expression at column {column}: ")
    assert wanted in error.message


@pytest.mark.parametrize(
    "expression",
    [
        'INCLUDE ItemID WHERE Items.GENRE IN ("secret" "secret")',
        "INCLUDE ItemID WHERE Items.GENRE IN (secret)",
        'INCLUDE ItemID WHERE Items.PRICE > "secret"',
        'INCLUDE "secret" WHERE Items.PRICE > 1',
        "INCLUDE ItemID WHERE Items.GENRE IN ('secret",
        "INCLUDE ItemID WHERE Items.GENRE = 5ecret",
    ],
)
def test_a_refusal_never_repeats_a_literal(expression: str) -> None:
    assert "ecret" not in refusal(expression, SCHEMAS).message


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("INCLUDE ItemID WHERE Items.COLOUR = 1", "ITEM_ID, GENRE, PRICE"),
        ("INCLUDE ItemID WHERE Items.GENRE < 3", "has no order"),
        ("INCLUDE ItemID WHERE Items.GENRE = 3", "double quotes"),
        ('INCLUDE ItemID WHERE Items.PRICE = "3"', "without quotes"),
        ("INCLUDE ItemID WHERE Items.IS_NEW = 1", "boolean"),
        ("INCLUDE ItemID WHERE Items.PRICE < CurrentItem.GENRE", "compare alike types"),
        (
            'INCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("*")',
            "has no Action_Interactions dataset",
        ),
    ],
)
def test_a_filter_that_does_not_fit_the_schemas_is_refused(expression: str, wanted: str) -> None:
    assert wanted in refusal(expression, SCHEMAS).message


def test_columns_are_named_as_in_the_schema() -> None:
    tree = check(
        parse("INCLUDE ItemID WHERE items.price < currentitem.Price IF currentuser.age > 1"), SCHEMAS
    )

    assert render(tree) == ("INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE IF CurrentUser.AGE > 1")
    assert columns_of(tree) == {"ITEMS.PRICE", "USERS.AGE"}


def test_more_columns_than_ten_are_too_many() -> None:
    columns = tuple(Column(f"C{number}", "int") for number in range(11))
    schemas = {"ITEMS": DatasetColumns("ITEMS", columns)}
    conditions = [f"Items.C{number} = 1" for number in range(11)]

    assert columns_of(check(parse("INCLUDE ItemID WHERE " + " OR ".join(conditions[:10])), schemas))
    assert (
        "11 columns are too many"
        in refusal("INCLUDE ItemID WHERE " + " OR ".join(conditions), schemas).message
    )
