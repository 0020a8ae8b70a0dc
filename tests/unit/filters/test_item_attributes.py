"""Queries of segments are read as the reference says, and what is wrong is named with its place."""

import pytest

from openpersonalize.domain.columns import Column
from openpersonalize.filters.item_attributes import parse
from openpersonalize.filters.tokens import FilterError
from openpersonalize.models.columns import ColumnTable

TABLE = ColumnTable.build(
    [Column("GENRE", "string", categorical=True), Column("YEAR", "int"), Column("PRICE", "float")],
    {"i": {"GENRE": "a|b", "YEAR": 1995, "PRICE": 9.99}},
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('ITEMS.GENRE = "Comedy"', [("GENRE", "Comedy")]),
        ('ITEMS.genre="Coffee, Tea & Cocoa"', [("GENRE", "Coffee, Tea & Cocoa")]),
        (r'Items.GENRE = "a \"b\" \\ c"', [("GENRE", 'a "b" \\ c')]),
        ('ITEMS.GENRE = "x AND y" AND ITEMS.YEAR = 1995', [("GENRE", "x AND y"), ("YEAR", 1995)]),
        ("ITEMS.PRICE = 9.99 and items.YEAR = -1", [("PRICE", 9.99), ("YEAR", -1)]),
    ],
)
def test_terms_are_read_with_and_between(expression: str, expected: list[tuple[str, object]]) -> None:
    assert list(parse(expression, TABLE)) == expected


@pytest.mark.parametrize(
    ("expression", "column", "what"),
    [
        ("", 1, "expected ITEMS, found the end"),
        ('GENRE = "a"', 1, "expected ITEMS, found a word"),
        ('USERS.GENRE = "a"', 1, "expected ITEMS, found a word"),
        ("ITEMS", 6, "expected '.', found the end"),
        ('ITEMS.GENRE = "a" OR ITEMS.GENRE = "b"', 19, "expected AND, or the end, found a word"),
        ('ITEMS.GENRE = "a" AND', 22, "expected ITEMS, found the end"),
        ('ITEMS.GENRE != "a"', 13, "expected '=', found '!='"),
        ('ITEMS.GENRE IN ("a")', 13, "expected '=', found a word"),
        ("ITEMS.YEAR > 1990", 12, "expected '=', found '>'"),
        ("ITEMS.GENRE = Comedy", 15, "expected a value, found a word"),
        ('NOT ITEMS.GENRE = "a"', 1, "expected ITEMS, found a word"),
        ("ITEMS.GENRE = $x", 15, "expected a value, found a parameter"),
        ('ITEMS.GENRE = "a', 15, "the string that begins here has no end"),
        ('ITEMS.TITLE = "a"', 7, "trained on no column TITLE of Items: use one of GENRE, PRICE, YEAR."),
        ("ITEMS.GENRE = 7", 15, "ITEMS.GENRE holds text: put the value into double quotes."),
        ('ITEMS.YEAR = "1995"', 14, "ITEMS.YEAR holds numbers: write the value without quotes."),
    ],
)
def test_what_is_wrong_is_named_with_its_column(expression: str, column: int, what: str) -> None:
    with pytest.raises(FilterError) as wrong:
        parse(expression, TABLE)

    assert f"at column {column}: " in wrong.value.message
    assert what in wrong.value.message


def test_no_message_repeats_a_value() -> None:
    with pytest.raises(FilterError) as wrong:
        parse('ITEMS.YEAR = "Zanzibar"', TABLE)

    assert "Zanzibar" not in wrong.value.message
