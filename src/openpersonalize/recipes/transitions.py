"""Counts what follows an item: every pair of a user's events, the nearer in order and time the more.

For events at distance d = 1 … 20 of a user's sequence, dt seconds apart,

    T[a, b] += d^-0.5 (1 + dt / 60)^-0.3,    T[b, a] += 0.3 of the same,    T[a, a] = 0

and strength(a, b) = T[a, b] / (sum of T[a, ·] + 100)^0.5 / (n_b + 1)^0.3 with n_b the users who had b. Of
each item the strongest N_FOLLOWERS are kept.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.compiled import Doubles, Floats, Ints, Longs, compiled, frozen
from openpersonalize.models.grouping import grouped
from openpersonalize.models.transitions import TransitionPart
from openpersonalize.recipes.interactions import Interactions

WINDOW = 20
BACKWARD_SHARE = 0.3
DISTANCE_EXPONENT = 0.5
TIME_EXPONENT, TIME_UNIT_S = 0.3, 60.0
ROW_PRIOR, ROW_EXPONENT = 100.0, 0.5
POPULARITY_EXPONENT = 0.3
N_FOLLOWERS = 200
N_READ = 10
"""Newest events of a user whose followers count; the k-th newest weighs 1 / k."""

MOST_EVENTS = 1_000
"""Of an item with more events so many are looked at, spread evenly over users, and stand for all of them."""

_ITEMS_PER_CALL = 256
_STEP_BITS = 20
"""Of a float32 all but its lowest 20 bits say which eighth of which doubling it lies in."""
_FIRST_STEP = int(np.float32(1.0).view(np.int32)) >> _STEP_BITS


def count(
    interactions: Interactions,
    n_events: int,
    *,
    has_recency: bool,
    weight: float,
    n_threads: int,
    report: Callable[[float], None],
) -> TransitionPart:
    """Return the part of these interactions, which reads at most `n_events` of a user's newest events.

    `report` is told the share of the work that is done.
    """
    n_items = interactions.n_items
    firsts, by_item = grouped(interactions.histories.items, n_items)
    damping = frozen(np.asarray((interactions.users_by_item + 1.0) ** -POPULARITY_EXPONENT, np.float64))
    by_distance, by_time = frozen(_by_distance()), frozen(_by_time())
    histories = interactions.histories

    def followers_from(first: int) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        return _followers_of(
            first,
            min(first + _ITEMS_PER_CALL, n_items),
            frozen(firsts),
            frozen(by_item),
            histories.starts,
            frozen(interactions.user_of_event),
            histories.items,
            histories.times,
            by_distance,
            by_time,
            damping,
        )

    parts = []
    # Threads take ranges of items; the result does not depend on who takes which.
    with ThreadPoolExecutor(n_threads) as threads:
        for part in threads.map(followers_from, range(0, n_items, _ITEMS_PER_CALL)):
            parts.append(part)
            report(min(1.0, len(parts) * _ITEMS_PER_CALL / n_items))
    counts, followers, strengths = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return TransitionPart(
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        followers=followers,
        strengths=strengths,
        event_weights=_event_weights(min(N_READ, n_events), has_recency=has_recency),
        weight=weight,
    )


def _event_weights(n_read: int, *, has_recency: bool) -> NDArray[np.float32]:
    places = np.arange(1, n_read + 1, dtype=np.float64)
    return (1.0 / places if has_recency else np.ones_like(places)).astype(np.float32)


def _by_distance() -> NDArray[np.float64]:
    """Return what a pair counts by the other item's distance, from WINDOW before to WINDOW after."""
    distances = np.arange(-WINDOW, WINDOW + 1)
    share = np.where(distances > 0, 1.0, BACKWARD_SHARE)
    return np.asarray(share * np.maximum(1, np.abs(distances)) ** -DISTANCE_EXPONENT, np.float64)


def _by_time() -> NDArray[np.float64]:
    """Return what a pair counts by its time apart: by the eighths of doublings of 1 + dt / 60 s, from 1."""
    steps = np.arange(_FIRST_STEP, int(np.float32(np.inf).view(np.int32)) >> _STEP_BITS, dtype=np.int32)
    lowest = (steps << _STEP_BITS).view(np.float32).astype(np.float64)
    return np.asarray(lowest**-TIME_EXPONENT, np.float64)


@compiled
def _followers_of(  # noqa: PLR0917  # numba takes positional arguments only
    first: int,
    last: int,
    firsts: Longs,
    by_item: Longs,
    starts: Longs,
    user_of_event: Ints,
    items: Ints,
    times: Longs,
    by_distance: Doubles,
    by_time: Doubles,
    damping: Doubles,
) -> tuple[Longs, Ints, Floats]:
    """Return the followers of the items first..last: how many each has, their rows, rising, and strengths."""
    n_items = len(firsts) - 1
    sums, touched = np.zeros(n_items, np.float64), np.empty(n_items, np.int32)
    counts = np.empty(last - first, np.int64)
    found = np.empty((last - first) * N_FOLLOWERS, np.int32)
    strengths = np.empty((last - first) * N_FOLLOWERS, np.float32)
    size = 0
    for seed in range(first, last):
        n_touched = 0
        n_events = firsts[seed + 1] - firsts[seed]
        step = max(1, -(-n_events // MOST_EVENTS))
        for at in range(firsts[seed], firsts[seed + 1], step):
            event = by_item[at]
            user = user_of_event[event]
            for other in range(max(starts[user], event - WINDOW), min(starts[user + 1], event + WINDOW + 1)):
                item = items[other]
                if item != seed:
                    if sums[item] == 0.0:
                        touched[n_touched] = item
                        n_touched += 1
                    apart = abs(times[other] - times[event])
                    bits = np.float32(1.0 + apart / TIME_UNIT_S).view(np.int32)
                    time_step = (bits >> _STEP_BITS) - _FIRST_STEP
                    sums[item] += by_distance[other - event + WINDOW] * by_time[time_step]
        chosen = _strongest(touched[:n_touched], sums, damping)
        row_total, looked_at = 0.0, max(1, -(-n_events // step))
        for at in range(n_touched):
            row_total += sums[touched[at]]
        row_total *= n_events / looked_at
        scale = n_events / looked_at * (row_total + ROW_PRIOR) ** -ROW_EXPONENT
        for item in chosen:
            found[size] = item
            strengths[size] = scale * sums[item] * damping[item]
            size += 1
        counts[seed - first] = len(chosen)
        for at in range(n_touched):
            sums[touched[at]] = 0.0
    return counts, found[:size].copy(), strengths[:size].copy()


@compiled
def _strongest(touched: Ints, sums: Doubles, damping: Doubles) -> Ints:
    """Return the followers of most strength, rising; of equal ones those first in item order."""
    if len(touched) <= N_FOLLOWERS:
        return np.sort(touched)
    values = sums[touched] * damping[touched]
    least = np.partition(values, len(values) - N_FOLLOWERS)[len(values) - N_FOLLOWERS]
    above, equal = touched[values > least], np.sort(touched[values == least])
    return np.sort(np.concatenate((above, equal[: N_FOLLOWERS - len(above)])))
