"""Chunks of lines as typed frames: a columnar parser for clean ones, a strict one for the rest."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.domain.events import action_event_type
from openpersonalize.work.csv_chunks import Chunk, count_byte
from openpersonalize.work.csv_headers import Layout
from openpersonalize.work.csv_records import field_at, field_position, split_record
from openpersonalize.work.csv_rejects import KEPT_LINES, BadLine, LineError, Rejects, shortened
from openpersonalize.work.csv_values import Rule, checked_value, rules_of

DTYPES: dict[str, type[pl.DataType]] = {
    "string": pl.String,
    "int": pl.Int32,
    "long": pl.Int64,
    "float": pl.Float32,
    "double": pl.Float64,
    "boolean": pl.Boolean,
}
_SEPARATOR = "\x1f"  # of no meaning: it makes polars take each line as one field
_FIELD = r'(?:[^",\\]*|"(?:[^"\\]|""|\\.)*")'


@dataclass
class FrameReader:
    """Reads the chunks of one file, in order; `n_cut` counts texts that were cut to their longest length."""

    file: str
    columns: DatasetColumns
    layout: Layout
    rejects: Rejects
    n_cut: int = 0
    _n_empty: int = 0
    _empty_lines: list[int] = field(default_factory=list)  # the first of them

    def read(self, chunk: Chunk) -> pl.DataFrame | None:
        """Return the chunk's rows in the schema's columns; None if a line was bad (it is a reject then)."""
        frame = parse_fast(chunk, self.columns, self.layout)
        if frame is None:
            frame = self.parse_strictly(chunk)
        else:
            self._reject_empty_lines()
        return None if frame is None else self._cut(frame)

    def parse_strictly(self, chunk: Chunk) -> pl.DataFrame | None:
        """Return the same, value by value, in the words for what is wrong; texts are not cut yet."""
        n_bad = self.rejects.total
        picked = [self.layout.field_of(name) for name in self.columns.names]
        values: list[list[str | None]] = [[] for _ in picked]
        for offset, raw in enumerate(chunk.lines[:-1].split(b"\n")):
            line = chunk.first_line + offset
            content = raw.removesuffix(b"\r")
            if not content:
                self._note_empty_line(line)
                continue
            self._reject_empty_lines()
            try:
                record = read_record(content, self.layout)
            except LineError as defect:
                self.rejects.add(self._bad_line(line, content, defect))
                continue
            if self.rejects.total == n_bad:
                for column, position in zip(values, picked, strict=True):
                    column.append(record[position])
        return None if self.rejects.total > n_bad else _typed(values, self.columns)

    def _note_empty_line(self, line: int) -> None:
        self._n_empty += 1
        if len(self._empty_lines) < KEPT_LINES:
            self._empty_lines.append(line)

    def _reject_empty_lines(self) -> None:
        """Empty lines are bad once a record follows; at the end of a file they are not."""
        if not self._n_empty:
            return
        remedy = "Delete it; empty lines may stand only at the end of a file."
        for line in self._empty_lines:
            self.rejects.add(
                BadLine(self.file, line, self.layout.names[0], 1, 1, "", "the line is empty", remedy)
            )
        self.rejects.total += self._n_empty - len(self._empty_lines)
        self._n_empty = 0
        self._empty_lines.clear()

    def _bad_line(self, line: int, content: bytes, defect: LineError) -> BadLine:
        names = self.layout.names
        position = defect.position
        if not position:
            position = field_position(content.decode(), defect.number)
        return BadLine(
            file=self.file,
            line=line,
            column=names[defect.number - 1] if defect.number <= len(names) else None,
            field=defect.number,
            position=position,
            value=shortened(defect.value),
            problem=defect.problem,
            remedy=defect.remedy,
        )

    def _cut(self, frame: pl.DataFrame) -> pl.DataFrame:
        for rule in rules_of(self.columns):
            if not rule.is_cut:
                continue
            too_long = int((frame[rule.name].str.len_chars() > rule.longest).sum())
            if too_long:
                self.n_cut += too_long
                frame = frame.with_columns(pl.col(rule.name).str.slice(0, rule.longest))
        return frame


def read_record(content: bytes, layout: Layout) -> list[str | None]:
    """Return the checked value of every field of a line (of ignored ones, the text); raise `LineError`."""
    fields = split_record(_decoded(content))
    if len(fields) < len(layout.names):
        raise LineError(
            len(fields) + 1,
            f"the line has {len(fields)} fields and the header {len(layout.names)}",
            "Write every field, an empty one for no value.",
        )
    if len(fields) > len(layout.names):
        raise LineError(
            len(layout.names) + 1,
            f"the line has {len(fields)} fields and the header {len(layout.names)}",
            "Put values that hold commas in double quotes.",
            value=fields[len(layout.names)],
        )
    return [
        checked_value(rule, text, number) if rule else text
        for number, (rule, text) in enumerate(zip(layout.rules, fields, strict=True), start=1)
    ]


def _decoded(content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        position = len(content[: error.start].decode()) + 1
        raise LineError(
            field_at(content.decode(errors="surrogateescape"), position),
            f"byte {error.start + 1} of the line is not valid UTF-8",
            "Save the file as UTF-8.",
            value=repr(content[error.start : error.start + 4])[2:-1],
            position=position,
        ) from error
    for mark, name in (("\0", "a NUL byte"), ("\r", "a carriage return")):
        if mark in text:
            position = text.index(mark) + 1
            raise LineError(
                field_at(text, position),
                f"{name} inside the line",
                "Remove it; lines end in LF or CR LF.",
                value=text[max(0, position - 11) : position + 10],
                position=position,
            )
    return text


def _typed(values: list[list[str | None]], columns: DatasetColumns) -> pl.DataFrame:
    """Convert values that were checked already; an error here would be ours, and polars raises it."""
    return pl.DataFrame(
        [
            _converted(pl.Series(column.name, texts, pl.String), column.type)
            for column, texts in zip(columns.columns, values, strict=True)
        ]
    )


def _converted(texts: pl.Series, type_: str) -> pl.Series:
    return texts == "true" if type_ == "boolean" else texts.cast(DTYPES[type_])


def parse_fast(chunk: Chunk, columns: DatasetColumns, layout: Layout) -> pl.DataFrame | None:
    """Parse a chunk by columns; None if anything in it is not plainly right."""
    lines = _plain_lines(chunk, len(layout.names))
    if lines is None:
        return None
    try:
        frame = pl.read_csv(lines, has_header=False, schema=_file_schema(layout), encoding="utf8")
    except (pl.exceptions.PolarsError, ValueError):
        return None
    rules = rules_of(columns)
    frame = frame.select([f"{layout.field_of(rule.name)}" for rule in rules])
    frame.columns = list(columns.names)
    if b'"' in lines:
        strings = [rule.name for rule in rules if rule.type in ("string", "boolean")]
        frame = frame.with_columns(pl.col(strings).replace("", None))
    if frame.height != chunk.n_lines or not _all_right(frame, rules):
        return None
    booleans = [rule.name for rule in rules if rule.type == "boolean"]
    return frame.with_columns(pl.col(booleans) == "true") if booleans else frame


def _plain_lines(chunk: Chunk, n_fields: int) -> bytes | None:
    """Return the lines with LF ends and doubled quotes, if polars reads them as the strict parser does."""
    lines = chunk.lines
    if b"\0" in lines:
        return None
    if b"\r" in lines:
        if lines.count(b"\r") != lines.count(b"\r\n"):
            return None
        lines = lines.replace(b"\r\n", b"\n")
    if b'"' in lines:
        return _with_doubled_quotes(lines) if _is_well_quoted(lines, n_fields) else None
    return lines if count_byte(lines, b",") == chunk.n_lines * (n_fields - 1) else None


def _is_well_quoted(lines: bytes, n_fields: int) -> bool:
    """Tell whether every line has the right number of fields, whole values quoted, no other backslash."""
    try:
        whole = pl.read_csv(
            lines, has_header=False, schema={"line": pl.String}, separator=_SEPARATOR, quote_char=None
        )["line"]
        pattern = rf"\A{_FIELD}(?:,{_FIELD}){{{n_fields - 1}}}\z"
        return bool(whole.str.contains(pattern).all(ignore_nulls=False))
    except (pl.exceptions.PolarsError, ValueError):
        return False


def _with_doubled_quotes(lines: bytes) -> bytes:
    """Write `\\"` as `""` and `\\\\` as one backslash in well quoted lines; NUL stands in."""
    if b"\\" not in lines:
        return lines
    return lines.replace(b"\\\\", b"\0").replace(b'\\"', b'""').replace(b"\0", b"\\")


def _file_schema(layout: Layout) -> dict[str, type[pl.DataType]]:
    """Types by the field's number; a boolean is read as text, since polars takes `True` for one."""
    return {
        str(number): DTYPES[rule.type] if rule and rule.type != "boolean" else pl.String
        for number, rule in enumerate(layout.rules)
    }


