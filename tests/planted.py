"""Stores whose right answers are known, because their tastes are planted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes.interactions import EventContexts, Interactions

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


def with_contexts(store: Store, **texts: Sequence[str | None]) -> Store:
    """The same store with contextual columns: a text for each event, in the order of the events."""
    values = {
        name: tuple(sorted({text for text in column if text is not None})) for name, column in texts.items()
    }
    codes = [
        [-1 if text is None else values[name].index(text) for text in column]
        for name, column in texts.items()
    ]
    contexts = EventContexts(tuple(texts), values, np.array(codes, np.int16).T.copy())
    return replace(store, interactions=replace(store.interactions, contexts=contexts))


def device_store(*, n_users: int = 400, faith: float = 0.98, seed: int = 0) -> Store:
    """Tastes with even items for phones and odd ones for desktops, in a share `faith` of their events."""
    store = taste_store(n_users=n_users, seed=seed)
    is_even = store.interactions.histories.items % 2 == 0
    is_faithful = np.random.default_rng(seed).random(len(is_even)) < faith
    return with_contexts(store, DEVICE=np.where(is_even == is_faithful, "phone", "desktop").tolist())


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
