"""Trains aws-sims: items that the same users had soon after, or before, an item."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models import NeighbourModel
from openpersonalize.models.compiled import Doubles, Ints, Longs, compiled
from openpersonalize.models.grouping import grouped
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.popularity import by_popularity
from openpersonalize.models.ranker import Question
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.parameters import history_percentiles
from openpersonalize.recipes.recipe import RELATED_ITEMS, SHOP, VIDEO, Hyperparameter, Recipe, Where
from openpersonalize.recipes.training import Settings, Task, Trained

WINDOW = 20
"""Two events of a user count as a pair if at most so many lie between them."""

BACKWARD_SHARE = 0.3
"""What a pair counts where the seed is the later item, beside 1 where it is the earlier one."""

N_NEIGHBOURS = 300
_ITEMS_PER_CALL = 256


def train(task: Task) -> Trained:
    """Count pairs without the test users and test, then count them all."""
    part = _count_pairs(task, task.training_part, "training", (5.0, 45.0))
    task.progress("evaluating", 45.0)
    metrics = task.evaluate(part)
    return Trained(_count_pairs(task, task.interactions, "training on all data", (55.0, 95.0)), metrics)


def _count_pairs(
    task: Task, interactions: Interactions, phase: str, percents: tuple[float, float]
) -> NeighbourModel:
    low, high = percents
    task.progress(phase, low)
    typical = interactions.of_typical_users(
        float(task.settings["min_user_history_length_percentile"]),
        float(task.settings["max_user_history_length_percentile"]),
    )
    firsts, by_item = grouped(typical.histories.items, interactions.n_items)
    discounts = _discounts(interactions, typical, task.settings)

    def neighbours_from(first: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        return _neighbours_of(
            first,
            min(first + _ITEMS_PER_CALL, interactions.n_items),
            firsts,
            by_item,
            typical.histories.starts,
            typical.user_of_event,
            typical.histories.items,
            discounts,
            int(task.settings["min_cointeraction_count"]),
        )

    parts = []
    # Threads take ranges of items; the result does not depend on who takes which.
    with ThreadPoolExecutor(task.n_threads) as threads:
        for part in threads.map(neighbours_from, range(0, interactions.n_items, _ITEMS_PER_CALL)):
            parts.append(part)
            share = min(1.0, len(parts) * _ITEMS_PER_CALL / interactions.n_items)
            task.progress(phase, low + (high - low) * share)
    return _assemble(interactions, parts)


def _assemble(
    interactions: Interactions, parts: list[tuple[NDArray[np.int64], NDArray[np.int32]]]
) -> NeighbourModel:
    counts = np.concatenate([count for count, _ in parts])
    return NeighbourModel(
        items=interactions.items,
        users=IdIndex.build([]),
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        neighbours=np.concatenate([found for _, found in parts]).astype(np.int32),
        popular=by_popularity(interactions.users_by_item),
    )


def _discounts(interactions: Interactions, typical: Interactions, settings: Settings) -> NDArray[np.float64]:
    """Return by item what its strengths are multiplied by; 0 for items that are not to be offered.

    Items of fewer interactions than the lower percentile are not offered. Those of more than the upper one
    count as if they had as many as that, so they have to be more strongly related than others.

    The percentiles are taken over interactions, not items, most of which have few: of items, AWS's default of
    0.9 would take a tenth that holds most interactions.
    """
    counts = np.bincount(typical.histories.items, minlength=interactions.n_items)
    low, high = np.quantile(
        counts[typical.histories.items],
        [
            float(settings["min_item_interaction_count_percentile"]),
            float(settings["max_item_interaction_count_percentile"]),
        ],
        method="nearest",
    )
    discounts = (interactions.users_by_item + 1.0) ** -float(settings["popularity_discount_factor"])
    discounts *= np.minimum(1.0, high / np.maximum(1, counts))
    discounts[counts < low] = 0.0
    return np.asarray(discounts, np.float64)


@compiled
def _neighbours_of(  # noqa: PLR0917  # numba takes positional arguments only
    first: int,
    last: int,
    firsts: Longs,
    by_item: Longs,
    starts: Longs,
    user_of_event: Ints,
    items: Ints,
    discounts: Doubles,
    minimum: int,
) -> tuple[Longs, Ints]:
    """Return the neighbours of the items first..last: how many each has, and their rows, best first."""
    n_items = len(firsts) - 1
    strengths, n_users = np.zeros(n_items, np.float64), np.zeros(n_items, np.int32)
    last_visit, touched = np.full(n_items, -1, np.int64), np.empty(n_items, np.int32)
    closeness = _closeness()
    counts = np.empty(last - first, np.int64)
    found = np.empty((last - first) * N_NEIGHBOURS, np.int32)
    size = 0
    for seed in range(first, last):
        n_touched = 0
        for at in range(firsts[seed], firsts[seed + 1]):
            event = by_item[at]
            user = user_of_event[event]
            visit = seed * len(starts) + user
            for other in range(max(starts[user], event - WINDOW), min(starts[user + 1], event + WINDOW + 1)):
                item = items[other]
                if item != seed:
                    if n_users[item] == 0:
                        touched[n_touched] = item
                        n_touched += 1
                    n_users[item] += last_visit[item] != visit
                    last_visit[item] = visit
                    strengths[item] += closeness[other - event + WINDOW]
        chosen = _strongest(touched[:n_touched], strengths, n_users, discounts, minimum)
        counts[seed - first] = len(chosen)
        found[size : size + len(chosen)] = chosen
        size += len(chosen)
    return counts, found[:size].copy()


@compiled
def _closeness() -> Doubles:
    """Return what a pair counts by the other item's distance, from WINDOW before to WINDOW after."""
    weights = np.empty(2 * WINDOW + 1, np.float64)
    for distance in range(-WINDOW, WINDOW + 1):
        share = 1.0 if distance > 0 else BACKWARD_SHARE
        weights[distance + WINDOW] = share / np.sqrt(max(1, abs(distance)))
    return weights