def _all_right(frame: pl.DataFrame, rules: tuple[Rule, ...]) -> bool:
    """Check all columns in one pass; lengths in bytes, and in characters only if those exceed the limit."""
    checks: list[pl.Expr] = [pl.lit(value=True)]
    for rule in rules:
        column = pl.col(rule.name)
        if not rule.nullable:
            checks.append(column.null_count() == 0)
        checks += _CHECKS[rule.type](column, rule)
    passed: tuple[Any, ...] = frame.select(
        check.alias(str(number)) for number, check in enumerate(checks)
    ).row(0)
    return all(passed) and all(
        _is_short_enough(frame[rule.name], rule) and _has_known_events(frame[rule.name], rule)
        for rule in rules
    )


def _is_short_enough(column: pl.Series, rule: Rule) -> bool:
    if rule.type != "string" or rule.is_cut:
        return True
    return (
        _longest(column.str.len_bytes()) <= rule.longest or _longest(column.str.len_chars()) <= rule.longest
    )


def _has_known_events(column: pl.Series, rule: Rule) -> bool:
    return not rule.is_action_event or all(action_event_type(text) is not None for text in column.unique())


def _longest(lengths: pl.Series) -> int:
    longest = lengths.max()
    return longest if isinstance(longest, int) else 0


def _check_range(column: pl.Expr, rule: Rule) -> list[pl.Expr]:
    if rule.allowed is None:
        return []
    return [column.is_between(rule.allowed.start, rule.allowed.stop - 1).all()]


def _check_finite(column: pl.Expr, rule: Rule) -> list[pl.Expr]:
    return [column.is_finite().all()]


def _check_boolean(column: pl.Expr, rule: Rule) -> list[pl.Expr]:
    return [column.is_in(["true", "false"]).all()]


def _check_nothing(column: pl.Expr, rule: Rule) -> list[pl.Expr]:
    return []


_CHECKS = {
    "string": _check_nothing,
    "int": _check_nothing,
    "long": _check_range,
    "float": _check_finite,
    "double": _check_finite,
    "boolean": _check_boolean,
}
