"""Fits the factors of items: implicit ALS, and the part of a blend that folds users in.

Hu, Koren, Volinsky: Collaborative Filtering for Implicit Feedback Datasets (2008), by the library `implicit`.
"""

from collections.abc import Callable

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.models import topk
from openpersonalize.models.factors import FactorPart
from openpersonalize.recipes.interactions import Interactions

REGULARISATION = 10.0
CONFIDENCE = 5.0
ITERATIONS = 10
REFIT_ITERATIONS = 5
"""Chosen by validation on ml-latest-small and on planted clusters; docs/recipes.md has the figures."""

RECENCY_EXPONENT = 1.0
"""The newest event weighs 1, the k-th newest 1 / k, where events are weighed by their age."""

_ROWS_AT_ONCE = 65_536

Matrix = scipy.sparse.csr_matrix[np.float32]


def factorise(
    interactions: Interactions,
    width: int,
    *,
    iterations: int,
    start: NDArray[np.float32] | None,
    seed: int,
    n_threads: int,
    report: Callable[[float], None],
) -> NDArray[np.float32]:
    """Return item factors, float32, shape (n_items, width), beginning from `start` if given.

    `report` is told the share of the work that is done.
    """
    items, _ = factorise_both(
        interactions.matrix(),
        width,
        iterations=iterations,
        start=start,
        seed=seed,
        n_threads=n_threads,
        report=report,
    )
    return items


def factorise_both(
    matrix: Matrix,
    width: int,
    *,
    seed: int,
    n_threads: int,
    report: Callable[[float], None],
    iterations: int = ITERATIONS,
    start: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the factors of items and of users from users x items, which stays as it is."""
    from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415  (an API process must not load it)
    from threadpoolctl import (  # type: ignore[import-untyped]  # noqa: PLC0415  # has no stubs
        threadpool_limits,
    )

    confidences = matrix.copy()
    confidences.data *= np.float32(CONFIDENCE)

    def on_iteration(iteration: int, elapsed_s: float, loss: float | None) -> None:
        report((iteration + 1) / iterations)

    report(0.0)
    with threadpool_limits(1, "blas"):  # implicit runs its own threads; BLAS's beside them halve the speed
        als = AlternatingLeastSquares(
            factors=width,
            regularization=REGULARISATION,
            iterations=iterations,
            num_threads=n_threads,
            random_state=seed,
        )
        als.item_factors = None if start is None else start.copy()
        als.fit(confidences, show_progress=False, callback=on_iteration)
    return np.asarray(als.item_factors, np.float32), np.asarray(als.user_factors, np.float32)


def factor_part(
    factors: NDArray[np.float32], n_events: int, *, has_recency: bool, weight: float
) -> FactorPart:
    """Return the part of some item factors, shape (n_items, width), which reads a user's newest events."""
    places = np.arange(1, n_events + 1, dtype=np.float64)
    decay = places**-RECENCY_EXPONENT if has_recency else np.ones_like(places)
    event_weights = (CONFIDENCE * decay).astype(np.float32)
    return FactorPart(topk.pack(_whiten(factors)), len(factors), event_weights, weight)


def _whiten(factors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return factors in the basis where Y'Y + reg I is the identity, so that fold-in needs no matrix."""
    gram = REGULARISATION * np.eye(factors.shape[1])
    for first in range(0, len(factors), _ROWS_AT_ONCE):
        rows = factors[first : first + _ROWS_AT_ONCE].astype(np.float64)
        gram += rows.T @ rows
    to_white = np.linalg.inv(np.linalg.cholesky(gram)).T.astype(np.float32)
    return np.asarray(factors @ to_white, np.float32)
