"""What contextual columns of interactions, such as DEVICE, say of items: sparse lifts by column and value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openpersonalize.domain.columns import squashed
from openpersonalize.models import topk
from openpersonalize.models.compiled import freeze, frozen
from openpersonalize.models.ids import IdIndex


@dataclass(frozen=True)
class Contexts:
    """What is added to the scores of items in a request that gives values of contextual columns.

    - `columns`: the own columns of the Interactions schema at the training, those included of which no value
      says anything.
    - `values`: the values that do, keyed as `key_of` does; their rows are what `Query.context` holds.
    - `starts`: int64, shape (n_values + 1,); the lifts of value v are at starts[v]:starts[v + 1].
    - `items`: int32 rows, rising by value; `lifts`: float32, added to their scores. Other items get nothing.
    """

    columns: tuple[str, ...]
    values: IdIndex
    starts: NDArray[np.int64]
    items: NDArray[np.int32]
    lifts: NDArray[np.float32]

    def __post_init__(self) -> None:
        freeze(self)

    @classmethod
    def without_values(cls, columns: Iterable[str] = ()) -> "Contexts":
        """Return what changes no score."""
        no_lifts = np.empty(0, np.int32), np.empty(0, np.float32)
        return cls(tuple(columns), IdIndex.build([]), np.zeros(1, np.int64), *no_lifts)

    def column(self, key: str) -> str | None:
        """Return the column that a request's key names, ignoring case and underscores, or None."""
        wanted = squashed(key)
        return next((column for column in self.columns if squashed(column) == wanted), None)

    def rows(self, given: Mapping[str, str]) -> NDArray[np.int32]:
        """Return the rows of a request's values, by column, int32; values that say nothing have none."""
        rows = self.values.find_many(list({squashed(key): key_of(key, given[key]) for key in given}.values()))
        return rows[rows >= 0]

    def lifted(self, scores: NDArray[np.float32], rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return scores by item row, padded or not, with the lifts of some values added."""
        if len(rows) == 0:
            return scores
        return frozen(topk.lifted(frozen(scores), frozen(rows), self.starts, self.items, self.lifts))


def key_of(column: str, value: str) -> str:
    """Return the text under which a column's value is known."""
    return f"{squashed(column)}={value}"
