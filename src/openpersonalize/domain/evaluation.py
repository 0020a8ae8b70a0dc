"""The offline test of a trained model: which events are held out, and AWS's eight metrics."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TEST_SHARE_OF_USERS = 0.1
TARGET_SHARE_OF_EVENTS = 0.1
LIST_LENGTH = 25
MAX_TEST_USERS = 2_000
"""More than these are held out at most, so that evaluation stays a small part of a large training."""


@dataclass(frozen=True)
class HeldOut:
    """Test users and how many of their events, oldest first, the model is given.

    - `users`: int64 rows, rising.
    - `n_given`: int64, same shape: the rest are targets; both parts have at least one event.
    """

    users: NDArray[np.int64]
    n_given: NDArray[np.int64]


NOBODY = HeldOut(np.empty(0, np.int64), np.empty(0, np.int64))


def hold_out(lengths: NDArray[np.int64], generator: np.random.Generator) -> HeldOut:
    """Draw 10 % of the users with at least two events; the newest 10 % of their events are targets.

    Of each test user at least one event is a target and at least one is given.
    """
    eligible = np.flatnonzero(lengths >= 2)
    n_test = min(max(1, round(TEST_SHARE_OF_USERS * len(eligible))), MAX_TEST_USERS, len(eligible))
    users = np.sort(generator.choice(eligible, n_test, replace=False)).astype(np.int64)
    n_targets = np.maximum(1, np.round(TARGET_SHARE_OF_EVENTS * lengths[users]).astype(np.int64))
    return HeldOut(users, lengths[users] - n_targets)


def metrics(
    lists: Sequence[NDArray[np.int32]], targets: Sequence[NDArray[np.int32]], n_items: int
) -> dict[str, float]:
    """Return AWS's eight metrics, rounded to four decimals; all 0 without test users.

    - `lists`: per test user the recommended item rows, best first, up to 25 of them, each once.
    - `targets`: per test user the rows of the held-out items; repetitions count once.
    - `n_items`: distinct items of the Interactions and Items datasets.
    """
    distinct_targets = [np.unique(one) for one in targets]
    hits = _hits(lists, distinct_targets)
    n_relevant = np.array([len(one) for one in distinct_targets], np.int64)
    shown = np.unique(np.concatenate([np.empty(0, np.int32), *lists]))
    values = {
        "coverage": len(shown) / n_items,
        "mean_reciprocal_rank_at_25": _mean(reciprocal_rank(hits)),
    }
    for k in (5, 10, 25):
        gain = ndcg(hits, n_relevant, k)
        values[f"normalized_discounted_cumulative_gain_at_{k}"] = _mean(gain)
    for k in (5, 10, 25):
        values[f"precision_at_{k}"] = _mean(precision(hits, k))
    return {name: round(value, 4) for name, value in values.items()}


def average_rewards(
    lists: Sequence[NDArray[np.int32]], targets: Sequence[NDArray[np.int32]], rewards: NDArray[np.float64]
) -> float:
    """Return `average_rewards_at_k`, in [0, 1], rounded to four decimals.

    Per user: the rewards of the held-out items among the first 25 recommendations, over those of all of them
    (of the 25 highest, as no more can be shown). The mean is over users with something to earn, 0 if none
    has.

    - `rewards`: by item row, in [0, 1].
    """
    shares = []
    for ranked, relevant in zip(lists, targets, strict=True):
        wanted = np.unique(relevant)
        most = np.sort(rewards[wanted])[::-1][:LIST_LENGTH].sum()
        if most > 0.0:
            shares.append(rewards[np.intersect1d(ranked[:LIST_LENGTH], wanted)].sum() / most)
    return round(_mean(np.array(shares)), 4)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0


def reciprocal_rank(hits: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return by row 1 / rank of the first hit, 0 without one; `hits` has shape (n_lists, LIST_LENGTH)."""
    return np.where(hits.any(axis=1), 1.0 / (1.0 + hits.argmax(axis=1)), 0.0)


def precision(hits: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """Return by row the share of the first k places that are hits."""
    return np.asarray(hits[:, :k].sum(axis=1) / k, np.float64)


def ndcg(hits: NDArray[np.bool_], n_relevant: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Return by row the discounted gain of the first k places over that of an ideal order."""
    discounts = 1.0 / np.log(1.0 + np.arange(1, k + 1))
    gains = hits[:, :k] @ discounts[: hits.shape[1]]
    ideal_gains = np.concatenate([[0.0], np.cumsum(discounts)])
    ideal = ideal_gains[np.minimum(n_relevant, k)]
    return np.asarray(np.where(ideal > 0, gains / np.maximum(ideal, 1e-12), 0.0), np.float64)


def _hits(lists: Sequence[NDArray[np.int32]], targets: Sequence[NDArray[np.int32]]) -> NDArray[np.bool_]:
    """Say for each place of each list whether a target stands there; shape (n_lists, LIST_LENGTH)."""
    hits = np.zeros((len(lists), LIST_LENGTH), np.bool_)
    for row, (ranked, relevant) in enumerate(zip(lists, targets, strict=True)):
        shown = ranked[:LIST_LENGTH]
        hits[row, : len(shown)] = np.isin(shown, relevant)
    return hits
