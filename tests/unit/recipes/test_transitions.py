"""What follows what, counted on histories short enough to reckon by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from openpersonalize.models.transitions import TransitionPart
from openpersonalize.recipes import transitions
from openpersonalize.recipes.interactions import Interactions
from tests.planted import interactions_of


def _count(interactions: Interactions, n_threads: int = 1) -> TransitionPart:
    return transitions.count(
        interactions, 32, has_recency=True, weight=1.0, n_threads=n_threads, report=lambda share: None
    )


def _dense(part: TransitionPart) -> NDArray[np.float64]:
    n_items = len(part.starts) - 1
    dense = np.zeros((n_items, n_items))
    for seed in range(n_items):
        row = slice(part.starts[seed], part.starts[seed + 1])
        dense[seed, part.followers[row]] = part.strengths[row]
    return dense


def _by_the_formula(interactions: Interactions) -> NDArray[np.float64]:
    n_items, histories = interactions.n_items, interactions.histories
    sums = np.zeros((n_items, n_items))
    for user in range(interactions.n_users):
        items, times = histories.items_of(user), histories.times_of(user)
        for place in range(len(items)):
            for later in range(place + 1, min(place + 21, len(items))):
                amount = (later - place) ** -0.5 * (1.0 + (times[later] - times[place]) / 60.0) ** -0.3
                if items[place] != items[later]:
                    sums[items[place], items[later]] += amount
                    sums[items[later], items[place]] += 0.3 * amount
    totals = sums.sum(axis=1, keepdims=True)
    return np.asarray(sums / (totals + 100.0) ** 0.5 / (interactions.users_by_item + 1.0) ** 0.3, np.float64)


def _random(n_users: int, n_items: int, n_events: int) -> Interactions:
    generator = np.random.default_rng(0)
    return interactions_of([generator.integers(0, n_items, n_events) for _ in range(n_users)], n_items)


def test_strengths_are_those_of_the_formula_but_for_steps_in_time() -> None:
    """Items repeat, and some events are more than 20 apart."""
    interactions = _random(30, 15, 40)

    found, wanted = _dense(_count(interactions)), _by_the_formula(interactions)
    assert np.array_equal(found > 0, wanted > 0)
    assert np.all(np.diag(found) == 0.0)
    assert found == pytest.approx(wanted, rel=0.04)


def test_the_strongest_followers_are_kept_however_many_threads_count() -> None:
    interactions = _random(200, 300, 60)
    wanted = _by_the_formula(interactions)

    parts = [_count(interactions, n_threads) for n_threads in (1, 3)]
    counts = np.diff(parts[0].starts)
    found = _dense(parts[0])
    assert counts.max() == transitions.N_FOLLOWERS
    for seed in np.flatnonzero(counts == transitions.N_FOLLOWERS)[:20]:
        kept, left = found[seed] > 0, (found[seed] == 0) & (wanted[seed] > 0)
        assert wanted[seed, kept].min() > 0.9 * wanted[seed, left].max(initial=0.0)
    assert np.array_equal(parts[0].followers, parts[1].followers)
    assert np.array_equal(parts[0].strengths, parts[1].strengths)


def test_some_events_of_a_frequent_item_stand_for_all() -> None:
    """Item 0 is in 2,500 histories, before 1 in most and before 2 in some."""
    histories = [np.array([0, 1])] * 2000 + [np.array([0, 2])] * 500
    interactions = interactions_of(histories, 3)

    found, wanted = _dense(_count(interactions)), _by_the_formula(interactions)
    assert found[0] == pytest.approx(wanted[0], rel=0.06)
