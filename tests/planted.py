"""Stores whose right answers are known, because their tastes are planted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes.training_data import Interactions

FIRST_TIME = 1_700_000_000
HOUR_S = 3600


@dataclass(frozen=True)
class Store:
    """Interactions, and the cluster of every item."""

    interactions: Interactions
    clusters: NDArray[np.int64]

    def items_of(self, cluster: int) -> NDArray[np.int32]:
        """Item rows of a cluster."""
        return np.flatnonzero(self.clusters == cluster).astype(np.int32)


def taste_store(
    *,
    n_users: int = 400,
    n_clusters: int = 8,
    items_per_cluster: int = 60,
    events_per_user: int = 20,
    repeat_share: float = 0.0,
    seed: int = 0,
) -> Store:
    """Users who stay in one cluster each; a share of their events repeats an item they had before.

    Within a cluster popular items are chosen more often; without `repeat_share` nobody has an item twice.
    """
    generator = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(n_clusters), items_per_cluster)
    popularity = 1.0 / (np.arange(items_per_cluster) + 5.0)
    histories = []
    for user in range(n_users):
        fresh = generator.choice(
            items_per_cluster, items_per_cluster, replace=False, p=popularity / popularity.sum()
        )
        history: list[int] = []
        n_fresh = 0
        for _ in range(events_per_user):
            if history and generator.random() < repeat_share:
                history.append(history[generator.integers(len(history))])
            else:
                history.append(int(fresh[n_fresh]))
                n_fresh += 1
        histories.append((user % n_clusters) * items_per_cluster + np.array(history))
    return Store(interactions_of(histories, len(clusters)), clusters)


def interactions_of(histories: list[NDArray[np.int64]], n_items: int) -> Interactions:
    """Interactions of users given as lists of item rows, an hour between events."""
    lengths = [len(history) for history in histories]
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    times = np.concatenate([FIRST_TIME + HOUR_S * np.arange(length) for length in lengths])
    return Interactions(
        users=IdIndex.build([f"user-{row:04d}" for row in range(len(histories))]),
        items=IdIndex.build([f"item-{row:04d}" for row in range(n_items)]),
        histories=Histories(starts, np.concatenate(histories).astype(np.int32), times),
    )
