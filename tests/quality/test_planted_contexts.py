"""On stores in which the device decides what is taken, the context of a request decides what is shown."""

import dataclasses
from functools import cache

import numpy as np
import pytest

from openpersonalize.models import BlendModel, Query
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.training import Task
from tests.planted import Store, device_store, taste_store, with_contexts
from tests.trainers import CONTEXTUAL, TRAINERS

USERS = range(0, 400, 7)


def _trained(store: Store, recipe: str = "aws-user-personalization") -> BlendModel:
    settings = validate_hyperparameters(RECIPES[recipe], {"hidden_dimension": "32"}, {})
    model = TRAINERS[recipe](Task(store.interactions, settings, n_threads=2)).model
    assert isinstance(model, BlendModel)
    return model


@cache
def _of_devices(recipe: str = "aws-user-personalization", faith: float = 0.98) -> tuple[Store, BlendModel]:
    store = device_store(faith=faith)
    return store, _trained(store, recipe)


def _top(model: BlendModel, user: int, **context: str) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    return model.recommend(Query(user=user, context=model.contexts.rows(context)), 10).items


def test_the_device_flips_the_top_ten_of_a_user_within_their_taste() -> None:
    store, model = _of_devices(faith=1.0)
    for user in USERS:
        own = store.clusters[model.histories.items_of(user)[0]]
        phone, desktop = _top(model, user, DEVICE="phone"), _top(model, user, DEVICE="desktop")

        assert set((phone % 2).tolist()) == {0}, user
        assert set((desktop % 2).tolist()) == {1}, user
        assert (store.clusters[np.concatenate([phone, desktop])] == own).mean() >= 0.9


def test_where_one_event_in_fifty_is_on_the_other_device_lists_follow_the_device_too() -> None:
    _, model = _of_devices()
    shares = [
        (_top(model, user, DEVICE=device) % 2 == parity).mean()
        for user in USERS
        for device, parity in (("phone", 0), ("desktop", 1))
    ]

    assert np.mean(shares) >= 0.97


def test_without_a_context_a_list_is_of_both_kinds() -> None:
    _, model = _of_devices()
    shares = [(_top(model, user) % 2 == 0).mean() for user in USERS]

    assert np.mean(shares) == pytest.approx(0.5, abs=0.1)
    assert min(shares) > 0.0
    assert max(shares) < 1.0


def test_the_device_flips_the_list_of_whoever_has_no_events() -> None:
    _, model = _of_devices()

    assert (_top(model, -1, DEVICE="phone") % 2 == 0).all()
    assert (_top(model, -1, DEVICE="desktop") % 2 == 1).all()
    assert 2 <= (_top(model, -1) % 2 == 0).sum() <= 8


@pytest.mark.parametrize("user", [-1, 0, 123])
def test_the_device_decides_the_order_of_given_items(user: int) -> None:
    store, model = _of_devices("aws-personalized-ranking", faith=1.0)
    seen = model.histories.items_of(user)
    cluster = int(store.clusters[seen[0]]) if user >= 0 else 3
    given = np.setdiff1d(store.items_of(cluster), seen)
    for device, parity in (("phone", 0), ("desktop", 1)):
        ranked = model.rank(Query(user=user, context=model.contexts.rows({"DEVICE": device})), given)

        assert set((ranked.items[:10] % 2).tolist()) == {parity}
        assert ranked.scores is not None
        assert ranked.scores.sum() == pytest.approx(1.0, abs=1e-5)


def test_scores_in_a_context_are_honest_probabilities() -> None:
    """The next event of new users on a device is likelier than without it, and as likely as the lists say."""
    _, model = _of_devices()
    fresh = device_store(seed=99).interactions
    codes, devices = fresh.contexts.codes[:, 0], fresh.contexts.values["DEVICE"]
    gains, said, came = [], [], []
    for user in range(fresh.n_users):
        first = fresh.histories.starts[user]
        items, target = fresh.histories.items[first : first + 10], int(fresh.histories.items[first + 10])
        context = model.contexts.rows({"DEVICE": devices[codes[first + 10]]})
        logs = []
        for rows in (context, context[:0]):
            ranked = model.recommend(Query(recent=items, context=rows), fresh.n_items)
            assert ranked.scores is not None
            logs.append(np.log(ranked.scores[ranked.items == target][0]))
            if len(rows):
                said.append(ranked.scores[:10].sum())
                came.append(target in ranked.items[:10])
        gains.append(logs[0] - logs[1])

    assert np.mean(gains) > 0.25
    assert np.mean(said) == pytest.approx(np.mean(came), abs=0.1)


def test_a_value_that_never_occurred_changes_nothing() -> None:
    _, model = _of_devices()
    for user in (-1, 0):
        without = model.recommend(Query(user=user), 480)
        unknown = model.recommend(Query(user=user, context=model.contexts.rows({"DEVICE": "watch"})), 480)

        assert np.array_equal(without.items, unknown.items)
        assert np.array_equal(without.scores, unknown.scores)


def test_columns_that_say_nothing_of_items_leave_the_model_as_it_is() -> None:
    """Values at random, few and many, one value for all, and an id of each event."""
    store = taste_store()
    generator = np.random.default_rng(5)
    n_events = store.interactions.n_events
    noisy = with_contexts(
        store,
        COIN=generator.integers(0, 2, n_events).astype(str).tolist(),
        DIE=generator.integers(0, 200, n_events).astype(str).tolist(),
        SAME=["x"] * n_events,
        EMPTY=[None] * n_events,
        EVENT=[str(event) for event in range(n_events)],
    )
    plain, model = _trained(store), _trained(noisy)

    assert model.contexts.columns == ("COIN", "DIE", "SAME", "EMPTY", "EVENT")
    assert len(model.contexts.values) == 0
    for field in dataclasses.fields(BlendModel):
        ours, theirs = getattr(model, field.name), getattr(plain, field.name)
        if isinstance(ours, np.ndarray):
            assert np.array_equal(ours, theirs), field.name
    assert (model.temperature, model.seen_penalty) == (plain.temperature, plain.seen_penalty)


def test_a_column_that_helps_counts_beside_one_that_does_not() -> None:
    store = device_store()
    contexts = store.interactions.contexts
    devices = [contexts.values["DEVICE"][code] for code in contexts.codes[:, 0].tolist()]
    coins = np.random.default_rng(5).integers(0, 2, len(devices)).astype(str).tolist()
    model = _trained(with_contexts(store, COIN=coins, DEVICE=devices))

    assert model.contexts.values.texts(np.arange(len(model.contexts.values), dtype=np.int32)) == [
        "device=desktop",
        "device=phone",
    ]
    assert (_top(model, 0, COIN="1", DEVICE="phone") % 2 == 0).sum() >= 9


def test_recipes_that_use_contexts_are_trained_on_them() -> None:
    assert {name for name, train in TRAINERS.items() if train.__module__.endswith(".blend")} == CONTEXTUAL
