"""Personalize's own protocol: 10 % of the users with all their events are not trained on.

Their oldest 90 % of events are given, the newest 10 % are to be found. Segments hold out the newest 20 % of
each user's events instead. Ours are the metrics that `train` returns; peers answer for the same users.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.quality import peers
from benchmarks.quality.peers import AlsSettings
from benchmarks.quality.personalization import user_peers
from benchmarks.quality.stores import Store
from benchmarks.quality.training import Trainer, Untrained

from openpersonalize.domain import evaluation
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.training import Task, Trained

Metrics = Mapping[str, float]


@dataclass(frozen=True)
class OwnMetrics:
    """By recipe or peer its metrics; `seconds` of our recipes' trainings on all data."""

    ours: Mapping[str, Metrics | Untrained]
    peers: Mapping[str, Metrics]
    seconds: Mapping[str, float]


def own_metrics(store: Store, trainer: Trainer, settings: AlsSettings) -> OwnMetrics:
    """Train every custom recipe on everything; domain recipes have the same trainers.

    `settings`: of the tuned ALS.
    """
    names = [name for name, recipe in RECIPES.items() if recipe.domain is None and not recipe.is_legacy]
    ours: dict[str, Metrics | Untrained] = {}
    seconds: dict[str, float] = {}
    for name in names:
        trained = trainer.train(name, store.interactions, store.records, "own metrics")
        ours[name] = trained.metrics if isinstance(trained, Trained) else trained
        if isinstance(trained, Trained):
            seconds[name] = trainer.seconds[name]
    return OwnMetrics(ours, _of_peers(store, settings), seconds)


def _of_peers(store: Store, settings: AlsSettings) -> dict[str, Metrics]:
    """The same split as that of our trainings, whose seed is 0 too."""
    task = Task(store.interactions, {})
    histories = store.interactions.histories
    found: dict[str, Metrics] = {}
    for name, peer in user_peers(task.training_part, settings).items():
        lists, targets = [], []
        for user, n_given in zip(task.held_out.users.tolist(), task.held_out.n_given.tolist(), strict=True):
            items = histories.items_of(user)
            given = items[:n_given] if peer.n_newest is None else items[:n_given][-peer.n_newest :]
            lists.append(peers.best_unseen(peer, given, items[:n_given]))
            targets.append(items[n_given:])
        found[name] = evaluation.metrics(lists, targets, store.interactions.n_items)
    return found
