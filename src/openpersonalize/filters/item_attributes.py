"""The language of queries of segments: `ITEMS.<column> = <value>`, as often as wanted, with AND between.

It has the words of filters (quotes, escapes, keywords in any case) and none of their other operators.
"""

from collections.abc import Sequence

from openpersonalize.domain.item_attributes import Attribute
from openpersonalize.filters.tokens import FilterError, Token, tokens_of
from openpersonalize.models.columns import ColumnTable, NumberColumn, TextColumn

_FORM = "write ITEMS.<column> = <value>, with AND between if there are several"


def parse(expression: str, table: ColumnTable) -> tuple[Attribute, ...]:
    """What an expression asks of items, with columns as a table of theirs has them.

    Raises FilterError, whose text names columns and never a value.
    """
    tokens = tokens_of(expression)
    attributes = [_attribute(tokens, 0, table)]
    at = 5
    while tokens[at].kind != "end":
        if not tokens[at].says("AND"):
            raise _unexpected(tokens[at], "AND, or the end")
        attributes.append(_attribute(tokens, at + 1, table))
        at += 6
    return tuple(attributes)


def _attribute(tokens: Sequence[Token], at: int, table: ColumnTable) -> Attribute:
    """The term of five tokens that begins at a place; the last token of an expression is always its end."""
    _require(tokens[at], tokens[at].says("ITEMS"), "ITEMS")
    _require(tokens[at + 1], tokens[at + 1].says("."), "'.'")
    name = tokens[at + 2]
    _require(name, name.kind == "word", "the name of a column")
    _require(tokens[at + 3], tokens[at + 3].says("="), "'='")
    value = tokens[at + 4]
    _require(value, value.kind in ("string", "number"), "a value")
    column = _column(name, table)
    if isinstance(column, TextColumn) != (value.kind == "string"):
        wanted = (
            "text: put the value into double quotes"
            if isinstance(column, TextColumn)
            else "numbers: write the value without quotes"
        )
        raise FilterError(value.at, f"ITEMS.{column.name} holds {wanted}.")
    return Attribute(column.name, value.text if value.kind == "string" else _number(value.text))


def _require(token: Token, is_right: bool, expected: str) -> None:
    if not is_right:
        raise _unexpected(token, expected)


def _unexpected(token: Token, expected: str) -> FilterError:
    return FilterError(token.at, f"expected {expected}, found {token.shown}: {_FORM}.")


def _column(name: Token, table: ColumnTable) -> TextColumn | NumberColumn:
    columns: tuple[TextColumn | NumberColumn, ...] = (*table.texts, *table.numbers)
    for column in columns:
        if column.name.upper() == name.text.upper():
            return column
    known = ", ".join(sorted(column.name for column in columns))
    raise FilterError(
        name.at, f"the version was trained on no column {name.text} of Items: use one of {known}."
    )


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)
