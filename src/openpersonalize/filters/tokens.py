"""The words of the language: a text cut into tokens, each with its place."""

import re
from dataclasses import dataclass
from typing import Literal

from openpersonalize.errors import InvalidInputException

Kind = Literal["word", "string", "number", "parameter", "symbol", "end"]

SHOWN_KINDS = {
    "word": "a word",
    "string": "a string",
    "number": "a number",
    "parameter": "a parameter",
    "end": "the end",
}

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?![A-Za-z_]))
    | (?P<parameter>\$[A-Za-z0-9_]+)
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<symbol><=|>=|!=|[=<>().,|])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPED = re.compile(r"""\\(["'\\])""")


class FilterError(InvalidInputException):
    """A wrong expression.

    `at` is where, counted from 0 in characters. The text names the column from 1 and what was expected; it
    repeats names and keywords, and never a literal, since that may be a customer's secret.
    """

    def __init__(self, at: int, what: str) -> None:
        super().__init__(f"Invalid Expression at column {at + 1}: {what}")
        self.at = at
        self.what = what

    @property
    def code(self) -> str:
        return InvalidInputException.__name__


@dataclass(frozen=True, slots=True)
class Token:
    """One word; `text` is a string's content without quotes and escapes, a parameter's name without `$`."""

    kind: Kind
    text: str
    at: int

    def says(self, word: str) -> bool:
        """Whether this is the keyword or symbol; keywords are alike in any case."""
        return self.kind in ("word", "symbol") and self.text.upper() == word.upper()

    @property
    def shown(self) -> str:
        """What an error message calls it."""
        return f"'{self.text}'" if self.kind == "symbol" else SHOWN_KINDS[self.kind]


def tokens_of(expression: str) -> list[Token]:
    """Cut an expression into tokens, the last of kind `end`. Raises FilterError."""
    tokens = []
    at = 0
    while at < len(expression):
        found = _TOKEN.match(expression, at)
        if found is None:
            raise FilterError(at, _what_is_wrong(expression[at]))
        kind = found.lastgroup
        if kind != "space":
            tokens.append(Token(kind, _content(kind, found[0]), at))  # type: ignore[arg-type]  # group names
        at = found.end()
    tokens.append(Token("end", "", len(expression)))
    return tokens


def _content(kind: str | None, text: str) -> str:
    if kind == "string":
        return _ESCAPED.sub(r"\1", text[1:-1])
    return text[1:] if kind == "parameter" else text


def _what_is_wrong(character: str) -> str:
    if character in "\"'":
        return (
            "the string that begins here has no end: close it with the same quote, and write a backslash "
            "before quotes inside."
        )
    if character == "$":
        return "'$' must be followed by the name of a parameter, of letters, digits and underscores."
    return "expected a name, a value, or one of = != < <= > >= ( ) , . |, found another character."
