"""The examples of docs/filters.md are right, and its tables say what filters do."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from openpersonalize.cli.sample_store.files import SCHEMAS
from openpersonalize.domain.columns import Column
from openpersonalize.domain.schemas import parse_schema
from openpersonalize.filters.checking import Schemas, check
from openpersonalize.filters.masks import Candidates, Part, Situation
from openpersonalize.filters.parser import parse
from openpersonalize.filters.pictures import picture
from openpersonalize.filters.syntax import Filter, render
from openpersonalize.filters.tokens import FilterError
from openpersonalize.filters.values import read_values
from openpersonalize.models.columns import ColumnTable

PAGE = (Path(__file__).parents[3] / "docs/filters.md").read_text("utf-8")
COLUMNS = (Column("GENRES", "string", categorical=True), Column("PRICE", "float"))
SAMPLE_STORE: Schemas = {
    schema.dataset_type: schema.columns for schema in (parse_schema(text) for text in SCHEMAS.values())
}


def block(name: str) -> str:
    """A marked code block."""
    found = re.search(rf"<!-- test: {name} -->\n```\w*\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def checked(expression: str) -> Filter:
    """The tree of an expression that fits the sample store."""
    return check(parse(expression), SAMPLE_STORE)


@pytest.mark.parametrize("expression", re.findall(r"```filter\n(.*?)```", PAGE, re.DOTALL))
def test_every_example_fits_the_sample_store(expression: str) -> None:
    tree = checked(expression)

    assert parse(render(tree)) == tree


def test_the_curl_lines_send_json_with_a_right_expression_and_its_values() -> None:
    created, asked = (json.loads(body) for body in re.findall(r"-d '(.*?)'", block("curl"), re.DOTALL))

    assert read_values(asked["filterValues"], checked(created["filterExpression"])) == {
        "CATEGORIES": ("Outdoor", "Music"),
        "MOST": ("50",),
    }


def test_the_python_lines_send_a_right_expression() -> None:
    (expression,) = re.findall(r'filterExpression="(.*?)",\n', block("python"))

    ast.parse(block("python"))
    checked(expression)


def test_values_are_encoded_as_the_table_says() -> None:
    rows = re.findall(r"^\| ([^|]+) \| `(\{.*\})` \|$", PAGE, re.MULTILINE)
    read = []
    for _, text in rows:
        ((name, _value),) = json.loads(text).items()
        tree = parse(f"INCLUDE ItemID WHERE Items.A IN (${name})")
        read.append(read_values(json.loads(text), tree)[name])

    assert [shown for shown, _ in rows] == [*("drama", "drama and comedy", "the number 20", "rock, and roll")]
    assert read == [("drama",), ("drama", "comedy"), ("20",), ("rock, and roll",)]


def truths() -> Iterator[tuple[str, list[str], list[str]]]:
    """Each row of a truth table: the condition, the values in the head, and what it says of each."""
    values: list[str] = []
    for line in PAGE.replace(r"\|", "¦").splitlines():
        cells = [cell.strip(" `").replace("¦", "|") for cell in line.strip("|").split("|")]
        if cells[0] == "condition":
            values = cells[1:]
        elif cells[0].startswith("Items.") and line.startswith("|"):
            yield cells[0], values, cells[1:]


@pytest.mark.parametrize(("condition", "values", "said"), list(truths()))
def test_the_truth_tables_are_true(condition: str, values: list[str], said: list[str]) -> None:
    name = "GENRES" if "GENRES" in condition else "PRICE"
    cells = [None if value == "no value" else value for value in values]
    records = {
        str(place): {} if cell is None else {name: cell if name == "GENRES" else float(cell)}
        for place, cell in enumerate(cells)
    }
    part = Part(ColumnTable.build(COLUMNS, records), np.arange(len(cells), dtype=np.int32))
    kept = Candidates(len(cells), (part,)).mask(parse(f"INCLUDE ItemID WHERE {condition}"), Situation())

    assert kept is not None
    assert [str(each).lower() for each in kept.tolist()] == said


def test_the_truth_tables_are_found() -> None:
    assert len(list(truths())) == 9


def test_the_picture_of_a_right_expression_shows_canonical_clauses() -> None:
    shown = block("dry run")
    clauses = re.findall(r"^  ((?:INCLUDE|EXCLUDE) .*?)(?:  +\d.*)?$", shown, re.MULTILINE)
    (typed,) = re.findall(r"'(.*?)'", shown, re.DOTALL)

    assert " | ".join(clause.strip() for clause in clauses) == render(checked(typed))


def test_the_picture_of_a_wrong_expression_is_what_the_command_prints() -> None:
    line, caret, said = block("caret").splitlines()
    with pytest.raises(FilterError) as caught:
        checked(line.strip())

    assert picture(line.strip(), caught.value.at).splitlines() == [line[2:], caret[2:]]
    assert said == f"error: {caught.value.message}"
