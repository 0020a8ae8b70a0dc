"""Who trains which recipe; loads implicit and polars, so the worker's training child alone imports it."""

from collections.abc import Callable, Mapping

from openpersonalize.recipes import als, cooccurrence, popularity
from openpersonalize.recipes.training import Task, Trained

TRAINERS: Mapping[str, Callable[[Task], Trained]] = {
    "aws-user-personalization": als.train,
    "aws-personalized-ranking": als.train,
    "aws-popularity-count": popularity.train,
    "aws-sims": cooccurrence.train,
    "aws-vod-most-popular": popularity.train,
    "aws-ecomm-popular-items-by-views": popularity.train_by_events,
}
"""By recipe name; a recipe of the catalogue that is not here is not built yet."""
