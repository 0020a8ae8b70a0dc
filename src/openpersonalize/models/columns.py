"""The columns of items, users or actions as serving reads them: filters, metadata, context.

A table has one row per record, and one more at its end whose values are all null: row -1 is that of whatever
has no record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from openpersonalize.domain.columns import Column
from openpersonalize.models.compiled import freeze
from openpersonalize.models.ids import IdIndex

Value = str | int | float
Numbers = NDArray[np.int64] | NDArray[np.float32] | NDArray[np.float64]

SEPARATOR = "|"
"""Between the values of a cell that has several."""

_DTYPES: Mapping[str, type[np.int64 | np.float32 | np.float64]] = {
    "int": np.int64,
    "long": np.int64,
    "float": np.float32,
    "double": np.float64,
}


@dataclass(frozen=True)
class TextColumn:
    """A column of strings (or of booleans, as true and false).

    - `codes`: int32, shape (n_rows + 1,): the cell of each row, -1 where it is null, as at the end.
    - `cells`: the different texts of the column.
    - `words`: where cells hold several values (`A|B`), the single ones; else empty.
    - `word_starts`: int64, `word_cells`: int32: the cells with word w are those from word_starts[w] to
      word_starts[w + 1].
    """

    name: str
    codes: NDArray[np.int32]
    cells: IdIndex
    words: IdIndex
    word_starts: NDArray[np.int64]
    word_cells: NDArray[np.int32]
    is_split: bool

    def __post_init__(self) -> None:
        freeze(self)

    @classmethod
    def build(
        cls, name: str, codes: NDArray[np.int32], cells: Sequence[str], *, is_split: bool
    ) -> "TextColumn":
        """A column from the code of each row (-1 is null) and the different texts that the codes count."""
        cells_of_word: dict[str, list[int]] = {}
        if is_split:
            for cell, text in enumerate(cells):
                for word in dict.fromkeys(text.split(SEPARATOR)):
                    cells_of_word.setdefault(word, []).append(cell)
        starts = np.zeros(len(cells_of_word) + 1, np.int64)
        np.cumsum([len(found) for found in cells_of_word.values()], out=starts[1:])
        return cls(
            name,
            np.append(codes, np.int32(-1)).astype(np.int32, copy=False),
            IdIndex.build(cells),
            IdIndex.build(list(cells_of_word)),
            starts,
            np.array([cell for found in cells_of_word.values() for cell in found], np.int32),
            is_split,
        )

    def cells_with(self, values: Sequence[str]) -> NDArray[np.bool_]:
        """Which cells are, or contain, one of the values: bool, shape (n_cells + 1,), False for null."""
        found = np.zeros(len(self.cells) + 1, np.bool_)
        if not self.is_split:
            rows = self.cells.find_many(values)
            found[rows[rows >= 0]] = True
            return found
        for word in self.words.find_many(values):
            if word >= 0:
                found[self.word_cells[self.word_starts[word] : self.word_starts[word + 1]]] = True
        return found

    def value(self, row: int) -> str | None:
        """The text of a row, whole; None where it is null."""
        code = int(self.codes[row])
        return None if code < 0 else self.cells.text(code)


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers: `values` of the schema's type, and bool `is_null`, both of shape (n_rows + 1,)."""

    name: str
    values: Numbers
    is_null: NDArray[np.bool_]

    def __post_init__(self) -> None:
        freeze(self)

    @classmethod
    def build(cls, name: str, values: Numbers, is_null: NDArray[np.bool_]) -> "NumberColumn":
        """A column from the numbers of the rows, which count only where they are not null."""
        padded: Any = np.append(values, values.dtype.type(0))
        return cls(name, padded, np.append(is_null, np.True_))

    def value(self, row: int) -> int | float | None:
        """The number of a row, None where it is null; a float has no more digits than its type holds."""
        if self.is_null[row]:
            return None
        number = self.values[row]
        return int(number) if self.values.dtype.kind == "i" else float(str(number))


@dataclass(frozen=True)
class ColumnTable:
    """The records of one dataset by id, in any order."""

    kind: ClassVar[str] = "columns"

    ids: IdIndex
    texts: tuple[TextColumn, ...]
    numbers: tuple[NumberColumn, ...]

    @classmethod
    def build(
        cls, columns: Sequence[Column], records: Mapping[str, Mapping[str, Value | bool]]
    ) -> "ColumnTable":
        """A table of few records, each the values of its columns; what is absent is null."""
        rows = list(records.values())
        texts = tuple(_text_column(column, rows) for column in columns if is_text(column))
        numbers = tuple(_number_column(column, rows) for column in columns if not is_text(column))
        return cls(IdIndex.build(list(records)), texts, numbers)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _by_name(self) -> Mapping[str, TextColumn | NumberColumn]:
        columns: tuple[TextColumn | NumberColumn, ...] = (*self.texts, *self.numbers)
        return {column.name: column for column in columns}

    def column(self, name: str) -> TextColumn | NumberColumn | None:
        """The column of this name; None in a table that is older than it."""
        return self._by_name.get(name)

    def value(self, row: int, name: str) -> Value | None:
        """One cell; None where it is null."""
        column = self._by_name.get(name)
        return None if column is None else column.value(row)


def is_text(column: Column) -> bool:
    """Whether a column of the schema is held as texts."""
    return column.type in ("string", "boolean")


def number_type(column: Column) -> type[np.int64 | np.float32 | np.float64]:
    """The dtype of a column of numbers."""
    return _DTYPES[column.type]


def shown(value: Value | bool) -> str:
    """A value as a text: what metadata says."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _text_column(column: Column, rows: Sequence[Mapping[str, Value | bool]]) -> TextColumn:
    cells: dict[str, int] = {}
    codes = np.full(len(rows), -1, np.int32)
    for row, record in enumerate(rows):
        value = record.get(column.name)
        if value is not None:
            codes[row] = cells.setdefault(shown(value), len(cells))
    return TextColumn.build(column.name, codes, list(cells), is_split=column.categorical)


def _number_column(column: Column, rows: Sequence[Mapping[str, Value | bool]]) -> NumberColumn:
    given = [record.get(column.name) for record in rows]
    values: Any = np.array([0 if value is None else value for value in given], number_type(column))
    return NumberColumn.build(column.name, values, np.array([value is None for value in given], np.bool_))
