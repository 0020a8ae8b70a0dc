"""Counts pairs of events of one user: how strongly an item is related to another that came near it.

For events at distance d = 1 … WINDOW of a user's history, dt seconds apart, the pair of items (a, b) gains

    d^-distance_exponent (1 + dt / unit)^-time_exponent

for the seed a and the later b, and `backward_share` of that for the seed b and the earlier a. The strength of
b for the seed a is that sum times a discount of b. Of each seed the strongest N_NEIGHBOURS are kept.

With a `users_share` the strength is a mean of this, and, weighing so much, of the number of users who had
both within WIDE_WINDOW events, times the discount and a factor that gives both the same highest value.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.compiled import Doubles, Floats, Ints, Longs, compiled, frozen
from openpersonalize.models.grouping import grouped
from openpersonalize.recipes.interactions import Interactions

WINDOW = 20
"""Events further apart than this in a user's history are no pair."""

WIDE_WINDOW = 100
"""In place of WINDOW where the users who had both are counted too."""

N_NEIGHBOURS = 300
ITEMS_PER_CALL = 256


@dataclass(frozen=True)
class Pairing:
    """What a pair of events counts.

    - `backward_share`: what it counts where the seed is the later item, beside 1 where it is the earlier one.
    - `distance_exponent`, `time_exponent`, `time_unit_s`: see the module.
    - `longest_s`, `beyond_share`: pairs further apart in time than this many seconds count the latter alone.
    """

    backward_share: float
    distance_exponent: float
    time_exponent: float = 0.0
    time_unit_s: float = 60.0
    longest_s: float = np.inf
    beyond_share: float = 1.0

    def by_distance(self, window: int) -> NDArray[np.float64]:
        """What a pair counts by the other item's distance, from `window` before to so much after."""
        distances = np.arange(-window, window + 1)
        share = np.where(distances > 0, 1.0, self.backward_share) * (np.abs(distances) <= WINDOW)
        return np.asarray(share * np.maximum(1, np.abs(distances)) ** -self.distance_exponent, np.float64)


@dataclass(frozen=True)
class Pairs:
    """The strongest neighbours of every item.

    - `starts`: int64, shape (n_items + 1,); those of item i are starts[i]:starts[i + 1].
    - `neighbours`: int32 rows, strongest first, ties in item order, the item itself never among them.
    - `strengths`: float32, positive.
    """

    starts: NDArray[np.int64]
    neighbours: NDArray[np.int32]
    strengths: NDArray[np.float32]


def count(
    interactions: Interactions,
    pairing: Pairing,
    discounts: NDArray[np.float64],
    *,
    minimum: int,
    n_threads: int,
    report: Callable[[float], None],
    users_share: float = 0.0,
    seeds: NDArray[np.int64] | None = None,
) -> Pairs:
    """Return the strongest pairs that at least `minimum` users had, in either order.

    - `discounts`: by item what its strengths are multiplied by; items of 0 are nobody's neighbours.
    - `report`: is told the share of the work that is done.
    - `users_share`: in [0, 1], what the number of users weighs in a strength; see the module.
    - `seeds`: int64, the items whose neighbours are wanted, in their order; None for all.
    """
    n_items, histories = interactions.n_items, interactions.histories
    wanted = np.arange(n_items) if seeds is None else seeds
    window = WIDE_WINDOW if users_share > 0.0 else WINDOW
    firsts, by_item = grouped(histories.items, n_items)
    times = np.array(
        [pairing.time_exponent, pairing.time_unit_s, pairing.longest_s, pairing.beyond_share], np.float64
    )
    shared = (
        frozen(firsts),
        frozen(by_item),
        frozen(histories.starts),
        frozen(interactions.user_of_event),
        frozen(histories.items),
        frozen(histories.times),
        frozen(pairing.by_distance(window)),
        frozen(times),
        frozen(discounts),
    )

    def neighbours_from(first: int) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        return _neighbours_of(frozen(wanted[first : first + ITEMS_PER_CALL]), minimum, users_share, *shared)

    parts = []
    # Threads take ranges of items; the result does not depend on who takes which.
    with ThreadPoolExecutor(n_threads) as threads:
        for part in threads.map(neighbours_from, range(0, len(wanted), ITEMS_PER_CALL)):
            parts.append(part)
            report(min(1.0, len(parts) * ITEMS_PER_CALL / len(wanted)))
    counts, neighbours, strengths = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Pairs(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), neighbours, strengths)


