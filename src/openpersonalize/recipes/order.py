"""Finds out whether the order of events says anything: if not, transitions must not lead a blend.

The newest event of some users is kept from the training. Among the items that the factors or the transitions
rank first for a user before it, the softmax of the blend gives the held-out item a probability, at the scale
of scores that suits best; and so does the softmax of the blend without transitions. Where these are as good,
up to LEAST_GAIN, what comes after what is chance, and transitions keep little weight.
"""

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models import BlendModel
from openpersonalize.recipes.calibration import Sample
from openpersonalize.recipes.interactions import Interactions

LEAST_GAIN = 2.0
"""What transitions must add to the log-likelihood of the held-out items, in nats."""
MIN_USERS = 50
"""With fewer whose held-out item is among the candidates, nothing can be said, and order counts."""
N_CANDIDATES = 200
"""By factors, and by transitions."""

_SCALES = np.exp(np.linspace(-3.0, 2.0, 21)).astype(np.float32)


def says_something(model: BlendModel, interactions: Interactions, sample: Sample) -> bool:
    """Return whether transitions make the newest events of the sample's users likelier.

    `model` was trained without these events, which `interactions` hold.
    """
    starts, items = interactions.histories.starts, interactions.histories.items
    totals = np.zeros((2, len(_SCALES)))
    n_used = 0
    for user, target in zip(sample.users.tolist(), sample.targets.tolist(), strict=True):
        before = items[starts[user] : starts[user + 1] - 1]
        with_order, without = model.relevance(before), model.relevance(before, without=model.transitions)
        candidates = _candidates(without, with_order - without, before)
        place = np.flatnonzero(candidates == target)
        if len(place):
            totals[0] += _log_likelihoods(with_order[candidates], int(place[0]))
            totals[1] += _log_likelihoods(without[candidates], int(place[0]))
            n_used += 1
    best_with, best_without = totals.max(axis=1).tolist()
    return n_used < MIN_USERS or best_with - best_without >= LEAST_GAIN


def _candidates(
    first: NDArray[np.float32], second: NDArray[np.float32], seen: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return the unseen items that one or the other ranks first, rising."""
    is_new = np.ones(len(first), np.bool_)
    is_new[seen] = False
    new = np.flatnonzero(is_new)
    if len(new) <= N_CANDIDATES:
        return new
    best = [np.argpartition(-scores[new], N_CANDIDATES - 1)[:N_CANDIDATES] for scores in (first, second)]
    return np.unique(new[np.concatenate(best)])


def _log_likelihoods(scores: NDArray[np.float32], target: int) -> NDArray[np.float64]:
    """Return the log-probability of one item by scale."""
    scaled = _SCALES[:, None] * (scores - scores.max())
    sums = np.exp(scaled).sum(axis=1, dtype=np.float64)
    return np.asarray(scaled[:, target] - np.log(sums), np.float64)
