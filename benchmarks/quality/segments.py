"""Users for an item: item-affinity beside plain activity and ALS.

Two splits of each store's events: a random 20 %, and the newest 20 % of each user's. Items with five events
that are trained on, and one held out, are asked for; users who are known to have had the item are left out.
Recall: those of the item's held-out users who are in the top 1 % of users, over as many as could be.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from benchmarks.quality import peers
from benchmarks.quality.measures import Interval, mean, ratio
from benchmarks.quality.stores import Store
from benchmarks.quality.training import Trainer, Untrained
from numpy.typing import NDArray

from openpersonalize.domain.evaluation_users import is_held_out, n_best
from openpersonalize.models.segments import SegmentModel, best_users
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.training import Trained

RECIPE = "aws-item-affinity"
ACTIVITY, ALS = "activity of users", "implicit ALS, 64 factors"
LEAST_EVENTS = 5
HELD_OUT_SHARE = 0.2
SEED = 0
SPLITS = ("random 20 %", "newest 20 % of each user")

Floats = NDArray[np.float32]
Scores = Callable[[int], Floats]
"""The interest of every user in an item's row."""


@dataclass(frozen=True)
class Segments:
    """By model the recall of each item, in the same order; None where a model can't be trained."""

    recalls: dict[str, NDArray[np.float64] | Untrained]
    n_users: int
    """In the top 1 %."""

    def mean(self, name: str) -> Interval | Untrained:
        """Return a model's mean recall."""
        found = self.recalls[name]
        return found if isinstance(found, Untrained) else mean(found)

    def against(self, peer: str) -> Interval | Untrained:
        """Return the ratio of ours to a peer's."""
        return self.ratio(RECIPE, peer)

    def ratio(self, name: str, peer: str) -> Interval | Untrained:
        """Return the ratio of two models' recalls, resampling items."""
        ours, theirs = self.recalls[name], self.recalls[peer]
        if isinstance(ours, Untrained):
            return ours
        return theirs if isinstance(theirs, Untrained) else ratio(ours, theirs)


def segments(store: Store, trainer: Trainer) -> dict[str, Segments]:
    """Measure both splits."""
    is_drawn = np.random.default_rng(SEED).random(store.interactions.n_events) < HELD_OUT_SHARE
    is_newest = is_held_out(store.interactions.histories.starts)
    return {
        name: _segments(store, trainer, is_tested)
        for name, is_tested in zip(SPLITS, (is_drawn, is_newest), strict=True)
    }


def _segments(store: Store, trainer: Trainer, is_tested: NDArray[np.bool_]) -> Segments:
    before = store.interactions.select(~is_tested)
    had, wanted = _users_by_item(before), _users_by_item(store.interactions.select(is_tested))
    counts = np.bincount(before.histories.items, minlength=before.n_items)
    asked = [
        item
        for item in np.flatnonzero(counts >= LEAST_EVENTS).tolist()
        if len(np.setdiff1d(wanted[item], had[item]))
    ]
    k = n_best(before.n_users)
    recalls: dict[str, NDArray[np.float64] | Untrained] = {}
    trained = trainer.train(RECIPE, before, store.records, "segments")
    if isinstance(trained, Trained) and isinstance(trained.model, SegmentModel):
        recalls[RECIPE] = _recalls(trained.model.users_for_item, asked, had, wanted, k)
    else:
        recalls[RECIPE] = trained if isinstance(trained, Untrained) else Untrained("not built yet")
    activity = before.lengths.astype(np.float32)
    recalls[ACTIVITY] = _recalls(lambda item: activity, asked, had, wanted, k)
    als = peers.fit_als(before, peers.AlsSettings(64, 10.0, 2.0, 10))
    users = np.asarray(als.user_factors, np.float32)
    recalls[ALS] = _recalls(lambda item: users @ als.item_factors[item], asked, had, wanted, k)
    return Segments(recalls, k)


def _users_by_item(interactions: Interactions) -> list[NDArray[np.int32]]:
    """Return the different users of every item, rising."""
    by_item = interactions.matrix().tocsc()
    by_item.sort_indices()
    return np.split(by_item.indices, by_item.indptr[1:-1])


def _recalls(
    scores: Scores,
    asked: list[int],
    had: list[NDArray[np.int32]],
    wanted: list[NDArray[np.int32]],
    k: int,
) -> NDArray[np.float64]:
    found = np.zeros(len(asked))
    for number, item in enumerate(asked):
        interest = scores(item)
        allowed = np.ones(len(interest), np.bool_)
        allowed[had[item]] = False
        actual = wanted[item][allowed[wanted[item]]]
        shown = best_users(interest, allowed, k)
        found[number] = np.isin(shown, actual).sum() / min(k, len(actual))
    return found
