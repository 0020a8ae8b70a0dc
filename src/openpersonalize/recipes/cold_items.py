"""Places items by their metadata where interactions do not: ridge regression from features to factors.

For item i with n_i interactions, features f_i and factors y_i,

    minimise over B, b:  sum_i w_i |y_i - f_i B - b|^2 + penalty |B|^2,    w_i = n_i / (n_i + 10)

Items without interactions get f_i B + b, and those with few a mean of it and of their own,

    y_i' = (n_i y_i + FEW f_i B + FEW b) / (n_i + FEW)    for n_i < FEW

In the same way the bias of items without interactions is foretold, which else would say that nobody wants
them. (Gantner and others: Learning Attribute-to-Feature Mappings for Cold-Start Recommendations, 2010.)
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

PENALTY = 1.0
TRUSTED_COUNT = 10.0
FEW = 5
MOST_FEATURES = 3000
"""Features, those of most items that have interactions, which the regression uses; its cost is their cube."""
LEAST_ITEMS = 10
"""With interactions; below, nothing can be learnt."""


@dataclass(frozen=True)
class Placed:
    """Float32 factors, shape (n_items, width), and bias, shape (n_items,), of all items."""

    factors: NDArray[np.float32]
    bias: NDArray[np.float32]


def place(
    factors: NDArray[np.float32],
    bias: NDArray[np.float32],
    features: "scipy.sparse.csr_matrix[np.float32]",
    counts: NDArray[np.int64],
    is_placed: NDArray[np.bool_] | None = None,
) -> Placed:
    """Return factors and bias in which items with few interactions stand where their features say.

    - `features`: shape (n_items, n_features), finite; a row without any says nothing of its item, which stays
      as it is.
    - `counts`: interactions by item.
    - `is_placed`: which items are placed; None places those of fewer than `FEW` interactions.
    """
    is_described = np.diff(features.indptr) > 0
    is_taught = (counts > 0) & is_described
    is_placed = is_described & (counts < FEW if is_placed is None else is_placed)
    if is_taught.sum() < LEAST_ITEMS or not is_placed.any():
        return Placed(factors, bias)
    used = _used(features[is_taught])
    targets = np.column_stack([factors[is_taught], bias[is_taught]]).astype(np.float64)
    weights = counts[is_taught] / (counts[is_taught] + TRUSTED_COUNT)
    slopes, means = _ridge(features[is_taught][:, used].astype(np.float64), targets, weights)
    foretold = features[is_placed][:, used] @ slopes + means
    own = counts[is_placed, None] / (counts[is_placed, None] + FEW)
    placed_factors, placed_bias = factors.copy(), bias.copy()
    placed_factors[is_placed] = own * factors[is_placed] + (1.0 - own) * foretold[:, :-1]
    is_cold = counts[is_placed] == 0
    placed_bias[np.flatnonzero(is_placed)[is_cold]] = foretold[is_cold, -1]
    return Placed(placed_factors, placed_bias)


def _used(taught: "scipy.sparse.csr_matrix[np.float32]") -> NDArray[np.int64]:
    """Return the features that the regression uses, rising."""
    n_items = np.bincount(taught.indices, minlength=taught.shape[1])
    most = np.argsort(-n_items, kind="stable")[:MOST_FEATURES]
    return np.sort(most[n_items[most] > 0])


def _ridge(
    features: "scipy.sparse.csr_matrix[np.float64]",
    targets: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return slopes, shape (n_features, n_targets), and the constants, of which no size is punished."""
    share = weights / weights.sum()
    centre, middle = features.T @ share, share @ targets
    weighted = scipy.sparse.csr_matrix(features.multiply(weights[:, None]))
    total = weights.sum()
    gram = (features.T @ weighted).toarray() - total * np.outer(centre, centre)
    gram[np.diag_indices_from(gram)] += PENALTY
    products = weighted.T @ targets - total * np.outer(centre, middle)
    slopes = np.linalg.solve(gram, products)
    return slopes, middle - centre @ slopes
