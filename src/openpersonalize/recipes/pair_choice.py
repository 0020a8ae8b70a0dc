"""Chooses what the number of users who had both items weighs in a pair, beside how near the items were.

The newest events of a sample of users are held out. Of each share the neighbours of the item before such an
event are counted from all others of the sample, and searched for the event's. Nearness alone is kept unless
another share finds clearly more.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.pairs import Pairs

USERS_SHARES = (0.0, 0.5, 0.8)
"""What is chosen from; the first one is kept where none is clearly better."""

LIST_LENGTH = 25
N_NEWEST = 3
"""Events of a user that are held out, at most half of them."""

MOST_EVENTS = 150_000
"""Users are sampled until they have so many events."""

CLEAR = 2.5
"""Standard errors of the difference, by user, that are a clear one."""

Count = Callable[[Interactions, float, NDArray[np.int64]], Pairs]
"""Counts the neighbours of some seeds, with a share of users."""


def choose(interactions: Interactions, count: Count, *, seed: int, report: Callable[[float], None]) -> float:
    """Return the best of USERS_SHARES.

    - `report`: is told the share of the work that is done.
    """
    sample = _sample(interactions, seed)
    n_held_out = np.minimum(N_NEWEST, sample.lengths // 2)
    ends = sample.histories.starts[1:]
    is_held_out = np.arange(sample.n_events) >= np.repeat(ends - n_held_out, sample.lengths)
    asked = _new_to_their_users(sample, np.flatnonzero(is_held_out))
    if len(asked) == 0:
        return USERS_SHARES[0]
    known = sample.select(~is_held_out)
    seeds = np.unique(sample.histories.items[asked - 1]).astype(np.int64)
    hits = []
    for share in USERS_SHARES:
        hits.append(_hits(sample, asked, seeds, count(known, share, seeds)))
        report(len(hits) / len(USERS_SHARES))
    best = int(np.argmax([found.sum() for found in hits]))
    users = sample.user_of_event[asked]
    gains = np.bincount(users, hits[best].astype(np.float64) - hits[0])
    is_clear = gains.sum() > CLEAR * np.sqrt(np.square(gains).sum())
    return USERS_SHARES[best] if is_clear else USERS_SHARES[0]


def _sample(interactions: Interactions, seed: int) -> Interactions:
    """Return the interactions of users drawn until they have MOST_EVENTS."""
    if interactions.n_events <= MOST_EVENTS:
        return interactions
    drawn = np.random.default_rng(seed).permutation(interactions.n_users)
    n_drawn = int(np.searchsorted(np.cumsum(interactions.lengths[drawn]), MOST_EVENTS)) + 1
    return interactions.without_users(drawn[n_drawn:])


def _new_to_their_users(sample: Interactions, events: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return those of the events before which their user had not had the item."""
    starts, items = sample.histories.starts, sample.histories.items
    firsts = starts[sample.user_of_event[events]]
    pairs = zip(events.tolist(), firsts.tolist(), strict=True)
    return events[np.array([items[event] not in items[first:event] for event, first in pairs], np.bool_)]


def _hits(
    sample: Interactions, asked: NDArray[np.int64], seeds: NDArray[np.int64], found: Pairs
) -> NDArray[np.bool_]:
    """Say of each event whether it is in the list of the one before, without what the user had had."""
    starts, items = sample.histories.starts, sample.histories.items
    firsts = starts[sample.user_of_event[asked]]
    hits = np.zeros(len(asked), np.bool_)
    for at, (event, first) in enumerate(zip(asked.tolist(), firsts.tolist(), strict=True)):
        row = int(np.searchsorted(seeds, items[event - 1]))
        neighbours = found.neighbours[found.starts[row] : found.starts[row + 1]]
        place = np.flatnonzero(neighbours == items[event])
        if len(place):
            hits[at] = place[0] - np.isin(neighbours[: place[0]], items[first:event]).sum() < LIST_LENGTH
    return hits
