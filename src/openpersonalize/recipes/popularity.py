"""Trains the recipes of popular items, the same for everybody: they differ in what they count."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models import PopularityModel
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.popularity import by_popularity, places_of
from openpersonalize.models.ranker import Question
from openpersonalize.recipes import memory
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.recipe import POPULAR_ITEMS, SHOP, USER_PERSONALIZATION, VIDEO, Recipe
from openpersonalize.recipes.training import Task, Trained

POPULARITY_COUNT_TYPE = USER_PERSONALIZATION
"""AWS's pages disagree; this is what the recipe's own page says."""

_Counts = Callable[[Interactions], NDArray[np.int64]]


def train(task: Task) -> Trained:
    """Order the items by the number of distinct users who interacted with them."""
    return _train(task, lambda interactions: interactions.users_by_item)


def train_by_events(task: Task) -> Trained:
    """Order the items by the number of interactions, however often one user had them."""
    return _train(task, _events_by_item)


def _train(task: Task, counts_of: _Counts) -> Trained:
    task.progress("evaluating", 40.0)
    metrics = task.evaluate(_model(task.training_part, counts_of))
    task.progress("training on all data", 80.0)
    return Trained(_model(task.interactions, counts_of), metrics)


def _events_by_item(interactions: Interactions) -> NDArray[np.int64]:
    return np.bincount(interactions.histories.items, minlength=interactions.n_items).astype(np.int64)


def _model(interactions: Interactions, counts_of: _Counts) -> PopularityModel:
    order = by_popularity(counts_of(interactions))
    return PopularityModel(
        items=interactions.items, users=IdIndex.build([]), order=order, places=places_of(order)
    )


def _recipe(name: str, recipe_type: str, description: str, **more: Any) -> Recipe:
    return Recipe(
        name,
        recipe_type,
        description,
        question=Question.POPULAR_ITEMS,
        model=PopularityModel,
        memory=memory.popularity,
        **more,
    )


RECIPES = (
    _recipe(
        "aws-popularity-count",
        POPULARITY_COUNT_TYPE,
        "Recommends the items that most users interacted with, the same to everybody.",
        feature_transformation="sims",
        train=train,
    ),
    _recipe(
        "aws-vod-most-popular",
        POPULAR_ITEMS,
        "Recommends the videos that most users watched.",
        domain=VIDEO,
        event_type="Watch",
        needs_user=True,
        train=train,
    ),
    _recipe(
        "aws-ecomm-popular-items-by-views",
        POPULAR_ITEMS,
        "Recommends the most viewed items.",
        domain=SHOP,
        event_type="View",
        needs_user=True,
        train=train_by_events,
    ),
    _recipe(
        "aws-ecomm-popular-items-by-purchases",
        POPULAR_ITEMS,
        "Recommends the most purchased items.",
        domain=SHOP,
        event_type="Purchase",
        needs_user=True,
        train=train_by_events,
    ),
)
