"""Makes features of the records of items, users or actions: what trainers learn from metadata with."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.models.columns import NumberColumn, TextColumn
from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes.training import Records

LEAST_RECORDS = 2
"""Words of fewer ids than this say nothing of any other id."""

Matrix = scipy.sparse.csr_matrix[np.float32]


@dataclass(frozen=True)
class Design:
    """Which id has which feature.

    - `matrix`: float32, CSR, shape (n_ids, n_features): 1 where an id has a feature, else 0. The row of an id
      without a record is empty.
    - `names`: what each feature is: `GENRES=Drama`, `YEAR in [1990, 1995)`, `YEAR is null`.
    """

    matrix: Matrix
    names: tuple[str, ...]

    @property
    def is_described(self) -> NDArray[np.bool_]:
        """Which ids have any feature: bool, shape (n_ids,)."""
        return np.diff(self.matrix.indptr) > 0


def design_matrix(records: Records, ids: IdIndex, *, n_bins: int = 8) -> Design:
    """Return the features of ids, column by column in the schema's order, one-hot.

    A category is a feature for every single word (`A|B` has two) that at least `LEAST_RECORDS` of the ids
    have. Numbers fall into at most `n_bins` bins of about equally many ids each, and null is a feature of its
    own where a record has it; a column with the same number everywhere has none. Columns of free text are
    left out: see `texts`.
    """
    rows = records.table.ids.find_all(ids)
    blocks: list[Matrix] = []
    names: list[str] = []
    for name in records.features:
        column = None if name in records.textual else records.table.column(name)
        if column is None:
            continue
        block, found = _words(column, rows) if isinstance(column, TextColumn) else _bins(column, rows, n_bins)
        blocks.append(block)
        names += (f"{name}{one}" for one in found)
    if not names:
        return Design(scipy.sparse.csr_matrix(np.empty((len(ids), 0), np.float32)), ())
    matrix: Any = scipy.sparse.hstack(blocks, format="csr", dtype=np.float32)
    return Design(scipy.sparse.csr_matrix(matrix), tuple(names))


def texts(records: Records, ids: IdIndex, column: str) -> list[str | None]:
    """Return the text of each id in a column; None where it is null, or there is no record or column."""
    found = records.table.column(column)
    if not isinstance(found, TextColumn):
        return [None] * len(ids)
    codes = found.codes[records.table.ids.find_all(ids)]
    given = iter(found.cells.texts(codes[codes >= 0]))
    return [next(given) if code >= 0 else None for code in codes.tolist()]


def _words(column: TextColumn, rows: NDArray[np.int32]) -> tuple[Matrix, Iterator[str]]:
    """Return which row of a table has which word, and the words, each after an equals sign."""
    words = column.words if column.is_split else column.cells
    n_cells, n_words = len(column.cells), len(words)
    codes = column.codes[rows]
    cells_of_words = (
        (column.word_starts, column.word_cells)
        if column.is_split
        else (np.arange(n_words + 1), np.arange(n_words))
    )
    ones = np.ones(len(cells_of_words[1]), np.float32)
    # One row more than cells, an empty one: that of null.
    by_word = scipy.sparse.csc_matrix(
        (ones, cells_of_words[1], cells_of_words[0]), shape=(n_cells + 1, n_words)
    )
    n_ids = by_word.T @ np.bincount(codes[codes >= 0], minlength=n_cells + 1)
    kept = np.flatnonzero((n_ids >= LEAST_RECORDS) & (np.diff(words.offsets) > 0)).astype(np.int32)
    by_cell = by_word[:, kept].tocsr()
    block = by_cell[np.where(codes < 0, n_cells, codes)]
    return block, (f"={word}" for word in words.texts(kept))


def _bins(column: NumberColumn, rows: NDArray[np.int32], n_bins: int) -> tuple[Matrix, Iterator[str]]:
    """Return which row of a table falls into which bin, the last that of null, and what the bins are."""
    values = column.values[rows].astype(np.float64)
    is_known = ~column.is_null[rows] & np.isfinite(values)
    edges = _edges(values[is_known], n_bins)
    bins = np.where(is_known, np.searchsorted(edges, values, side="right"), len(edges) + 1)
    is_given = rows >= 0
    is_used = np.bincount(bins[is_given], minlength=len(edges) + 2) > 0
    if is_used.sum() < 2:
        is_used[:] = False
    place = np.where(is_used, np.cumsum(is_used) - 1, -1)[bins]
    place[~is_given] = -1
    indptr = np.concatenate([[0], np.cumsum(place >= 0)])
    ones = np.ones(indptr[-1], np.float32)
    block = scipy.sparse.csr_matrix((ones, place[place >= 0], indptr), shape=(len(rows), int(is_used.sum())))
    bounds = ["-inf", *(f"{edge:.10g}" for edge in edges), "inf"]
    names = [f" in [{low}, {high})" for low, high in pairwise(bounds)]
    used = np.flatnonzero(is_used).tolist()
    return block, ([*names, " is null"][at] for at in used)


def _edges(values: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """Return where the bins but the first begin, rising; a bin for every value if they are few."""
    distinct = np.unique(values)
    if len(distinct) <= n_bins:
        return distinct[1:]
    shares = np.arange(1, n_bins) / n_bins
    edges = np.unique(np.quantile(values, shares, method="higher"))
    return np.asarray(edges[edges > distinct[0]], np.float64)
