"""The picture of a wrong expression: one line of it, and a caret under what is wrong.

It shows what the customer wrote, values too: it is for whoever sent the expression, and for no log.
"""

import unicodedata

WIDTH = 100
_CUT = "…"


def picture(expression: str, at: int, *, width: int = WIDTH) -> str:
    """Two lines: the expression, and a caret under the character at a place that is counted from 0.

    Of an expression of more than `width` characters those around the caret are shown.
    """
    line = "".join(character if character.isprintable() else " " for character in expression)
    at = min(at, len(line))
    first = 0 if len(line) <= width else max(0, min(at - width * 2 // 3, len(line) - width))
    shown = line[first : first + width]
    before = _CUT * (first > 0) + shown[: at - first]
    after = shown[at - first :] + _CUT * (first + width < len(line))
    return f"{before}{after}\n{' ' * _columns(before)}^"


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes: some characters are wide, some stand on others."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
