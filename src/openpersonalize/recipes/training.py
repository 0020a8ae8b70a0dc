"""What every trainer is given and returns: data, settings, progress and the offline test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from openpersonalize.domain import evaluation
from openpersonalize.models import ItemRanker, Query, Ranker, UserRanker
from openpersonalize.recipes.training_data import Interactions

Settings = Mapping[str, int | float | bool | str]
Progress = Callable[[str, float], None]
"""Says which phase runs and how far the whole training is, in percent."""


def no_progress(phase: str, percent: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Trained:
    """A model trained on all data, and the metrics of the same training without the test users."""

    model: Ranker
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Task:
    """One training.

    - `settings`: all hyperparameters of the recipe by name, checked and of their types.
    - `n_threads`: how many threads may train; the same seed and threads give the same bytes.
    """

    interactions: Interactions
    settings: Settings
    seed: int = 0
    n_threads: int = 1
    progress: Progress = no_progress

    @cached_property
    def held_out(self) -> evaluation.HeldOut:
        """The test users; none where nothing would be left to train on."""
        lengths = self.interactions.lengths
        held_out = evaluation.hold_out(lengths, np.random.default_rng(self.seed))
        return held_out if len(held_out.users) < np.count_nonzero(lengths) else evaluation.NOBODY

    @cached_property
    def training_part(self) -> Interactions:
        """All data but the test users'."""
        return self.interactions.without_users(self.held_out.users)

    def evaluate(self, model: Ranker) -> dict[str, float]:
        """Return the eight metrics of a model that was trained on the training part.

        The model gets the oldest events of each test user as if they had just happened, and for a model of
        similar items the last of them is the seed.
        """
        starts, items, times = (
            self.interactions.histories.starts,
            self.interactions.histories.items,
            self.interactions.histories.times,
        )
        lists, targets = [], []
        for user, n_given in zip(self.held_out.users.tolist(), self.held_out.n_given.tolist(), strict=True):
            first, end = starts[user], starts[user + 1]
            given = slice(first, first + n_given)
            query = Query(
                item=int(items[first + n_given - 1]), recent=items[given], recent_times=times[given]
            )
            lists.append(_ask(model, query))
            targets.append(items[first + n_given : end])
        return evaluation.metrics(lists, targets, self.interactions.n_items)


def _ask(model: Ranker, query: Query) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    if isinstance(model, UserRanker):
        return model.recommend(query, evaluation.LIST_LENGTH).items
    if isinstance(model, ItemRanker):
        return model.similar(query, evaluation.LIST_LENGTH).items
    raise TypeError(f"{type(model).__name__} answers no question that the test asks.")
