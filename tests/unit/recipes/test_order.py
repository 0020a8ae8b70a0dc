"""Transitions lead a blend only where the order of events says something."""

import numpy as np
import pytest

from openpersonalize.models import BlendModel
from openpersonalize.recipes import blend
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.training import Task
from tests.planted import interactions_of, taste_store

SETTINGS = validate_hyperparameters(RECIPES["aws-user-personalization"], {}, {})


def weight_of_transitions(interactions: Interactions) -> float:
    model = blend.train(Task(interactions, SETTINGS, is_trial=True)).model
    assert isinstance(model, BlendModel)
    return model.transitions.weight


@pytest.mark.parametrize("seed", [0, 1])
def test_tastes_without_an_order_give_transitions_little_weight(seed: int) -> None:
    store = taste_store(n_users=80, n_clusters=4, items_per_cluster=20, events_per_user=12, seed=seed)

    assert weight_of_transitions(store.interactions) == blend.CHANCE_WEIGHT


def test_items_that_follow_each_other_give_transitions_their_weight() -> None:
    """Everybody goes once round the same circle of items, from a place of their own."""
    generator = np.random.default_rng(0)
    circle = generator.permutation(60)
    histories = [
        np.roll(circle, -int(start))[:15].astype(np.int64) for start in generator.integers(60, size=80)
    ]

    assert weight_of_transitions(interactions_of(histories, 60)) == blend.TRANSITIONS_WEIGHT


def test_a_handful_of_users_says_nothing_of_order_and_keeps_the_weight() -> None:
    store = taste_store(n_users=20, n_clusters=4, items_per_cluster=20, events_per_user=12)

    assert weight_of_transitions(store.interactions) == blend.TRANSITIONS_WEIGHT
