"""What the number of users weighs in a pair is chosen by what it finds."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from openpersonalize.recipes import pair_choice, pairs
from openpersonalize.recipes.cooccurrence import FOLLOWING
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.pairs import Pairs
from tests.planted import interactions_of, taste_store

N_SHELVES, ITEMS_PER_SHELF = 8, 40


def _count(interactions: Interactions, share: float, seeds: NDArray[np.int64] | None) -> Pairs:
    return pairs.count(
        interactions,
        FOLLOWING,
        np.ones(interactions.n_items),
        minimum=1,
        n_threads=1,
        report=lambda _: None,
        users_share=share,
        seeds=seeds,
    )


def _chosen(interactions: Interactions) -> float:
    return pair_choice.choose(interactions, _count, seed=0, report=lambda _: None)


def _tastes(n_users: int = 300) -> Interactions:
    return taste_store(n_users=n_users, n_clusters=3, items_per_cluster=150, events_per_user=40).interactions


def _visits(n_users: int = 200, n_visits: int = 12, events_per_visit: int = 3) -> Interactions:
    """Every visit is to one shelf, at random, so only what is near is related."""
    generator = np.random.default_rng(0)
    histories = []
    for _ in range(n_users):
        shelves = generator.integers(0, N_SHELVES, n_visits)
        items = [generator.choice(ITEMS_PER_SHELF, events_per_visit, replace=False) for _ in shelves]
        histories.append(np.repeat(ITEMS_PER_SHELF * shelves, events_per_visit) + np.concatenate(items))
    return interactions_of(histories, N_SHELVES * ITEMS_PER_SHELF)


def test_tastes_without_order_let_users_count() -> None:
    assert _chosen(_tastes()) > 0.0


def test_visits_of_one_shelf_let_only_nearness_count() -> None:
    assert _chosen(_visits()) == 0.0


def test_what_finds_a_little_more_by_chance_is_not_chosen() -> None:
    store = taste_store(n_users=12, n_clusters=3, items_per_cluster=80, events_per_user=40)
    assert _chosen(store.interactions) == 0.0


@pytest.mark.parametrize("histories", [[[]], [[0]], [[0, 0, 0, 0]]])
def test_where_nothing_can_be_asked_nearness_alone_counts(histories: Sequence[Sequence[int]]) -> None:
    assert _chosen(interactions_of([np.array(own, np.int64) for own in histories], 2)) == 0.0


def test_the_choice_is_the_same_every_time_also_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_choice, "MOST_EVENTS", 5_000)
    interactions = _tastes()
    assert _chosen(interactions) == _chosen(interactions)


def test_some_seeds_have_the_neighbours_that_they_have_among_all() -> None:
    interactions, seeds = _visits(n_users=40), np.array([3, 77, 300])
    some, every = (_count(interactions, 0.5, wanted) for wanted in (seeds, None))

    for place, seed in enumerate(seeds.tolist()):
        own = some.neighbours[some.starts[place] : some.starts[place + 1]]
        assert own.tolist() == every.neighbours[every.starts[seed] : every.starts[seed + 1]].tolist()


def test_users_outweigh_nearness_where_they_weigh_more() -> None:
    """1 is next to 0 for two users; 2 comes fifteen events later for five."""
    far = [np.array([0, *range(3 + 14 * user, 17 + 14 * user), 2]) for user in range(5)]
    interactions = interactions_of([np.array([0, 1])] * 2 + far, 80)
    best = {share: int(_count(interactions, share, np.array([0])).neighbours[0]) for share in (0.0, 0.8)}

    assert best == {0.0: 1, 0.8: 2}
