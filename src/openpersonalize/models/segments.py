"""The model that ranks users: for an item, or for items that have some attributes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import scipy.sparse

from openpersonalize.domain.item_attributes import Attribute
from openpersonalize.models.columns import ColumnTable, NumberColumn, TextColumn
from openpersonalize.models.compiled import Flags, Floats, Ints, Longs, freeze
from openpersonalize.models.ids import IdIndex

ACTIVITY_WEIGHT = 0.3
"""Of a user's activity, beside 1 of each other opinion (quality.md section 7)."""

Matrix = scipy.sparse.csr_matrix[np.float32]


def no_attributes() -> ColumnTable:
    """The attributes of items of which none are known."""
    return ColumnTable(IdIndex.build([]), (), ())


@dataclass(frozen=True)
class SegmentModel:
    """Four opinions on each user's interest in some items, each standardised over all users and added.

    What users had in common (`factors`), which items go together (`companions`), what like-minded users had
    (`followers`), and how active a user is. The first three are linear in the items, so that the interest in
    several items is that in one whose vectors are the sum of theirs.

    - `item_factors`, `user_factors`: float32, shapes (n_items, width) and (n_users, width).
    - `events`: items x users, float32: 1 + log(number of times) of each pair that occurred.
    - `companions`: items x items, float32: row i has the weights of the items that speak for item i; without
      entries where that was not fitted.
    - `followers`: users x users, float32: row v has the users whose like-minded user v is, and how much.
    - `activity`: float32, by user, standardised.
    - `attributes`: the columns that may be asked for, one row per item, in the order of `items`.
    - `is_repeated`: whether users have items again; if not, those who had the item come after all others.
    """

    kind: ClassVar[str] = "segments"

    items: IdIndex
    users: IdIndex
    item_factors: Floats
    user_factors: Floats
    events: Matrix
    companions: Matrix
    followers: Matrix
    activity: Floats
    is_repeated: bool
    attributes: ColumnTable = field(default_factory=no_attributes)

    def __post_init__(self) -> None:
        freeze(self)

    def users_for_item(self, item: int) -> Floats:
        """Return the predicted interest of each user in an item's row, float32, shape (n_users,).

        Users who had the item are among them: behind all others where the data know no repetitions.
        """
        scores = self.users_for_items(np.array([item], np.int32))
        if not self.is_repeated and len(scores):
            had = self.events.indices[self.events.indptr[item] : self.events.indptr[item + 1]]
            scores[had] += scores.min() - scores.max() - np.float32(1.0)
        return scores

    def users_for_items(self, items: Ints) -> Floats:
        """Return the predicted interest of each user in some items together, float32, shape (n_users,).

        Whoever had one of them is as good as anybody else.
        """
        ones = np.ones(len(items), np.float32)
        had = self._had(items, ones)
        weights = _weighted_sum(self.companions, items, ones)
        companions = np.flatnonzero(weights).astype(np.int32)
        readers = np.flatnonzero(had).astype(np.int32)
        scores = standardised(self.user_factors @ self.item_factors[items].sum(axis=0))
        scores += standardised(self._had(companions, weights[companions]))
        scores += standardised(_weighted_sum(self.followers, readers, had[readers]))
        scores += np.float32(ACTIVITY_WEIGHT) * self.activity
        return scores

    def _had(self, items: Ints, weights: Floats) -> Floats:
        """Return by user how much of weighted items they had."""
        return _weighted_sum(self.events, items, weights)

    def items_with(self, attributes: Iterable[Attribute]) -> Ints:
        """Return the rows, rising, of the items that had all of the attributes when the model was trained."""
        is_wanted = np.ones(len(self.items), np.bool_)
        for attribute in attributes:
            is_wanted &= _has(self.attributes, attribute)[:-1]
        return np.flatnonzero(is_wanted).astype(np.int32)


def standardised(values: Floats) -> Floats:
    """Return values with a mean of 0 and a deviation of 1 (all 0 where they are all alike), float32."""
    if len(values) == 0:
        return values
    exact = values.astype(np.float64)
    exact -= exact.mean()
    deviation = exact.std()
    if deviation < 1e-9:
        return np.zeros(len(values), np.float32)
    return np.asarray(exact / deviation, np.float32)


def best_users(scores: Floats, allowed: Flags | None, k: int) -> Ints:
    """Return the rows of the k best users that are allowed, best first; equal scores stand in user order."""
    rows = np.arange(len(scores)) if allowed is None else np.flatnonzero(allowed)
    if k < len(rows):
        least = np.partition(-scores[rows], k - 1)[k - 1]
        rows = rows[-scores[rows] <= least]
    order = np.lexsort((rows, -scores[rows]))[:k]
    return rows[order].astype(np.int32)


def _weighted_sum(matrix: Matrix, rows: Ints, weights: Floats) -> Floats:
    """Return the weighted sum of some rows of a matrix, float32, shape (n_columns,)."""
    starts, ends = matrix.indptr[rows], matrix.indptr[rows + 1]
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths
    entries: Longs = np.arange(int(lengths.sum()), dtype=np.int64) + np.repeat(starts - before, lengths)
    found = matrix.data[entries] * np.repeat(weights, lengths)
    total = np.bincount(matrix.indices[entries], found, minlength=matrix.shape[1])
    return np.asarray(total, np.float32)


def _has(table: ColumnTable, attribute: Attribute) -> Flags:
    """Say by row of a table whether it has an attribute; the null row at the end has none."""
    column = table.column(attribute.column)
    if isinstance(column, TextColumn):
        cells = column.cells_with([str(attribute.value)])
        return np.asarray(cells.take(column.codes, mode="wrap"))  # null is -1, and the last cell, False
    if isinstance(column, NumberColumn):
        number = float(attribute.value)
        wanted = np.float32(number) if column.values.dtype == np.float32 else attribute.value
        return np.asarray((column.values == wanted) & ~column.is_null)
    raise KeyError(attribute.column)
