"""Trains aws-sims and its family: items that the same users had soon after, or before, an item."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models import NeighbourModel
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.popularity import by_popularity
from openpersonalize.models.ranker import Question
from openpersonalize.recipes import pair_choice, pairs
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.pairs import Pairing, Pairs
from openpersonalize.recipes.parameters import history_percentiles
from openpersonalize.recipes.recipe import (
    RELATED_ITEMS,
    SHOP,
    VIDEO,
    Counts,
    Hyperparameter,
    Recipe,
    Value,
    Where,
)
from openpersonalize.recipes.training import Settings, Task, Trained

FOLLOWING = Pairing(backward_share=0.6, distance_exponent=0.5, time_exponent=0.3, time_unit_s=60.0)
"""What comes next, rather than what came before."""

ALONGSIDE = Pairing(backward_share=1.0, distance_exponent=0.5)
"""What is near, in either order."""

DAY_S = 86_400.0
SAME_DAY = Pairing(
    backward_share=1.0,
    distance_exponent=0.0,
    time_exponent=0.5,
    time_unit_s=3600.0,
    longest_s=DAY_S,
    beyond_share=0.02,
)
"""What is in one basket: bought within a day, the sooner the more; other purchases count next to nothing."""

POPULARITY_PRIOR = 20.0
"""Users that an item has in addition where its strengths are divided by its popularity."""


@dataclass(frozen=True)
class Counting:
    """What is counted as related.

    - `popularity_discount`: the power of an item's users by which its strengths are divided.
    - `min_cointeractions`: users that a pair needs.
    - `histories`, `item_counts`: the lower and the upper percentile, see docs/recipes.md.
    - `users_share`: see `pairs`; None has the training choose it.
    """

    pairing: Pairing
    popularity_discount: float = 0.5
    min_cointeractions: int = 3
    histories: tuple[float, float] = (0.005, 0.995)
    item_counts: tuple[float, float] = (0.01, 0.9)
    users_share: float | None = 0.0

    @classmethod
    def of(cls, settings: Settings) -> "Counting":
        """What the hyperparameters of aws-sims say."""
        return cls(
            FOLLOWING,
            float(settings["popularity_discount_factor"]),
            int(settings["min_cointeraction_count"]),
            _percentiles(settings, "user_history_length"),
            _percentiles(settings, "item_interaction_count"),
            users_share=None,
        )


BOUGHT = Counting(SAME_DAY, popularity_discount=0.3, min_cointeractions=2)
VIEWED = Counting(ALONGSIDE)
WATCHED = Counting(FOLLOWING)


def _percentiles(settings: Settings, what: str) -> tuple[float, float]:
    return float(settings[f"min_{what}_percentile"]), float(settings[f"max_{what}_percentile"])


def train(task: Task) -> Trained:
    """Train as the hyperparameters of aws-sims say."""
    return _train(task, Counting.of(task.settings))


def _trainer(counting: Counting) -> Callable[[Task], Trained]:
    return lambda task: _train(task, counting)


def _train(task: Task, counting: Counting) -> Trained:
    """Count pairs without the test users and test, then count them all."""
    counting = _chosen(task, counting)
    part = _model(task, task.training_part, counting, "training", (10.0, 45.0))
    task.progress("evaluating", 45.0)
    metrics = task.evaluate(part)
    if task.is_trial:
        return Trained(part, metrics)
    return Trained(_model(task, task.interactions, counting, "training on all data", (55.0, 95.0)), metrics)


def _chosen(task: Task, counting: Counting) -> Counting:
    """Return what is counted with the share of users that finds most in the training part."""
    if counting.users_share is not None:
        return counting

    def count(interactions: Interactions, users_share: float, seeds: NDArray[np.int64]) -> Pairs:
        tried = replace(counting, users_share=users_share)
        return _pairs(task, interactions, tried, seeds, lambda share: None)

    chosen = pair_choice.choose(
        task.training_part,
        count,
        seed=task.seed,
        report=lambda share: task.progress("training", 5.0 + 5.0 * share),
    )
    return replace(counting, users_share=chosen)


def _model(
    task: Task, interactions: Interactions, counting: Counting, phase: str, percents: tuple[float, float]
) -> NeighbourModel:
    low, high = percents
    task.progress(phase, low)
    found = _pairs(
        task, interactions, counting, None, lambda share: task.progress(phase, low + (high - low) * share)
    )
    return NeighbourModel(
        items=interactions.items,
        users=IdIndex.build([]),
        starts=found.starts,
        neighbours=found.neighbours,
        popular=by_popularity(interactions.users_by_item),
    )


def _pairs(
    task: Task,
    interactions: Interactions,
    counting: Counting,
    seeds: NDArray[np.int64] | None,
    report: Callable[[float], None],
) -> Pairs:
    typical = interactions.of_typical_users(*counting.histories)
    return pairs.count(
        typical,
        counting.pairing,
        _discounts(interactions, typical, counting),
        minimum=counting.min_cointeractions,
        n_threads=task.n_threads,
        report=report,
        users_share=counting.users_share or 0.0,
        seeds=seeds,
    )


def _discounts(interactions: Interactions, typical: Interactions, counting: Counting) -> NDArray[np.float64]:
    """Return by item what its strengths are multiplied by; 0 for items that are not to be offered.

    Items of fewer interactions than the lower percentile are not offered. Those of more than the upper one
    count as if they had as many as that, so they have to be more strongly related than others.

    The percentiles are taken over interactions, not items, most of which have few: of items, AWS's default of
    0.9 would take a tenth that holds most interactions.
    """
    counts = np.bincount(typical.histories.items, minlength=interactions.n_items)
    low, high = np.quantile(counts[typical.histories.items], counting.item_counts, method="nearest")
    discounts = popularity_discounts(interactions, counting.popularity_discount)
    discounts *= np.minimum(1.0, high / np.maximum(1, counts))
    discounts[counts < low] = 0.0
    return np.asarray(discounts, np.float64)


def popularity_discounts(interactions: Interactions, factor: float) -> NDArray[np.float64]:
    """Return by item (users + POPULARITY_PRIOR)^-factor, float64."""
    return np.asarray((interactions.users_by_item + POPULARITY_PRIOR) ** -factor, np.float64)


def _memory(counts: Counts, settings: Mapping[str, Value]) -> float:
    """Return the bytes of histories, those of the training part and their order, and of two lists of pairs.

    An item has no more neighbours than there are pairs of its events; a minimum of users leaves out most.
    """
    window = pairs.WIDE_WINDOW if "min_cointeraction_count" in settings else pairs.WINDOW
    n_pairs = min(pairs.N_NEIGHBOURS, window * counts.n_events / max(1, counts.n_items))
    share = 1.0 if settings.get("min_cointeraction_count", 2) in {0, 1} else 0.4
    return 60.0 * counts.n_events + 20.0 * share * n_pairs * counts.n_items


def _recipe(name: str, description: str, **more: Any) -> Recipe:
    return Recipe(
        name,
        RELATED_ITEMS,
        description,
        question=Question.SIMILAR_ITEMS,
        model=NeighbourModel,
        memory=_memory,
        **more,
    )


RECIPES = (
    _recipe(
        "aws-sims",
        "Finds items similar to a given item by co-occurrence in the histories of users.",
        feature_transformation="sims",
        hyperparameters=(
            Hyperparameter("popularity_discount_factor", 0.5, 0.0, 1.0, is_tunable=True),
            Hyperparameter("min_cointeraction_count", 3, 0, 10, is_tunable=True),
            *history_percentiles(0.005, 0.995),
            Hyperparameter("min_item_interaction_count_percentile", 0.01, 0.0, 1.0, where=Where.FEATURES),
            Hyperparameter("max_item_interaction_count_percentile", 0.9, 0.0, 1.0, where=Where.FEATURES),
        ),
        train=train,
    ),
    _recipe(
        "aws-vod-because-you-watched-x",
        "Recommends videos that others watched who watched a given one.",
        domain=VIDEO,
        event_type="Watch",
        needs_user=True,
        leaves_out="Watch",
        train=_trainer(WATCHED),
    ),
    _recipe(
        "aws-ecomm-frequently-bought-together",
        "Recommends items that are bought together with a given one.",
        domain=SHOP,
        event_type="Purchase",
        train=_trainer(BOUGHT),
    ),
    _recipe(
        "aws-ecomm-customers-who-viewed-x-also-viewed",
        "Recommends items that others viewed who viewed a given one.",
        domain=SHOP,
        event_type="View",
        needs_user=True,
        leaves_out="Purchase",
        train=_trainer(VIEWED),
    ),
)
