"""The offline test of recommended actions: which events are held out is as for items, see `evaluation`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from openpersonalize.domain.evaluation import LIST_LENGTH, ndcg

RECOMMENDED = 5
"""So many of a list count as recommended for precision and recall: what an answer has by default."""


def metrics(
    lists: Sequence[NDArray[np.int32]],
    targets: Sequence[NDArray[np.int32]],
    n_actions: int,
    *,
    scores: NDArray[np.float64],
    is_taken: NDArray[np.bool_],
) -> dict[str, float]:
    """Return the metrics of actions (reference/recipes.md §3.2), rounded to four decimals.

    - `lists`: per test user the recommended actions, best first, each once.
    - `targets`: per test user the actions that they took in the held-out part. Only users with any count for
      the gains.
    - `scores`, `is_taken`: of each pair of a test user and an action that was met in the held-out part.
    """
    wanted = [np.unique(one) for one in targets]
    took = [place for place, one in enumerate(wanted) if len(one)]
    hits = np.zeros((len(took), LIST_LENGTH), np.bool_)
    for row, place in enumerate(took):
        shown = lists[place][:LIST_LENGTH]
        hits[row, : len(shown)] = np.isin(shown, wanted[place])
    n_relevant = np.array([len(wanted[place]) for place in took], np.int64)
    shown_at_all = np.unique(np.concatenate([np.empty(0, np.int32), *(one[:LIST_LENGTH] for one in lists)]))
    values = {"coverage": len(shown_at_all) / max(n_actions, 1)}
    for k in (5, 10, 25):
        values[f"normalized_discounted_cumulative_gain_at_{k}"] = _mean(ndcg(hits, n_relevant, k))
    values["precision"], values["recall"] = precision_and_recall(
        [one[:RECOMMENDED] for one in lists], wanted, n_actions
    )
    values["area_under_curve"] = area_under_curve(scores, is_taken)
    return {name: round(value, 4) for name, value in values.items()}


def precision_and_recall(
    recommended: Sequence[NDArray[np.int32]], taken: Sequence[NDArray[np.int32]], n_actions: int
) -> tuple[float, float]:
    """Return the means over actions of users rightly predicted, over recommendations and over takers.

    An action that was never recommended, or never taken, has no precision, or no recall.
    """
    n_recommended, n_taken, n_right = (np.zeros(n_actions, np.int64) for _ in range(3))
    for shown, wanted in zip(recommended, taken, strict=True):
        n_recommended[shown] += 1
        n_taken[wanted] += 1
        n_right[np.intersect1d(shown, wanted)] += 1
    shown_some, taken_some = n_recommended > 0, n_taken > 0
    return (
        _mean(n_right[shown_some] / n_recommended[shown_some]),
        _mean(n_right[taken_some] / n_taken[taken_some]),
    )


def area_under_curve(scores: NDArray[np.float64], is_taken: NDArray[np.bool_]) -> float:
    """Return how often an action that was taken has a higher score than one that was not; equal ones half.

    0 where none was taken, or all.
    """
    n_taken = int(np.count_nonzero(is_taken))
    n_others = len(is_taken) - n_taken
    if n_taken == 0 or n_others == 0:
        return 0.0
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[places]
    return float((ranks[is_taken].sum() - n_taken * (n_taken + 1) / 2.0) / (n_taken * n_others))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0
