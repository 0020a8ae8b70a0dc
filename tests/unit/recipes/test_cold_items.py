"""Items without interactions are placed where their features say."""

import numpy as np
import pytest
import scipy.sparse

from openpersonalize.recipes.cold_items import FEW, place

N_ITEMS, WIDTH = 300, 6


def _planted(seed: int = 0) -> "tuple[np.ndarray, scipy.sparse.csr_matrix[np.float32]]":  # type: ignore[type-arg]
    """Factors that are sums of their features' own, and the features, three of twelve for each item."""
    generator = np.random.default_rng(seed)
    features = np.zeros((N_ITEMS, 12), np.float32)
    for row in features:
        row[generator.choice(12, 3, replace=False)] = 1.0
    own = generator.normal(size=(12, WIDTH))
    return (features @ own).astype(np.float32), scipy.sparse.csr_matrix(features)


def test_a_cold_item_gets_the_factors_and_the_bias_of_its_features() -> None:
    factors, features = _planted()
    bias = factors[:, 0] * 2.0
    counts = np.full(N_ITEMS, 50)
    counts[::10] = 0
    shown = np.where(counts[:, None] > 0, factors, 0.0).astype(np.float32)
    placed = place(shown, np.where(counts > 0, bias, -9.0).astype(np.float32), features, counts)

    assert np.array_equal(placed.factors[counts > 0], factors[counts > 0])
    assert np.array_equal(placed.bias[counts > 0], bias[counts > 0])
    assert placed.factors[::10] == pytest.approx(factors[::10], abs=0.15)
    assert placed.bias[::10] == pytest.approx(bias[::10], abs=0.3)


def test_few_interactions_count_beside_the_features() -> None:
    factors, features = _planted()
    counts = np.full(N_ITEMS, 50)
    counts[:FEW] = np.arange(FEW)
    own = factors.copy()
    own[:FEW] = 7.0
    placed = place(own, np.zeros(N_ITEMS, np.float32), features, counts)
    away = np.abs(placed.factors[:FEW] - factors[:FEW]).mean(axis=1)

    assert away[0] < 0.5
    assert (np.diff(away) > 0.0).all()
    assert np.array_equal(placed.factors[FEW:], factors[FEW:])


def test_items_that_most_users_had_teach_most() -> None:
    factors, features = _planted()
    counts = np.full(N_ITEMS, 1000)
    counts[:100], counts[-10:] = 1, 0
    wrong = factors.copy()
    wrong[:100] += 5.0
    placed = place(wrong, np.zeros(N_ITEMS, np.float32), features, counts)
    evenly = place(wrong, np.zeros(N_ITEMS, np.float32), features, np.where(counts > 0, 1000, 0))

    def error(found: "np.ndarray") -> float:  # type: ignore[type-arg]
        return float(np.abs(found[-10:] - factors[-10:]).mean())

    assert error(placed.factors) < 0.4 * error(evenly.factors)


def test_without_features_or_teachers_everything_stays_as_it_is() -> None:
    factors, features = _planted()
    counts = np.full(N_ITEMS, 50)
    counts[:100] = 0
    bias = np.zeros(N_ITEMS, np.float32)
    nothing = scipy.sparse.csr_matrix((N_ITEMS, 0), dtype=np.float32)

    assert np.array_equal(place(factors, bias, nothing, counts).factors, factors)
    counts[9:] = 0
    assert np.array_equal(place(factors, bias, features, counts).factors, factors)
