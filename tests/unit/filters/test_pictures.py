"""The caret stands under what is wrong, whatever stands before it."""

import pytest

from openpersonalize.filters.pictures import picture


def test_the_caret_stands_under_the_place() -> None:
    assert picture("EXCLUDE ItemID IF", 15) == "EXCLUDE ItemID IF\n               ^"


def test_the_end_of_the_expression_has_a_place_too() -> None:
    assert picture("EXCLUDE", 7) == "EXCLUDE\n       ^"


def test_lines_and_tabs_become_blanks_so_that_the_picture_has_two_lines() -> None:
    assert picture("EXCLUDE\n\tUserID\x1b[31m", 9) == "EXCLUDE  UserID [31m\n         ^"


@pytest.mark.parametrize(
    ("before", "columns"),
    [("日本", 4), ("Ｇ", 2), ("e\N{COMBINING ACUTE ACCENT}", 1), ("é", 1)],
)
def test_wide_and_combining_characters_count_as_a_terminal_shows_them(before: str, columns: int) -> None:
    assert picture(before + "x", len(before)).splitlines()[1] == " " * columns + "^"


@pytest.mark.parametrize("at", [0, 10, 150, 299, 300])
def test_of_a_long_expression_the_part_around_the_caret_is_shown(at: int) -> None:
    text = "".join(chr(0x4E00 + place) if place == at else "-" for place in range(300))
    line, caret = picture(text, at).splitlines()

    assert len(line) <= 102
    assert line.startswith("…") == (at > 67)
    assert line.endswith("…") == (at < 233)
    assert (line + " ")[len(caret) - 1] == (text + " ")[at]
