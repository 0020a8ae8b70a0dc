"""What every trainer is given and returns: data, settings, progress and the offline test."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from openpersonalize.domain import evaluation
from openpersonalize.models import ItemRanker, Query, Ranker, UserRanker
from openpersonalize.models.action_events import ActionEvents
from openpersonalize.models.columns import ColumnTable
from openpersonalize.models.newness import Exploration, Newness
from openpersonalize.models.ranker import NO_ROWS
from openpersonalize.models.traits import Traits
from openpersonalize.recipes.interactions import Interactions

Settings = Mapping[str, int | float | bool | str]
Progress = Callable[[str, float], None]
"""Says which phase runs and how far the whole training is, in percent."""


def no_progress(phase: str, percent: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Trial:
    """One training of a search for hyperparameters: what it used, and what came of it."""

    parameters: Mapping[str, str]
    metric: float


@dataclass(frozen=True)
class Trained:
    """A model trained on all data, and the metrics of the same training without the test users.

    - `tuned`: the hyperparameters that a search has chosen, as texts; None without a search.
    - `trials`: all that the search has tried, in order.
    """

    model: Ranker
    metrics: Mapping[str, float]
    tuned: Mapping[str, str] | None = None
    trials: Sequence[Trial] = ()


@dataclass(frozen=True)
class Records:
    """The records of a dataset of items, users or actions, the newest of each id.

    - `table`: all columns of the schema.
    - `features`: the names of the columns that may be used as features, in the schema's order: numbers,
      categories and texts but those that the solution excludes; CREATION_TIMESTAMP and other reserved times
      are never among them.
    - `textual`: of these the columns of free text.
    - `item_name`: the column of items' names, which the schema flags; None without one.
    """

    table: ColumnTable
    features: tuple[str, ...] = ()
    textual: tuple[str, ...] = ()
    item_name: str | None = None


@dataclass(frozen=True)
class Objective:
    """What recommendations are to raise beside relevance: a numeric column of Items; LOW, MEDIUM or HIGH."""

    item_attribute: str
    sensitivity: str


@dataclass(frozen=True)
class Task:
    """One training.

    - `settings`: all hyperparameters of the recipe by name, checked and of their types.
    - `n_threads`: how many threads may train; the same seed and threads give the same bytes.
    - `records`: by type of dataset, as far as the recipe names it in `tables` and the group has it.
    - `impressions`: int64 by item, how often it was shown; empty for recipes that do not explore.
    - `actions`: what users did with actions, for the recipe that recommends them; else nothing.
    - `previous`: what is to be updated, where `update` is called; else None.
    - `is_trial`: whether only the metrics are wanted; the model returned is then that of the training part.
    """

    interactions: Interactions
    settings: Settings
    seed: int = 0
    n_threads: int = 1
    progress: Progress = no_progress
    records: Mapping[str, Records] = field(default_factory=dict)
    impressions: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    actions: ActionEvents = field(default_factory=ActionEvents.none)
    objective: Objective | None = None
    previous: Ranker | None = None
    is_trial: bool = False

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
        """Return the eight metrics of a model that was trained on the training part."""
        return evaluation.metrics(*self.test_lists(model), self.interactions.n_items)

    def test_lists(self, model: Ranker) -> tuple[list[NDArray[np.int32]], list[NDArray[np.int32]]]:
        """Return by test user what the model recommends, and the items of the events held out.

        The model gets the oldest events of each test user as if they had just happened, and for a model of
        similar items the last of them is the seed.
        """
        starts, items, times = (
            self.interactions.histories.starts,
            self.interactions.histories.items,
            self.interactions.histories.times,
        )
        traits: Traits | None = getattr(model, "traits", None)
        lists, targets = [], []
        for user, n_given in zip(self.held_out.users.tolist(), self.held_out.n_given.tolist(), strict=True):
            first, end = starts[user], starts[user + 1]
            given = slice(first, first + n_given)
            query = Query(
                item=int(items[first + n_given - 1]),
                recent=items[given],
                recent_times=times[given],
                context=NO_ROWS if traits is None else traits.of_user(self.interactions.users.text(user)),
            )
            lists.append(_ask(model, query))
            targets.append(items[first + n_given : end])
        return lists, targets


def _ask(model: Ranker, query: Query) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    if isinstance(model, UserRanker):
        return _relevant(model, query, evaluation.LIST_LENGTH)
    if isinstance(model, ItemRanker):
        return model.similar(query, evaluation.LIST_LENGTH).items
    raise TypeError(f"{type(model).__name__} answers no question that the test asks.")


def _relevant(model: UserRanker, query: Query, k: int) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    """Return the best items, as they are shown without exploration: then none without interactions is."""
    newness: Newness | None = getattr(model, "newness", None)
    if newness is None or not newness.is_known:
        return model.recommend(query, k).items
    return Exploration.of(newness, 0.0, 1.0).relevant(partial(model.recommend, query), k, None).items
