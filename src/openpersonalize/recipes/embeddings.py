"""Describes items by vectors of length 1, whose products are cosines, and finds the nearest.

An item's interactions give the factors of implicit ALS. Its metadata give the truncated singular value
decomposition of its features, each weighted by the logarithm of its rarity (TF-IDF).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.recipes.pairs import ITEMS_PER_CALL, N_NEIGHBOURS

Vectors = NDArray[np.float32]
Matrix = scipy.sparse.csr_matrix[np.float32]

MOST_FEATURES = 2_000
"""The most frequent ones are decomposed; the cost is the cube of their number."""

SMALLEST_SHARE = 1e-5
"""Directions of less than this share of the largest variance are rounding errors."""

N_COMPANIONS = 20
_TIE_BREAK = 1e-3


def of_metadata(features: Matrix, width: int) -> Vectors:
    """Return a vector per item, float32, shape (n_items, at most width); zeros where it has no features."""
    if features.shape[1] == 0:
        return np.zeros((features.shape[0], 0), np.float32)
    n_items = np.bincount(features.indices, minlength=features.shape[1])
    most = np.sort(np.argsort(-n_items, kind="stable")[:MOST_FEATURES])
    rarities = np.log((features.shape[0] + 1.0) / (n_items[most] + 1.0))
    weighted = scipy.sparse.csr_matrix(features[:, most].astype(np.float64) @ scipy.sparse.diags(rarities))
    variances, directions = np.linalg.eigh((weighted.T @ weighted).toarray())
    is_kept = (variances > SMALLEST_SHARE * variances[-1]) & (np.arange(len(variances))[::-1] < width)
    return unit((weighted @ directions[:, is_kept]).astype(np.float32))


def unit(vectors: Vectors) -> Vectors:
    """Return the vectors at length 1, those of next to no length as zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.where(lengths > 1e-6, vectors / np.maximum(lengths, 1e-6), 0.0), np.float32)


def companions(vectors: Vectors, counts: NDArray[np.int64], few: float) -> Matrix:
    """Return by item with fewer than `few` interactions its nearest ones among the others, and their shares.

    - `vectors`: float32, shape (n_items, width), of length 1; nothing is near zeros.
    - Returned: float32, CSR, shape (n_items, n_items); a row sums to 1, or is empty. Of equally near items
      those of more interactions are taken.
    """
    n_items = len(counts)
    lone, trusted = np.flatnonzero(counts < few), np.flatnonzero(counts >= few)
    n_taken = min(N_COMPANIONS, len(trusted))
    columns, shares = np.empty((len(lone), n_taken), np.int64), np.zeros((len(lone), n_taken), np.float32)
    preference = (_TIE_BREAK * counts[trusted] / max(1, counts.max(initial=0))).astype(np.float32)
    for first in range(0, len(lone) if n_taken else 0, ITEMS_PER_CALL):
        rows = slice(first, first + ITEMS_PER_CALL)
        cosines = vectors[lone[rows]] @ vectors[trusted].T
        best = np.argpartition(-(cosines + preference), n_taken - 1, axis=1)[:, :n_taken]
        columns[rows] = trusted[best]
        shares[rows] = np.maximum(0.0, np.take_along_axis(cosines, best, axis=1))
    totals = shares.sum(axis=1, keepdims=True)
    shares /= np.where(totals > 0.0, totals, 1.0)
    starts = np.zeros(n_items + 1, np.int64)
    starts[lone + 1] = n_taken
    matrix = scipy.sparse.csr_matrix(
        (shares.ravel(), columns.ravel(), np.cumsum(starts)), shape=(n_items, n_items)
    )
    matrix.eliminate_zeros()
    return matrix


def nearest(
    strengths: Matrix,
    lent: Matrix,
    seeds: Vectors,
    others: Vectors,
    *,
    n_threads: int,
    report: Callable[[float], None],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the best N_NEIGHBOURS by strengths + lent · strengths + seeds · others', where that is positive.

    - `strengths`, `lent`: float32, CSR, shape (n_items, n_items).
    - `seeds`, `others`: float32, shape (n_items, width).
    - `report`: is told the share of the work that is done.
    - Returned: as `starts` and `neighbours` of a NeighbourModel.
    """
    from threadpoolctl import (  # type: ignore[import-untyped]  # noqa: PLC0415  # has no stubs
        threadpool_limits,
    )

    n_items = len(seeds)

    def of_range(first: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        rows = slice(first, first + ITEMS_PER_CALL)
        scores = seeds[rows] @ others.T
        paired = (strengths[rows] + lent[rows] @ strengths).tocoo()
        scores[paired.row, paired.col] += paired.data
        places = np.arange(len(scores))
        scores[places, first + places] = -np.inf
        return _best(scores)

    parts = []
    # Threads take ranges of items; the result does not depend on who takes which.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(n_threads) as threads:
        for part in threads.map(of_range, range(0, n_items, ITEMS_PER_CALL)):
            parts.append(part)
            report(min(1.0, len(parts) * ITEMS_PER_CALL / n_items))
    counts, neighbours = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), neighbours


def _best(scores: Vectors) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return how many positive scores each row has, at most N_NEIGHBOURS, and where, ties in item order."""
    n_kept = min(N_NEIGHBOURS, scores.shape[1])
    best = np.argpartition(-scores, n_kept - 1, axis=1)[:, :n_kept]
    best.sort(axis=1)
    values = np.take_along_axis(scores, best, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    is_related = np.take_along_axis(values, order, axis=1) > 0.0
    found = np.take_along_axis(best, order, axis=1)[is_related].astype(np.int32)
    return is_related.sum(axis=1).astype(np.int64), found
