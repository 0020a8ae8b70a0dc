"""What the recipes of related items learn: from order, from time, from metadata."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.domain.columns import Column
from openpersonalize.errors import InvalidInputException
from openpersonalize.models import NeighbourModel, Query
from openpersonalize.models.columns import ColumnTable
from openpersonalize.models.histories import Histories
from openpersonalize.recipes import embeddings
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.training import Records, Settings, Task, Trained
from tests.planted import FIRST_TIME, interactions_of, taste_store
from tests.trainers import TRAINERS

SIMS, SIMILAR = "aws-sims", "aws-similar-items"
WATCHED, VIEWED, BOUGHT, MORE_LIKE = (
    "aws-vod-because-you-watched-x",
    "aws-ecomm-customers-who-viewed-x-also-viewed",
    "aws-ecomm-frequently-bought-together",
    "aws-vod-more-like-x",
)
DAY_S = 86_400
N_CLUSTERS, N_WARM, N_COLD = 4, 30, 3
"""Items of a cluster, with and without interactions."""
GENRE = (Column("GENRE", "string", categorical=True), Column("STUDIO", "string", categorical=True))


def _train(recipe: str, interactions: Interactions, settings: Settings | None = None, **more: Any) -> Trained:
    known = validate_hyperparameters(RECIPES[recipe], {}, {}) | dict(settings or {})
    return TRAINERS[recipe](Task(interactions, known, n_threads=1, **more))


def _similar(trained: Trained, seed: int, k: int) -> list[int]:
    assert isinstance(trained.model, NeighbourModel)
    ranked = trained.model.similar(Query(item=seed), k)
    assert ranked.scores is None
    assert seed not in ranked.items
    found: list[int] = ranked.items.tolist()
    return found


def _half_cold() -> Interactions:
    """Tastes of four clusters; the last twelve items, three of each cluster, nobody had."""
    store = taste_store(n_users=80, n_clusters=N_CLUSTERS, items_per_cluster=N_WARM).interactions
    histories = [store.histories.items_of(user).astype(np.int64) for user in range(store.n_users)]
    return interactions_of(histories, N_CLUSTERS * (N_WARM + N_COLD))


CLUSTERS = np.repeat([*range(N_CLUSTERS)] * 2, [N_WARM] * N_CLUSTERS + [N_COLD] * N_CLUSTERS)
IS_COLD = np.arange(len(CLUSTERS)) >= N_CLUSTERS * N_WARM


def _records(*features: str) -> dict[str, Records]:
    """The genre of every item, which is its cluster; the studio says nothing."""
    rows: dict[str, dict[str, str | int | float | bool]] = {
        f"item-{row:04d}": {"GENRE": f"g{cluster}", "STUDIO": f"s{row % 5}"}
        for row, cluster in enumerate(CLUSTERS.tolist())
    }
    return {"ITEMS": Records(ColumnTable.build(GENRE, rows), features)}


def _share_of_cluster(trained: Trained, k: int = 10) -> float:
    """The mean share of neighbours of cold items that are of their own cluster."""
    seeds = np.flatnonzero(IS_COLD).tolist()
    return float(np.mean([CLUSTERS[_similar(trained, seed, k)] == CLUSTERS[seed] for seed in seeds]))


@pytest.mark.parametrize("recipe", [SIMILAR, MORE_LIKE])
def test_neighbours_that_only_metadata_reveals_are_found_by_metadata_alone(recipe: str) -> None:
    interactions = _half_cold()

    assert _share_of_cluster(_train(recipe, interactions, records=_records("GENRE"))) == 1.0
    assert _share_of_cluster(_train(recipe, interactions, records=_records("STUDIO"))) < 0.5
    assert _share_of_cluster(_train(recipe, interactions)) < 0.5


def test_the_other_recipes_know_nothing_of_items_without_interactions() -> None:
    interactions = _half_cold()

    for recipe in (SIMS, WATCHED, VIEWED, BOUGHT):
        trained = _train(recipe, interactions, records=_records("GENRE"))
        assert _share_of_cluster(trained) < 0.5
        assert _similar(trained, len(CLUSTERS) - 1, 5) == trained.model.popular[:5].tolist()


def test_items_without_interactions_are_neighbours_of_those_with() -> None:
    trained = _train(SIMILAR, _half_cold(), records=_records("GENRE"))
    seeds = range(0, N_CLUSTERS * N_WARM, 10)

    for seed in seeds:
        own = _similar(trained, seed, N_WARM + N_COLD - 1)
        assert np.all(CLUSTERS[own] == CLUSTERS[seed])
        assert IS_COLD[own].sum() == N_COLD


def test_an_item_of_few_interactions_lends_from_items_that_look_like_it() -> None:
    """The first item of each cluster keeps one interaction, by a user of the next cluster."""
    whole = _half_cold()
    histories = [whole.histories.items_of(user).astype(np.int64) for user in range(whole.n_users)]
    rare = N_WARM * np.arange(N_CLUSTERS)
    kept = [items[~np.isin(items, rare)] for items in histories]
    for cluster in range(N_CLUSTERS):
        user = (cluster + 1) % N_CLUSTERS
        kept[user] = np.append(kept[user], rare[cluster])
    interactions = interactions_of(kept, whole.n_items)
    with_metadata = _train(SIMILAR, interactions, records=_records("GENRE"))
    without = _train(SIMILAR, interactions)

    for seed in rare.tolist():
        assert np.mean(CLUSTERS[_similar(with_metadata, seed, 10)] == CLUSTERS[seed]) >= 0.6
        assert np.mean(CLUSTERS[_similar(without, seed, 10)] == CLUSTERS[seed]) <= 0.1


def test_metadata_take_nothing_from_items_of_many_interactions() -> None:
    """The studio, at random, is all that the metadata say; histories decide."""
    trained = _train(SIMILAR, _half_cold(), records=_records("STUDIO"))
    seeds = np.arange(0, N_CLUSTERS * N_WARM, 5)
    shares = [np.mean(CLUSTERS[_similar(trained, seed, 5)] == CLUSTERS[seed]) for seed in seeds.tolist()]

    assert np.mean(shares) > 0.95


def test_the_widths_and_the_discount_shape_the_model() -> None:
    interactions = _half_cold()
    usual = _train(SIMILAR, interactions, records=_records("GENRE", "STUDIO"))
    for name, value in (
        ("item_id_hidden_dim", 30),
        ("item_metadata_hidden_dim", 3),
        ("popularity_discount_factor", 1.0),
    ):
        other = _train(SIMILAR, interactions, {name: value}, records=_records("GENRE", "STUDIO"))
        assert not np.array_equal(other.model.neighbours, usual.model.neighbours)


NOT_THERE = ("min_cointeraction_count", "item_id_hidden_dim", "item_metadata_hidden_dim")


@pytest.mark.parametrize("name", NOT_THERE)
def test_similar_items_refuses_what_is_not_among_its_hyperparameters(name: str) -> None:
    with pytest.raises(InvalidInputException, match="Provide a hyperparameter that is used in the algorithm"):
        validate_hyperparameters(RECIPES[SIMILAR], {name: "5"}, {})


def _timed(baskets: list[list[tuple[int, int]]], n_items: int) -> Interactions:
    """Interactions of users given as lists of (item, seconds since the first)."""
    interactions = interactions_of([np.array([item for item, _ in one]) for one in baskets], n_items)
    times = np.array([FIRST_TIME + at for one in baskets for _, at in one], np.int64)
    histories = interactions.histories
    return Interactions(
        interactions.users, interactions.items, Histories(histories.starts, histories.items, times)
    )


@pytest.mark.parametrize(
    ("recipe", "expected"), [(SIMS, 2), (WATCHED, 2), (SIMILAR, 2), (VIEWED, 0), (BOUGHT, 0)]
)
def test_only_some_recipes_prefer_what_comes_next_to_what_came_before(recipe: str, expected: int) -> None:
    """0 before 1 before 2, an hour apart; where order says nothing the first row stands first."""
    everything = {"min_item_interaction_count_percentile": 0.0, "max_item_interaction_count_percentile": 1.0}
    interactions = _timed([[(0, 0), (1, 3600), (2, 7200)]] * 30 + [[(3, 0), (4, 9)]] * 30, 5)

    assert _similar(_train(recipe, interactions, everything), 1, 1) == [expected]


@pytest.mark.parametrize(("recipe", "expected"), [(BOUGHT, 1), (VIEWED, 2)])
def test_bought_together_is_bought_on_one_day_and_viewed_also_is_viewed_nearby(
    recipe: str, expected: int
) -> None:
    """0 shares its basket with 1, others between them; 2 is the very next purchase, three days later."""
    baskets = [
        [(1, 0), (3 + user % 20, 0), (23 + user % 19, 0), (0, 60), (2, 3 * DAY_S)] for user in range(60)
    ]

    assert _similar(_train(recipe, _timed(baskets, 42)), 0, 1) == [expected]


def test_what_is_bought_sooner_after_another_on_one_day_is_more_together() -> None:
    baskets = [[(0, 0), (1, 20 * 3600), (2, 20 * 3600)]] * 30 + [[(0, 0), (2, 600), (3, 0)]] * 2

    assert _similar(_train(BOUGHT, _timed(baskets, 4)), 0, 3) == [2, 1, 3]


def test_purchases_of_another_day_count_next_to_nothing() -> None:
    """Two users bought 1 twenty hours after 0; eight bought 2 thirty hours after it."""
    baskets = [[(0, 0), (1, 20 * 3600)]] * 2 + [[(0, 0), (2, 30 * 3600)]] * 8

    assert _similar(_train(BOUGHT, _timed(baskets, 3)), 0, 2) == [1, 2]


def _of_genres(genres: str) -> dict[str, Records]:
    """The genre of each item by a letter."""
    rows: dict[str, dict[str, str | int | float | bool]] = {
        f"item-{row:04d}": {"GENRE": genre} for row, genre in enumerate(genres)
    }
    return {"ITEMS": Records(ColumnTable.build(GENRE, rows), ("GENRE",))}


@pytest.mark.parametrize(("genres", "expected"), [("aabb", 1), ("abab", 2)])
def test_of_equally_near_items_the_one_of_the_same_genre_is_more_similar(genres: str, expected: int) -> None:
    interactions = _timed([[(0, 0), (1, 60)], [(0, 0), (2, 60)], [(3, 0), (2, 9)], [(3, 0), (1, 9)]] * 20, 4)

    assert _similar(_train(SIMILAR, interactions, records=_of_genres(genres)), 0, 1) == [expected]


def test_what_follows_items_that_look_like_a_cold_one_follows_it() -> None:
    """3 follows 0, 1 and 2; 4 has their genre, and nobody had it."""
    interactions = _timed([[(user % 3, 0), (3, 60), (5, 9000 + user)] for user in range(60)], 6)

    assert _similar(_train(SIMILAR, interactions, records=_of_genres("aaabab")), 4, 1) == [3]


def test_companions_are_the_nearest_items_of_enough_interactions() -> None:
    vectors = np.eye(3, dtype=np.float32)[[0] * 30 + [1] * 30 + [0, 2]]
    counts = np.array([*range(1, 31), *range(1, 31), 0, 0])
    near = embeddings.companions(vectors, counts, 5.0)

    assert sorted(near[60].indices.tolist()) == list(range(10, 30))
    assert near.sum(axis=1)[60, 0] == pytest.approx(1.0)
    assert near[61].nnz == near[20].nnz == 0


def test_two_buyers_make_a_pair_and_two_viewers_do_not() -> None:
    histories = [[(0, 0), (1, 60)]] * 2 + [[(2, 0), (3, 60)]] * 30

    models = {name: _train(name, _timed(histories, 4)).model for name in (BOUGHT, VIEWED)}
    assert models[BOUGHT].neighbours[: models[BOUGHT].starts[1]].tolist() == [1]
    assert models[VIEWED].starts[1] == 0


@pytest.mark.parametrize("recipe", [SIMS, WATCHED, VIEWED, BOUGHT, SIMILAR, MORE_LIKE])
def test_a_trial_ends_with_its_metrics_and_the_model_of_the_training_part(recipe: str) -> None:
    interactions = _half_cold()
    phases: list[str] = []
    whole = _train(recipe, interactions)
    trial = _train(recipe, interactions, is_trial=True, progress=lambda phase, _: phases.append(phase))

    assert trial.metrics == whole.metrics
    assert phases[-1] == "evaluating"
    assert not np.array_equal(trial.model.neighbours, whole.model.neighbours)


def test_progress_rises_through_the_phases() -> None:
    seen: list[tuple[str, float]] = []
    _train(SIMILAR, _half_cold(), progress=lambda phase, percent: seen.append((phase, percent)))

    assert [percent for _, percent in seen] == sorted(percent for _, percent in seen)
    assert list(dict.fromkeys(phase for phase, _ in seen)) == [
        "reading metadata",
        "training",
        "evaluating",
        "training on all data",
    ]


def test_metadata_vectors_are_near_where_rare_features_agree() -> None:
    common, rare = np.ones(40), np.arange(40) % 8 == 0
    features = scipy.sparse.csr_matrix(np.column_stack([common, rare, ~rare]).astype(np.float32))
    vectors: NDArray[np.float32] = embeddings.of_metadata(features, 30)
    cosines = vectors @ vectors.T

    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert cosines[0, 8] == pytest.approx(1.0, abs=1e-4)
    assert abs(cosines[0, 1]) < 0.3
