"""Lifts agree with the formula written out, and stay few."""

import numpy as np
import pytest

from openpersonalize.models import Contexts
from openpersonalize.recipes import lifts
from openpersonalize.recipes.lifts import LEAST_EXPECTED, PRIOR_EVENTS
from tests.planted import Store, device_store, taste_store, with_contexts


def _by_hand(store: Store, name: str) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """The formula for every value and item, small ones left out."""
    interactions = store.interactions
    place = list(interactions.contexts.values).index(name)
    codes, items = interactions.contexts.codes[:, place], interactions.histories.items
    counts = np.zeros((len(interactions.contexts.values[name]), interactions.n_items))
    np.add.at(counts, (codes[codes >= 0], items[codes >= 0]), 1)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    found = np.log((counts + PRIOR_EVENTS) / (expected + PRIOR_EVENTS))
    return np.where((counts > 0) | (expected >= LEAST_EXPECTED), found, 0.0)


def _two_columns() -> Store:
    """DEVICE with three values and none; SHOP with 40 values."""
    store = taste_store(n_users=50)
    generator = np.random.default_rng(3)
    n_events = store.interactions.n_events
    devices = generator.choice(["phone", "desktop", "tv", ""], n_events, p=[0.5, 0.3, 0.01, 0.19]).tolist()
    return with_contexts(
        store,
        DEVICE=[device or None for device in devices],
        SHOP=generator.integers(0, 40, n_events).astype(str).tolist(),
    )


@pytest.mark.parametrize(("place", "name"), [(0, "DEVICE"), (1, "SHOP")])
def test_lifts_are_those_of_the_formula(place: int, name: str) -> None:
    store = _two_columns()
    learnt = lifts.learn(store.interactions)
    expected = _by_hand(store, name)
    codes = np.array([-1, *range(len(expected))], np.int16)

    assert np.allclose(learnt.matrices[place].toarray(), expected, atol=1e-5)
    dense = learnt.dense(place, codes)
    assert not dense[0].any()
    assert np.allclose(dense[1:], expected, atol=1e-5)


def test_what_serves_holds_weighted_lifts_of_columns_that_have_a_weight() -> None:
    store = _two_columns()
    learnt = lifts.learn(store.interactions)
    both, one = learnt.weighted((0.5, 2.0)), learnt.weighted((0.0, 2.0))

    assert both.columns == one.columns == ("DEVICE", "SHOP")
    assert (len(both.values), len(one.values)) == (43, 40)
    zeros = np.zeros(store.interactions.n_items, np.float32)
    for served in (both, one):
        shop = served.lifted(zeros, served.rows({"SHOP": "7"}))
        assert np.allclose(shop, 2.0 * _by_hand(store, "SHOP")[learnt.values["SHOP"].index("7")], atol=1e-5)
    phone = both.lifted(zeros, both.rows({"DEVICE": "phone"}))
    assert np.allclose(phone, 0.5 * _by_hand(store, "DEVICE")[1], atol=1e-5)
    assert one.rows({"DEVICE": "phone"}).tolist() == []


def test_without_weights_or_columns_nothing_is_served() -> None:
    for store, columns in ((_two_columns(), ("DEVICE", "SHOP")), (taste_store(n_users=30), ())):
        contexts = lifts.learn(store.interactions).weighted(())

        assert isinstance(contexts, Contexts)
        assert (contexts.columns, len(contexts.values), len(contexts.lifts)) == (columns, 0, 0)


def test_an_id_like_column_has_few_lifts() -> None:
    """A thousand values and 480 items would be half a million."""
    store = taste_store()
    n_events = store.interactions.n_events
    store = with_contexts(store, VISIT=[str(event % 1000) for event in range(n_events)])
    learnt = lifts.learn(store.interactions)

    assert learnt.matrices[0].nnz <= 6 * n_events
    assert np.abs(learnt.matrices[0].data).max() < 2.0


def test_few_events_say_little() -> None:
    """Of 400 users' items by device, 20 users' say the same and are believed less."""
    many, few = (lifts.learn(device_store(n_users=n).interactions).matrices[0] for n in (400, 20))

    assert np.abs(few.toarray()).mean() < 0.5 * np.abs(many.toarray()).mean()
