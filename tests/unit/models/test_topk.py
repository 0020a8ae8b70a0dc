"""The compiled kernels agree with the same arithmetic written in numpy."""

import numpy as np
import pytest
from numpy.typing import NDArray

from openpersonalize.models import topk


def _factors(n_items: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(0, 0.2, (n_items, width)).astype(np.float32)


@pytest.mark.parametrize(("n_items", "width"), [(1, 1), (63, 5), (64, 8), (1000, 37), (130, 149)])
def test_scores_are_the_products(n_items: int, width: int) -> None:
    rows = _factors(n_items, width)
    blocks = topk.pack(rows)
    vector = np.zeros(blocks.shape[1], np.float32)
    vector[:width] = _factors(1, width)[0]
    some = np.random.default_rng(1).integers(0, n_items, 30).astype(np.int32)

    scores = topk.score_catalogue(blocks, vector)

    assert np.allclose(scores[:n_items], rows @ vector[:width], atol=1e-5)
    assert np.allclose(topk.score_some(blocks, vector, some), scores[some], atol=1e-5)


@pytest.mark.parametrize("n_events", [1, 2, 7, 32])
def test_fold_in_solves_the_least_squares_problem(n_events: int) -> None:
    rows = _factors(200, 12)
    newest = np.random.default_rng(1).integers(0, 200, n_events).astype(np.int32)
    weights = np.linspace(5, 0.1, n_events).astype(np.float32)
    chosen = rows[newest].astype(np.float64)

    vector = topk.fold_in(topk.pack(rows), newest, weights)

    left = np.eye(12) + chosen.T @ (weights[:, None] * chosen)
    assert np.allclose(vector, np.linalg.solve(left, chosen.T @ weights), atol=1e-4)


@pytest.mark.parametrize("k", [1, 5, 25, 64, 500])
def test_the_best_are_those_of_a_full_sort_and_ties_stand_in_item_order(k: int) -> None:
    scores = np.random.default_rng(2).integers(0, 20, 640).astype(np.float32)

    expected = np.lexsort((np.arange(640), -scores))[:k]
    assert topk.best(scores, k).tolist() == expected.tolist()


def test_padding_is_never_among_the_best() -> None:
    scores = topk.pack_bias(np.array([1.0, 3.0, 2.0], np.float32)).copy()

    assert topk.best(scores, 10).tolist() == [1, 2, 0]


def test_the_sum_of_exponentials_is_exact_to_single_precision() -> None:
    scores = np.random.default_rng(3).normal(0, 30, 6400).astype(np.float32)
    highest = float(scores.max())

    expected = np.exp(scores.astype(np.float64) - highest).sum()
    assert topk.sum_of_exponentials(scores, highest) == pytest.approx(expected, rel=2e-6)


def test_a_seen_item_pays_the_penalty_once() -> None:
    bias, events = topk.pack_bias(np.zeros(8, np.float32)), np.array([3, 3, 5], np.int32)
    scores, newest, seen, is_seen = topk.begin(bias, events, np.array([5, 7], np.int32), 4, 2.0)

    assert scores[[3, 5, 7, 0]].tolist() == [-2.0, -2.0, -2.0, 0.0]
    assert newest.tolist() == [7, 5, 5, 3]
    assert seen.tolist() == [3, 5, 7]
    assert np.flatnonzero(is_seen).tolist() == [3, 5, 7]


def test_the_highest_scores_are_of_all_items_and_of_those_not_seen() -> None:
    scores = np.array([1.0, 4.0, -2.0, 3.0, 9.0], np.float32)

    assert topk.highest_scores(scores, np.array([1, 2], np.int32), 4) == (4.0, 3.0)
    assert topk.highest_scores(scores, np.array([0, 1, 3], np.int32), 4) == (4.0, -2.0)
    assert topk.highest_scores(scores, np.arange(4, dtype=np.int32), 4) == (4.0, -np.inf)
    assert scores.tolist() == [1.0, 4.0, -2.0, 3.0, 9.0]


@pytest.mark.parametrize(
    ("highest", "highest_unseen", "unit"),
    [
        (4.0, 2.0, 1.5),
        (4.0, 4.0, 0.75),
        (80.0, 2.0, 0.15),
        (4.0, -np.inf, 3.0),
        (0.0, 0.0, 0.0),
        (-1.0, -2.0, 0.0),
    ],
)
def test_the_highest_unseen_score_counts_the_weight_unless_it_is_next_to_nothing(
    highest: float, highest_unseen: float, unit: float
) -> None:
    assert topk.unit_of(3.0, highest, highest_unseen) == pytest.approx(unit)


def test_the_newest_events_come_first_and_recent_ones_before_the_history() -> None:
    history, recent = np.array([1, 2, 3], np.int32), np.array([8, 9], np.int32)

    assert topk.newest_events(history, recent, 4).tolist() == [9, 8, 3, 2]
    assert topk.newest_events(history, recent, 1).tolist() == [9]
    assert topk.newest_events(history, recent[:0], 9).tolist() == [3, 2, 1]