@compiled
def _neighbours_of(  # noqa: PLR0917  # numba takes positional arguments only
    seeds: Longs,
    minimum: int,
    users_share: float,
    firsts: Longs,
    by_item: Longs,
    starts: Longs,
    user_of_event: Ints,
    items: Ints,
    times: Longs,
    by_distance: Doubles,
    by_time: Doubles,
    discounts: Doubles,
) -> tuple[Longs, Ints, Floats]:
    """Return the neighbours of some items: how many each has, their rows and their strengths."""
    n_items = len(firsts) - 1
    sums, n_users = np.zeros(n_items, np.float64), np.zeros(n_items, np.int32)
    last_visit, touched = np.full(n_items, -1, np.int64), np.empty(n_items, np.int32)
    counts = np.empty(len(seeds), np.int64)
    found = np.empty(len(seeds) * N_NEIGHBOURS, np.int32)
    strengths = np.empty(len(seeds) * N_NEIGHBOURS, np.float32)
    size, window = 0, len(by_distance) // 2
    for place in range(len(seeds)):
        seed = seeds[place]
        n_touched = 0
        for at in range(firsts[seed], firsts[seed + 1]):
            event = by_item[at]
            user = user_of_event[event]
            visit = seed * len(starts) + user
            for other in range(max(starts[user], event - window), min(starts[user + 1], event + window + 1)):
                item = items[other]
                if item != seed:
                    if n_users[item] == 0:
                        touched[n_touched] = item
                        n_touched += 1
                    n_users[item] += last_visit[item] != visit
                    last_visit[item] = visit
                    weight = by_distance[other - event + window]
                    if weight > 0.0:
                        sums[item] += weight * _by_time(abs(times[other] - times[event]), by_time)
        if users_share > 0.0:
            _mix(touched[:n_touched], sums, n_users, discounts, users_share)
        chosen = _strongest(touched[:n_touched], sums, n_users, discounts, minimum)
        counts[place] = len(chosen)
        for item in chosen:
            found[size] = item
            strengths[size] = sums[item] * discounts[item]
            size += 1
        for at in range(n_touched):
            sums[touched[at]], n_users[touched[at]] = 0.0, 0
    return counts, found[:size].copy(), strengths[:size].copy()


@compiled
def _by_time(apart_s: int, by_time: Doubles) -> float:
    exponent, unit_s, longest_s, beyond_share = by_time
    if apart_s > longest_s:
        return float(beyond_share)
    return float((1.0 + apart_s / unit_s) ** -exponent) if exponent > 0.0 else 1.0


@compiled
def _mix(touched: Ints, sums: Doubles, n_users: Ints, discounts: Doubles, users_share: float) -> None:
    """Put in place of the sums of one seed their mean with the numbers of users, at the same highest."""
    highest, most = 0.0, 0.0
    for at in range(len(touched)):
        item = touched[at]
        highest = max(highest, sums[item] * discounts[item])
        most = max(most, n_users[item] * discounts[item])
    scale = highest / most if most > 0.0 else 0.0
    for at in range(len(touched)):
        item = touched[at]
        sums[item] = (1.0 - users_share) * sums[item] + users_share * scale * n_users[item]


@compiled
def _strongest(touched: Ints, sums: Doubles, n_users: Ints, discounts: Doubles, minimum: int) -> Ints:
    """Return the best neighbours of one seed, ties in item order."""
    candidates = np.sort(touched)
    values = np.zeros(len(candidates), np.float64)
    n_valid = 0
    for at in range(len(candidates)):
        item = candidates[at]
        if n_users[item] >= minimum and discounts[item] > 0.0:
            values[at] = sums[item] * discounts[item]
            n_valid += values[at] > 0.0
    order = np.argsort(-values, kind="mergesort")
    return candidates[order[: min(n_valid, N_NEIGHBOURS)]]
