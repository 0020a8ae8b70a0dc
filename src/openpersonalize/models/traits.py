"""What the columns of the Users dataset say of users: rows of a model's `Contexts`, by user.

A user's traits act like a context that every request of the user has: see `models.contexts`. The values are
keyed like those of contextual columns, under names that no column of a schema and no key of a request can
have.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.columns import ColumnTable, NumberColumn, TextColumn, Value
from openpersonalize.models.compiled import freeze
from openpersonalize.models.contexts import Contexts, key_of
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.ranker import NO_ROWS


def name_of(column: str) -> str:
    """Return under which name the values of a column of users are known."""
    return f"user:{column}"


@dataclass(frozen=True)
class TraitColumn:
    """A column of users. Numbers fall into bins between `edges` (float64, rising); texts have none."""

    name: str
    is_number: bool
    edges: NDArray[np.float64]

    def __post_init__(self) -> None:
        freeze(self)

    def texts_of(self, values: NDArray[np.float64]) -> list[str]:
        """Return the bins of numbers as texts: a value counts to the bin that begins at it."""
        return [str(place) for place in np.searchsorted(self.edges, values, side="right").tolist()]

    def key_of(self, value: Value | None) -> str | None:
        """Return the key of one value, None where there is none."""
        if value is None:
            return None
        text = self.texts_of(np.array([value], np.float64))[0] if self.is_number else str(value)
        return key_of(name_of(self.name), text)


@dataclass(frozen=True)
class Traits:
    """Rows of `Contexts` by user.

    - `users`: all users of the Users dataset at the training.
    - `rows`: int32, shape (n_users, n_columns), -1 where a column is empty or its value says nothing.
    """

    users: IdIndex
    rows: NDArray[np.int32]
    columns: tuple[TraitColumn, ...] = ()

    def __post_init__(self) -> None:
        freeze(self)

    @classmethod
    def none(cls) -> "Traits":
        """Return what says nothing of anybody."""
        return cls(IdIndex.build([]), np.empty((0, 0), np.int32))

    @classmethod
    def of(cls, columns: tuple[TraitColumn, ...], table: ColumnTable, contexts: Contexts) -> "Traits":
        """Return the traits of all users of a table, as far as they say something."""
        if not columns or len(table) == 0:
            return cls(IdIndex.build([]), np.empty((0, 0), np.int32), columns)
        by_column = [_rows_of(column, table, contexts) for column in columns]
        return cls(table.ids, np.stack(by_column, axis=1).astype(np.int32), columns)

    def of_user(self, user_id: str) -> NDArray[np.int32]:
        """Return a user's rows, int32; none for users who were not in the dataset."""
        row = self.users.find(user_id)
        if row < 0:
            return NO_ROWS
        rows: NDArray[np.int32] = self.rows[row]
        return rows[rows >= 0]

    def of_record(self, value: Callable[[str], Value | None], contexts: Contexts) -> NDArray[np.int32]:
        """Return the rows of a user by what their record says now; `value` gives the value of a column."""
        keys = [key for column in self.columns if (key := column.key_of(value(column.name))) is not None]
        rows = contexts.values.find_many(keys)
        return rows[rows >= 0]


def _rows_of(column: TraitColumn, table: ColumnTable, contexts: Contexts) -> NDArray[np.int32]:
    found, name = table.column(column.name), name_of(column.name)
    if isinstance(found, NumberColumn):
        texts = column.texts_of(found.values[:-1].astype(np.float64))
        rows = contexts.values.find_many([key_of(name, text) for text in texts])
        return np.where(found.is_null[:-1], np.int32(-1), rows)
    if isinstance(found, TextColumn):
        cells = found.cells.texts(np.arange(len(found.cells), dtype=np.int32))
        by_cell = contexts.values.find_many([key_of(name, cell) for cell in cells])
        return np.asarray(np.append(by_cell, np.int32(-1))[found.codes[:-1]], np.int32)
    return np.full(len(table), -1, np.int32)
