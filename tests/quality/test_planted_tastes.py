"""On stores with planted tastes and habits, the served lists follow them."""

from functools import cache

import numpy as np
import pytest

from openpersonalize.models import BlendModel, Query
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.training import Task
from tests.planted import Store, taste_store
from tests.trainers import TRAINERS

N_PLANTED = 100


@cache
def _trained(repeat_share: float) -> tuple[Store, BlendModel]:
    store = taste_store(repeat_share=repeat_share)
    settings = validate_hyperparameters(RECIPES["aws-user-personalization"], {}, {})
    trained = TRAINERS["aws-user-personalization"](Task(store.interactions, settings, n_threads=2))
    assert isinstance(trained.model, BlendModel)
    return store, trained.model


@pytest.mark.parametrize("is_known", [True, False])
def test_three_events_in_a_new_cluster_turn_the_list(is_known: bool) -> None:
    """Known users have 20 earlier events, all of another cluster."""
    store, model = _trained(0.0)
    generator = np.random.default_rng(1)
    n_turned = 0
    for user in range(N_PLANTED):
        own = int(store.clusters[model.histories.items_of(user)[0]])
        new = (own + 1 + int(generator.integers(7))) % 8
        events = generator.choice(store.items_of(new), 3, replace=False)
        ranked = model.recommend(Query(user=user if is_known else -1, recent=events), 10)
        n_turned += int((store.clusters[ranked.items] == new).sum()) >= 5

    assert n_turned >= 90


def test_known_users_get_their_own_cluster() -> None:
    store, model = _trained(0.0)
    shares = [
        (
            store.clusters[model.recommend(Query(user=user), 10).items]
            == store.clusters[model.histories.items_of(user)[0]]
        ).mean()
        for user in range(N_PLANTED)
    ]

    assert np.mean(shares) > 0.95


def _share_of_seen(model: BlendModel) -> float:
    return float(
        np.mean(
            [
                np.isin(model.recommend(Query(user=user), 25).items, model.histories.items_of(user)).mean()
                for user in range(len(model.users))
            ]
        )
    )


def test_where_30_percent_of_events_repeat_so_do_20_to_40_percent_of_the_lists() -> None:
    _, model = _trained(0.3)

    assert 0.2 <= _share_of_seen(model) <= 0.4


def test_where_nothing_repeats_lists_are_new_items() -> None:
    _, model = _trained(0.0)

    assert _share_of_seen(model) == 0.0


def test_served_scores_are_honest_probabilities() -> None:
    """Next events of new users, predicted from 10 earlier ones: likelier than under other distributions.

    And calibrated: where the model says p, a share of about p comes true.
    """
    _, model = _trained(0.3)
    fresh = taste_store(repeat_share=0.3, seed=99).interactions
    log_model, log_popular, said, came = [], [], [], []
    for user in range(fresh.n_users):
        items = fresh.histories.items_of(user)
        ranked = model.recommend(Query(recent=items[:10]), fresh.n_items)
        assert ranked.scores is not None
        by_item = np.empty(fresh.n_items)
        by_item[ranked.items] = ranked.scores
        log_model.append(np.log(by_item[items[10]]))
        log_popular.append(model.cold.logs[items[10]])
        said.append(ranked.scores[:20].sum())
        came.append(items[10] in ranked.items[:20])
    uniform = -np.log(fresh.n_items)

    assert np.mean(log_model) > uniform + 1.0
    assert np.mean(log_model) > np.mean(log_popular) + 1.0
    assert np.mean(said) == pytest.approx(np.mean(came), abs=0.1)