@compiled
def _strongest(touched: Ints, strengths: Doubles, n_users: Ints, discounts: Doubles, minimum: int) -> Ints:
    """Return the best neighbours of one seed, ties in item order, and clear what was counted for it."""
    candidates = np.sort(touched)
    values = np.zeros(len(candidates), np.float64)
    n_valid = 0
    for at in range(len(candidates)):
        item = candidates[at]
        if n_users[item] >= minimum and discounts[item] > 0.0:
            values[at] = strengths[item] * discounts[item]
            n_valid += 1
        strengths[item], n_users[item] = 0.0, 0
    order = np.argsort(-values, kind="mergesort")
    return candidates[order[: min(n_valid, N_NEIGHBOURS)]]


RECIPES = (
    Recipe(
        "aws-sims",
        RELATED_ITEMS,
        "Finds items similar to a given item by co-occurrence in the histories of users.",
        feature_transformation="sims",
        hyperparameters=(
            Hyperparameter("popularity_discount_factor", 0.5, 0.0, 1.0, is_tunable=True),
            Hyperparameter("min_cointeraction_count", 3, 0, 10, is_tunable=True),
            *history_percentiles(0.005, 0.995),
            Hyperparameter("min_item_interaction_count_percentile", 0.01, 0.0, 1.0, where=Where.FEATURES),
            Hyperparameter("max_item_interaction_count_percentile", 0.9, 0.0, 1.0, where=Where.FEATURES),
        ),
        question=Question.SIMILAR_ITEMS,
        train=train,
        model=NeighbourModel,
    ),
    Recipe(
        "aws-vod-because-you-watched-x",
        RELATED_ITEMS,
        "Recommends videos that others watched who watched a given one.",
        domain=VIDEO,
        event_type="Watch",
        needs_user=True,
        leaves_out="Watch",
        question=Question.SIMILAR_ITEMS,
    ),
    Recipe(
        "aws-ecomm-frequently-bought-together",
        RELATED_ITEMS,
        "Recommends items that are bought together with a given one.",
        domain=SHOP,
        event_type="Purchase",
        question=Question.SIMILAR_ITEMS,
    ),
    Recipe(
        "aws-ecomm-customers-who-viewed-x-also-viewed",
        RELATED_ITEMS,
        "Recommends items that others viewed who viewed a given one.",
        domain=SHOP,
        event_type="View",
        needs_user=True,
        leaves_out="Purchase",
        question=Question.SIMILAR_ITEMS,
    ),
)
