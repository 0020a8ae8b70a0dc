"""The model that knows what the texts of items mean: items like an item by the angle between vectors."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.models.compiled import freeze
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.ranker import Allowed, Query, Ranked, first_allowed

LEAST_RERANKED = 250
RERANKED_PER_RESULT = 10
"""Popularity and freshness reorder the most similar items, so many for each that is wanted."""


@dataclass(frozen=True)
class TextSpace:
    """What places a text: weights of its n-grams, and the directions that they point in.

    - `columns`: int32, by hashed n-gram: its column, -1 for those that training has not kept.
    - `weights`: float32, by column: inverse document frequencies.
    - `directions`: float32, shape (n_columns, width).
    """

    columns: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    weights: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    directions: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def __post_init__(self) -> None:
        freeze(self)

    def place(self, counts: "scipy.sparse.csr_matrix[np.float32]") -> NDArray[np.float32]:
        """Return the vectors of texts, of length 1 or 0, from the counts of their hashed n-grams."""
        return unit_rows(self.weighted(counts) @ self.directions)

    def weighted(
        self, counts: "scipy.sparse.csr_matrix[np.float32]"
    ) -> "scipy.sparse.csr_matrix[np.float32]":
        """Return (1 + log count) x weight of the n-grams that are kept, rows of length 1."""
        kept = self.columns[counts.indices] >= 0
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))[kept]
        columns = self.columns[counts.indices[kept]]
        data = (1.0 + np.log(counts.data[kept])) * self.weights[columns]
        lengths = np.sqrt(np.bincount(rows, weights=data**2, minlength=counts.shape[0]))
        shape = (counts.shape[0], len(self.weights))
        scaled = (data / lengths[rows]).astype(np.float32)
        return scipy.sparse.csr_matrix((scaled, (rows, columns)), shape=shape)


@dataclass(frozen=True)
class SemanticModel:
    """Items by their texts, and how popular and how new each is.

    - `vectors`: float32, shape (n_items, width), rows of length 1; 0 for an item without text.
    - `popularities`, `freshness`: float32 in [0, 1], by item row: 1 for the most popular, and for the newest.
    - `fingerprints`: int64, by item row: of its text, to see which have changed.
    - `popular`: int32, all item rows, most popular first, of equal ones the newer first.
    - `encoder`: what has made the vectors: empty for `space`, else the name of a sentence-embedding model.
    """

    kind: ClassVar[str] = "semantic"

    items: IdIndex
    users: IdIndex
    vectors: NDArray[np.float32]
    popularities: NDArray[np.float32]
    freshness: NDArray[np.float32]
    fingerprints: NDArray[np.int64]
    popular: NDArray[np.int32]
    encoder: str = ""
    space: TextSpace = field(default_factory=TextSpace)

    def __post_init__(self) -> None:
        freeze(self)

    def similar(self, query: Query, k: int, allowed: Allowed = None) -> Ranked:
        """Return the k items whose texts mean most alike `query.item`'s, without scores.

        `query.influence` lets popularity and freshness, each from 0 to 1, reorder the most similar ones:
        similarity + weight x value. An unknown item, or one without text, gets popular items.
        """
        seed = query.item
        if seed < 0 or not self.vectors[seed].any():
            order = self.popular[self.popular != seed] if seed >= 0 else self.popular
            return Ranked(order[first_allowed(order, allowed, k)], None)
        similarities = self.vectors @ self.vectors[seed]
        similarities[seed] = -np.inf
        if allowed is not None:
            similarities[~allowed] = -np.inf
        popularity, freshness = query.influence
        n_best = k if popularity == freshness == 0.0 else max(LEAST_RERANKED, RERANKED_PER_RESULT * k)
        best = _largest(similarities, n_best)
        if n_best != k:
            raised = popularity * self.popularities[best] + freshness * self.freshness[best]
            best = best[np.lexsort((best, -(similarities[best] + raised)))][:k]
        return Ranked(best.astype(np.int32), None)


def _largest(values: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Return the places of the k largest values above minus infinity, best first, ties in order."""
    if k <= 0:
        return np.empty(0, np.intp)
    least = -np.inf if k >= len(values) else np.partition(values, len(values) - k)[len(values) - k]
    found = np.flatnonzero((values >= least) & (values > -np.inf))  # more than k where some are as good
    return found[np.lexsort((found, -values[found]))][:k]


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows with length 1; rows of zeros stay."""
    lengths = np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    return np.asarray(vectors / np.where(lengths > 0.0, lengths, 1.0), np.float32)
