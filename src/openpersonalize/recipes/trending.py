"""The recipes of the items that grow fastest, the same for everybody (reference/recipes.md §1.7).

The interactions of two successive windows are compared. The newer one ends at the newest TIMESTAMP that is
known, so that an old data set has trends too. An item of `before` and `now` interactions in them has the
trend

    (now - before) / sqrt(now + before + 1)

which is its growth in standard deviations of a count that does not change: of two counts of one Poisson rate
the difference has the variance now + before. So 0 to 1 (0.7) stands behind 100 to 200 (5.8), and 1000 to 1100
(2.2) behind 5 to 80 (8.1). Items of equal trend, as those without interactions in both windows, stand in the
order of their popularity.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from openpersonalize.domain.evaluation import LIST_LENGTH
from openpersonalize.models import PopularityModel
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.popularity import places_of
from openpersonalize.models.ranker import Question
from openpersonalize.recipes import memory
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.recipe import POPULAR_ITEMS, VIDEO, Hyperparameter, Recipe, Value, Where
from openpersonalize.recipes.training import Task, Trained

FREQUENCY, DEFAULT = "trend_discovery_frequency", "2 hours"
WINDOWS_S = {"30 minutes": 1_800, "1 hour": 3_600, "2 hours": 7_200, "3 hours": 10_800, "1 day": 86_400}
EVERY_S = 7_200.0
"""How often trends of longer windows are looked for."""


def train(task: Task) -> Trained:
    """Order the items by their trend at the newest interaction."""
    window_s = _window_s(task.settings)
    task.progress("evaluating", 40.0)
    part = _model(task.training_part, window_s)
    metrics = task.evaluate(part) | {"trend_prediction_accuracy": accuracy(task.interactions, window_s)}
    if task.is_trial:
        return Trained(part, metrics)
    task.progress("training on all data", 80.0)
    return Trained(_model(task.interactions, window_s), metrics)


def update(task: Task) -> Trained:
    """Order the items by their trend as of now; nothing of the model before matters. It has no metrics."""
    task.progress("looking for trends", 50.0)
    return Trained(_model(task.interactions, _window_s(task.settings)), {})


def evaluated_every_s(settings: Mapping[str, Value]) -> float:
    """Return after how many seconds trends are looked for again: after a window, or two hours."""
    return min(EVERY_S, float(_window_s(settings)))


def _window_s(settings: Mapping[str, Value]) -> int:
    return WINDOWS_S[str(settings.get(FREQUENCY, DEFAULT))]


def _model(interactions: Interactions, window_s: int) -> PopularityModel:
    order = by_trend(interactions, _end(interactions), window_s)
    return PopularityModel(
        items=interactions.items, users=IdIndex.build([]), order=order, places=places_of(order)
    )


def _end(interactions: Interactions) -> int:
    """Return the newest TIMESTAMP, in epoch seconds."""
    return int(interactions.histories.times.max(initial=0))


def by_trend(interactions: Interactions, end: int, window_s: int) -> NDArray[np.int32]:
    """Return all item rows as int32, highest trend at a time first.

    Equal trends stand in the order of all interactions up to that time, and those in item order.
    """
    before, now = _counts(interactions, end - window_s, window_s), _counts(interactions, end, window_s)
    trend = (now - before) / np.sqrt(now + before + 1.0)
    known = interactions.histories.items[interactions.histories.times <= end]
    popularity = np.bincount(known, minlength=interactions.n_items)
    return np.lexsort((-popularity, -trend)).astype(np.int32)


def _counts(interactions: Interactions, end: int, window_s: int) -> NDArray[np.int64]:
    """Return the interactions of a window by item, int64; its end belongs to it, its beginning does not."""
    times = interactions.histories.times
    items = interactions.histories.items[(times > end - window_s) & (times <= end)]
    return np.bincount(items, minlength=interactions.n_items).astype(np.int64)


def accuracy(interactions: Interactions, window_s: int) -> float:
    """Return `trend_prediction_accuracy`, in [0, 1], rounded to four decimals.

    The newest window is held out: the 25 items that trend at its beginning are recommended, and the growth of
    their interactions in it, over that of the window before, is divided by that of the 25 that grow most.
    0 where nothing grows, or what is recommended shrinks.
    """
    end = _end(interactions)
    begin = end - window_s
    growth = _counts(interactions, end, window_s) - _counts(interactions, begin, window_s)
    most = np.sort(np.maximum(growth, 0))[::-1][:LIST_LENGTH].sum()
    predicted = growth[by_trend(interactions, begin, window_s)[:LIST_LENGTH]].sum()
    return round(max(0.0, float(predicted / most)), 4) if most > 0 else 0.0


RECIPES = (
    Recipe(
        "aws-trending-now",
        POPULAR_ITEMS,
        "Recommends the items whose interactions grow fastest.",
        algorithm="aws-trending-now-custom",
        hyperparameters=(Hyperparameter(FREQUENCY, DEFAULT, values=tuple(WINDOWS_S), where=Where.FEATURES),),
        question=Question.POPULAR_ITEMS,
        train=train,
        model=PopularityModel,
        update=update,
        update_every_s=evaluated_every_s,
        memory=memory.popularity,
    ),
    Recipe(
        "aws-vod-trending-now",
        POPULAR_ITEMS,
        "Recommends the videos that grow fastest.",
        domain=VIDEO,
        question=Question.POPULAR_ITEMS,
        train=train,
        model=PopularityModel,
        update=update,
        update_every_s=evaluated_every_s,
        memory=memory.popularity,
    ),
)
