"""filterValues: what a request gives for the parameters of a filter."""

import re
from collections.abc import Mapping
from functools import lru_cache

from openpersonalize.errors import InvalidInputException
from openpersonalize.filters.syntax import Filter

_VALUE = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^",]*))\s*(,|$)', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')

Given = Mapping[str, tuple[str, ...]]
"""Values by parameter, as texts; what they mean depends on the column."""


def read_values(texts: Mapping[str, str], tree: Filter) -> Given:
    """The values of a filter's parameters; others are left out.

    Each text is a list with commas between; a string stands in double quotes, a number may.
    Raises InvalidInputException, which names the parameter and no value.
    """
    return {name: _split(name, texts[name]) for name in tree.parameters if name in texts}


@lru_cache(maxsize=1024)  # the values of a page are asked for again and again
def _split(name: str, text: str) -> tuple[str, ...]:
    values = []
    at = 0
    while True:
        found = _VALUE.match(text, at)
        if found is None:
            raise InvalidInputException(
                f"filterValues has a text for {name} that is no list of values: write each string in double "
                'quotes, with commas between, such as "\\"comedy\\",\\"drama\\"".'
            )
        quoted, bare, end = found.groups()
        if quoted is None and not bare.strip():
            raise InvalidInputException(f"filterValues has an empty value for {name}: leave it out.")
        values.append(_ESCAPED.sub(r"\1", quoted) if quoted is not None else bare.strip())
        at = found.end()
        if not end:
            return tuple(values)


def check_given(tree: Filter, given: Given) -> None:
    """Raise InvalidInputException when an INCLUDE expression lacks the value of a parameter."""
    for expression in tree.expressions:
        missing = [name for name in expression.parameters if name not in given]
        if missing and expression.action == "INCLUDE":
            raise InvalidInputException(
                f"filterValues lacks {', '.join(missing)}: an INCLUDE expression needs the values of all its "
                "parameters."
            )
