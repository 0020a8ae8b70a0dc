"""How much likelier items are in a context: counted by value of each contextual column, and shrunk.

The lift of item i under value v is

    log((n_vi + a) / (e_vi + a)),    e_vi = n_v n_i / n

with n_vi the item's events under the value, e_vi those expected if the column said nothing of items, and n
counted over events that have some value of the column. The prior of a events keeps few events from saying
much, whether the item or the value is rare (Norén, Hopstadius, Bate: Shrinkage observed-to-expected ratios,
2013).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.models.compiled import Doubles, Floats, Ints, Longs, compiled, frozen
from openpersonalize.models.contexts import Contexts, key_of
from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes.interactions import Interactions

PRIOR_EVENTS = 2.0
LEAST_EXPECTED = 0.2
"""An item without events under a value and with fewer expected ones than this gets no lift, instead of one
between 0 and -0.1: so there are at most six lifts for an event, however many values and items there are."""


@dataclass(frozen=True)
class Lifts:
    """Lifts by column whose values are categories.

    - `columns`: all contextual columns; `values`: as `EventContexts` has them.
    - `matrices`: by column, float32 CSR, shape (n_values, n_items).
    """

    columns: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]]
    matrices: "tuple[scipy.sparse.csr_matrix[np.float32], ...]"

    def dense(self, column: int, codes: NDArray[np.int16]) -> NDArray[np.float32]:
        """Return the lifts of all items under one value after another, float32, shape (n_codes, n_items)."""
        lifts = np.zeros((len(codes), self.matrices[column].shape[1]), np.float32)
        is_known = codes >= 0
        lifts[is_known] = self.matrices[column][codes[is_known]].toarray()
        return lifts

    def weighted(self, weights: tuple[float, ...]) -> Contexts:
        """Return what serves; columns of weight 0 say nothing, and without weights none does."""
        weights = weights or (0.0,) * len(self.matrices)
        used = [
            (name, values, matrix * np.float32(weight))
            for (name, values), matrix, weight in zip(
                self.values.items(), self.matrices, weights, strict=True
            )
            if weight > 0.0 and values
        ]
        if not used:
            return Contexts.without_values(self.columns)
        stacked = scipy.sparse.vstack([matrix for _, _, matrix in used], format="csr")
        return Contexts(
            columns=self.columns,
            values=IdIndex.build([key_of(name, value) for name, values, _ in used for value in values]),
            starts=stacked.indptr.astype(np.int64),
            items=stacked.indices.astype(np.int32),
            lifts=stacked.data.astype(np.float32),
        )


def learn(interactions: Interactions) -> Lifts:
    """Count all interactions and return their lifts, each column's alone."""
    contexts = interactions.contexts
    matrices = tuple(
        _lifts_of(contexts.codes[:, place], len(values), interactions)
        for place, values in enumerate(contexts.values.values())
    )
    return Lifts(contexts.columns, contexts.values, matrices)


def _lifts_of(
    codes: NDArray[np.int16], n_values: int, interactions: Interactions
) -> "scipy.sparse.csr_matrix[np.float32]":
    is_used = codes >= 0
    rows, items = codes[is_used], interactions.histories.items[is_used]
    shape = (n_values, interactions.n_items)
    counts = scipy.sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, items)), shape=shape)
    counts.sum_duplicates()
    n_by_value = np.bincount(rows, minlength=n_values).astype(np.float64)
    shares = np.bincount(items, minlength=interactions.n_items) / max(1, len(items))
    starts, found, lifts = _lifts(
        frozen(counts.indptr.astype(np.int64)),
        frozen(counts.indices.astype(np.int32)),
        frozen(counts.data),
        frozen(n_by_value),
        frozen(shares),
    )
    return scipy.sparse.csr_matrix((lifts, found, starts), shape=shape)


@compiled
def _lifts(
    starts: Longs, items: Ints, counts: Floats, n_by_value: Doubles, shares: Doubles
) -> tuple[Longs, Ints, Floats]:
    """Return the lifts as CSR, items rising, from the counts as CSR, items rising."""
    ends = np.zeros(len(starts), np.int64)
    for value in range(len(n_by_value)):
        n_lifts = starts[value + 1] - starts[value]
        for item in range(len(shares)):
            n_lifts += n_by_value[value] * shares[item] >= LEAST_EXPECTED
        for at in range(starts[value], starts[value + 1]):
            n_lifts -= n_by_value[value] * shares[items[at]] >= LEAST_EXPECTED
        ends[value + 1] = ends[value] + n_lifts
    found, lifts = np.empty(ends[-1], np.int32), np.empty(ends[-1], np.float32)
    size = 0
    for value in range(len(n_by_value)):
        at = starts[value]
        for item in range(len(shares)):
            count, expected = 0.0, n_by_value[value] * shares[item]
            if at < starts[value + 1] and items[at] == item:
                count = float(counts[at])
                at += 1
            if count > 0.0 or expected >= LEAST_EXPECTED:
                found[size] = item
                lifts[size] = np.log((count + PRIOR_EVENTS) / (expected + PRIOR_EVENTS))
                size += 1
    return ends, found, lifts
