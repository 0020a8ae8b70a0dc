"""`openpersonalize filters test` against a live server."""

import pytest

from openpersonalize.cli.console import UserError
from openpersonalize.cli.filters import filter_values
from tests.api.test_dry_runs import Store, a_store
from tests.unit.cli.command import run
from tests.world import World


@pytest.fixture
def store(world: World) -> Store:
    """A store whose datasets are indexed."""
    return a_store(world)


def command(store: Store, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """The exit code and what was printed to standard output and standard error."""
    place = ("--endpoint-url", store.world.server.url, "--dataset-group-arn", store.group)
    ended = run("filters", "test", *place, *arguments, **environment)
    return ended.returncode, ended.stdout, ended.stderr


def test_a_right_expression_is_shown_with_what_each_clause_keeps_and_removes(store: Store) -> None:
    code, shown, errors = command(
        store,
        *("--user-id", "u1", "--value", "GENRES=drama", "--value", "$GENRES=comedy"),
        "INCLUDE ItemID WHERE Items.GENRE IN ($GENRES) "
        '| EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Buy") '
        "| EXCLUDE ItemID WHERE Items.PRICE > 1 IF CurrentUser.AGE > 40",
    )
    rows = [line.split() for line in shown.splitlines()]

    assert (code, errors) == (0, "")
    assert [row[-3:] for row in rows if row[:2] in (["INCLUDE", "ItemID"], ["EXCLUDE", "ItemID"])][:2] == [
        ["3", "3", "2"],
        ["1", "4", "1"],
    ]
    assert "  not applied: IF does not hold: CurrentUser.AGE > … is false" in shown
    assert ["all", "together,", "of", "5", "items", "2", "3"] in rows
    assert "Kept: i2, i3\n" in shown


def test_a_wrong_expression_is_drawn_with_a_caret_under_it(store: Store) -> None:
    expression = 'INCLUDE ItemID WHERE Items.GENRE ("drama")'
    code, shown, errors = command(store, expression)

    assert (code, shown) == (1, "")
    assert errors.splitlines() == [
        f"  {expression}",
        " " * 35 + "^",
        "error: Invalid Expression at column 34: expected one of = != < <= > >=, IN or NOT IN, found '('.",
    ]


def test_a_long_expression_is_drawn_within_the_terminal(store: Store) -> None:
    expression = "INCLUDE ItemID WHERE Items.GENRE IN (" + '"x", ' * 40 + ")"
    _, _, errors = command(store, expression, COLUMNS="60")
    line, caret, _ = errors.splitlines()

    assert len(line) <= 60
    assert line[len(caret) - 1] == ")"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["INCLUDE ItemID WHERE Items.GENRE IN ($G)"], "error: filterValues lacks G"),
        (["--value", "G", "INCLUDE ItemID WHERE Items.GENRE IN ($G)"], "write --value NAME=VALUE"),
        (
            ["--dataset-group-arn", "arn:aws:personalize:us-east-1:000000000000:dataset-group/none", "x"],
            "error: The given dataset group does not exist",
        ),
        (["--endpoint-url", "http://127.0.0.1:9", "x"], "error: no server answers at http://127.0.0.1:9"),
    ],
)
def test_what_cannot_be_tried_ends_with_one_line(store: Store, arguments: list[str], said: str) -> None:
    code, shown, errors = command(store, *arguments)

    assert (code, shown) == (1, "")
    assert said in errors
    assert len(errors.splitlines()) == 1


def test_values_are_quoted_unless_they_are_quoted_already() -> None:
    assert filter_values(["A=x", "$B=1", 'C="x","y, z"', 'A=say "hi"', "D="]) == {
        "A": '"x","say \\"hi\\""',
        "B": '"1"',
        "C": '"x","y, z"',
        "D": '""',
    }
    with pytest.raises(UserError, match="write --value NAME=VALUE"):
        filter_values(["=x"])
