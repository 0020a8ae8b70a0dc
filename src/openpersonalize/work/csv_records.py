"""One line of a CSV file and its fields, with both ways to escape a quote: `\\"` and `""`."""

import re

from openpersonalize.work.csv_rejects import LineError

_FIELD = re.compile(r'(?:"((?:[^"\\]+|""|\\.)*+)"|([^",]*))(?=,|\Z)')
_QUOTED = re.compile(r'"(?:[^"\\]+|""|\\.)*+"')
_ESCAPE = re.compile(r'""|\\(["\\])')


def split_record(line: str) -> list[str]:
    """Split a line, without its line end, into the values of its fields.

    Inside quotes a backslash escapes a quote or a backslash and stands for itself before anything else;
    outside of quotes it stands for itself. Raises `LineError`.
    """
    if '"' not in line:
        return line.split(",")
    return [value for value, _ in _scan(line)]


def field_position(line: str, number: int) -> int:
    """Return the 1-based character at which a field (1-based) begins; past the last one, the line's end."""
    starts = _plain_starts(line) if '"' not in line else [start for _, start in _scan(line)]
    return starts[number - 1] + 1 if number <= len(starts) else len(line) + 1


def field_at(line: str, position: int) -> int:
    """Return the number (1-based) of the field that holds a 1-based character, as far as quotes are right."""
    try:
        starts = [start for _, start in _scan(line)]
    except LineError:
        starts = _plain_starts(line)
    return sum(start < position for start in starts)


def _plain_starts(line: str) -> list[int]:
    return [0, *(found.end() for found in re.finditer(",", line))]


def _scan(line: str) -> list[tuple[str, int]]:
    """Return each field's value and the 0-based position at which it begins."""
    fields: list[tuple[str, int]] = []
    start = 0
    while True:
        found = _FIELD.match(line, start)
        if found is None:
            raise _quoting_defect(line, start, len(fields) + 1)
        quoted, plain = found.groups()
        fields.append((plain if quoted is None else _unescaped(quoted), start))
        start = found.end() + 1
        if start > len(line):
            return fields


def _unescaped(text: str) -> str:
    if '"' not in text and "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: found[1] or '"', text)


def _quoting_defect(line: str, start: int, number: int) -> LineError:
    value = line[start:]
    if not value.startswith('"'):
        return LineError(
            number,
            "a double quote inside a value that is not quoted",
            'Put the whole value in double quotes and write each quote inside as \\" or "".',
            value=value,
            position=line.index('"', start) + 1,
        )
    if closed := _QUOTED.match(line, start):
        return LineError(
            number,
            "text after the closing double quote",
            'Write each quote inside a quoted value as \\" or "".',
            value=value,
            position=closed.end() + 1,
        )
    return LineError(
        number,
        "the double quote that opens here is not closed on this line",
        "Close it; a record is one line, so a value holds no line break.",
        value=value,
        position=start + 1,
    )
