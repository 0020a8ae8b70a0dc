"""Trains aws-popularity-count: items by the number of distinct users who interacted with them."""

from openpersonalize.models import PopularityModel
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.popularity import by_popularity, places_of
from openpersonalize.recipes.training import Task, Trained
from openpersonalize.recipes.training_data import Interactions


def train(task: Task) -> Trained:
    """Count users by item."""
    task.progress("evaluating", 40.0)
    metrics = task.evaluate(_count(task.training_part))
    task.progress("training on all data", 80.0)
    return Trained(_count(task.interactions), metrics)


def _count(interactions: Interactions) -> PopularityModel:
    order = by_popularity(interactions.users_by_item)
    return PopularityModel(
        items=interactions.items, users=IdIndex.build([]), order=order, places=places_of(order)
    )
