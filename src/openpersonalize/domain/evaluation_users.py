"""The offline test of recipes that rank users: which events are held out, and AWS's three metrics."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

TEST_SHARE_OF_EVENTS = 0.2
MOST_QUERIES = 1_000
"""More are not asked, so that the test stays a small part of a large training."""


def is_held_out(starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say by event whether it is among the newest 20 % of its user's, who keeps one event at least.

    `starts`: int64, shape (n_users + 1,): where each user's events start, oldest first.
    """
    lengths = np.diff(starts)
    n_tested = np.round(TEST_SHARE_OF_EVENTS * lengths).astype(np.int64)
    n_tested = np.where(lengths >= 2, np.maximum(n_tested, 1), 0)
    places = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
    return np.asarray(places >= np.repeat(lengths - n_tested, lengths))


def n_best(n_users: int) -> int:
    """Return how many users are the top 1 % of some: at least one."""
    return max(1, round(n_users / 100))


def metrics(
    lists: Sequence[NDArray[np.int32]], actual: Sequence[NDArray[np.int32]], n_users: int
) -> dict[str, float]:
    """Return AWS's three metrics, rounded to four decimals; all 0 without queries.

    - `lists`: per query the rows of its best users, as many as are 1 % of all.
    - `actual`: per query the different users who had a held-out interaction, at least one.
    - `n_users`: distinct users of the datasets.

    `coverage` is the share of the users who are in any list. `hits_at_1_percent` is the mean number of actual
    users in a list, and `recall_at_1_percent` that number over what it could be: the smaller of the list's
    length and the number of actual users.
    """
    hits = np.array([np.isin(a, b).sum() for a, b in zip(lists, actual, strict=True)], np.float64)
    possible = np.array([min(len(a), len(b)) for a, b in zip(lists, actual, strict=True)], np.float64)
    shown = np.unique(np.concatenate([np.empty(0, np.int32), *lists]))
    values = {
        "coverage": len(shown) / max(1, n_users),
        "hits_at_1_percent": float(hits.mean()) if len(hits) else 0.0,
        "recall_at_1_percent": float((hits / np.maximum(possible, 1.0)).mean()) if len(hits) else 0.0,
    }
    return {name: round(value, 4) for name, value in values.items()}
