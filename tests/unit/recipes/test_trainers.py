"""What the trainers learn from stores small enough to know the answer."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openpersonalize.models import BlendModel, NeighbourModel, Query, UserRanker
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.training import Task, Trained
from openpersonalize.storage import artifacts
from tests.planted import interactions_of, taste_store
from tests.trainers import DIFFERENT, TRAINERS

METRICS = {
    "coverage",
    "mean_reciprocal_rank_at_25",
    "normalized_discounted_cumulative_gain_at_5",
    "normalized_discounted_cumulative_gain_at_10",
    "normalized_discounted_cumulative_gain_at_25",
    "precision_at_5",
    "precision_at_10",
    "precision_at_25",
}
HANDFULS = {
    "one event": [[0]],
    "one user and one item": [[0, 0, 0]],
    "one user": [[0, 1, 2]],
    "one item": [[0], [0], [0]],
    "users of one event each": [[0], [1]],
    "three users": [[0, 1], [1], [0, 2]],
}
"""Items by user, oldest first."""
EVERY_ITEM = {"min_item_interaction_count_percentile": "0", "max_item_interaction_count_percentile": "1"}


def _metrics_of(recipe: str) -> set[str]:
    return METRICS | ({"trend_prediction_accuracy"} if "trending" in recipe else set())


def _train(
    recipe: str,
    interactions: Interactions,
    algorithm: dict[str, str] | None = None,
    features: dict[str, str] | None = None,
    seed: int = 0,
) -> Trained:
    settings = validate_hyperparameters(RECIPES[recipe], algorithm or {}, features or {})
    return TRAINERS[recipe](Task(interactions, settings, seed=seed, n_threads=2))


@pytest.mark.parametrize("recipe", DIFFERENT)
def test_every_trainer_returns_the_eight_metrics_within_their_range(recipe: str) -> None:
    trained = _train(recipe, taste_store(n_users=80, n_clusters=4, items_per_cluster=30).interactions)

    assert set(trained.metrics) == _metrics_of(recipe)
    assert all(0.0 <= value <= 1.0 for value in trained.metrics.values())


@pytest.mark.parametrize("recipe", DIFFERENT)
def test_the_same_seed_and_threads_give_the_same_bytes(recipe: str, tmp_path: Path) -> None:
    interactions = taste_store(n_users=80, n_clusters=4, items_per_cluster=30).interactions
    digests = []
    for name in ("one", "two"):
        artifacts.save(_train(recipe, interactions).model, tmp_path / name, extra={})
        files = sorted((tmp_path / name).iterdir())
        digests.append(hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest())

    assert digests[0] == digests[1]


@pytest.mark.parametrize("handful", HANDFULS.values(), ids=HANDFULS)
@pytest.mark.parametrize("recipe", DIFFERENT)
def test_every_trainer_takes_a_handful_of_events(recipe: str, handful: list[list[int]]) -> None:
    n_items = 1 + max(item for items in handful for item in items)
    trained = _train(recipe, interactions_of([np.array(items) for items in handful], n_items))
    model: Any = trained.model
    if isinstance(model, UserRanker):
        answers = [model.recommend(Query(user=user), 25) for user in (-1, 0)]
    else:
        answers = [model.similar(Query(), 25)]

    assert set(trained.metrics) == _metrics_of(recipe)
    assert all(0.0 <= value <= 1.0 for value in trained.metrics.values())
    for answer in answers:
        assert sorted(answer.items.tolist()) == list(range(n_items))
        assert answer.scores is None or answer.scores.sum() == pytest.approx(1.0)


def test_another_seed_gives_other_factors(tmp_path: Path) -> None:
    interactions = taste_store(n_users=80, n_clusters=4, items_per_cluster=30).interactions
    digests = {
        artifacts.save(
            _train("aws-user-personalization", interactions, seed=seed).model, tmp_path / str(seed), extra={}
        )
        for seed in (0, 1)
    }

    assert len(digests) == 2


def test_popularity_counts_users_and_not_events() -> None:
    histories = [np.array([0, 0, 0, 0, 0, 1])] + [np.array([1, 2])] * 3 + [np.array([3, 3])] * 2
    model = _train("aws-popularity-count", interactions_of(histories, 5)).model

    assert model.recommend(Query(), 5).items.tolist() == [1, 2, 3, 0, 4]


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [("aws-vod-most-popular", [1, 2, 3, 0, 4]), ("aws-ecomm-popular-items-by-views", [0, 3, 1, 2, 4])],
)
def test_most_popular_counts_users_and_most_viewed_counts_views(recipe: str, expected: list[int]) -> None:
    """One user has item 0 seven times, two have item 3 three times each, four and three have 1 and 2 once."""
    histories = [np.array([0] * 7 + [1])] + [np.array([1, 2])] * 3 + [np.array([3, 3, 3])] * 2
    model = _train(recipe, interactions_of(histories, 5)).model

    assert model.recommend(Query(user=1), 5).items.tolist() == expected


def _pairs(n: int, *items: int) -> list["np.ndarray[tuple[int], np.dtype[np.int64]]"]:
    return [np.array(items)] * n


def test_similar_items_are_those_that_follow_soon() -> None:
    """2 follows 0 at once, the others later, and 4 comes just before it."""
    interactions = interactions_of(_pairs(30, 4, 0, 2, 5, 6, 3) + _pairs(30, 7, 8), 9)
    model = _train("aws-sims", interactions, {"popularity_discount_factor": "0"}, EVERY_ITEM).model
    similar = model.similar(Query(item=0), 5).items.tolist()

    assert similar == [2, 4, 5, 6, 3]


def test_pairs_below_the_minimum_are_not_similar() -> None:
    interactions = interactions_of(_pairs(4, 0, 1) + _pairs(5, 0, 2) + _pairs(50, 3, 4), 5)
    features = EVERY_ITEM | {"min_user_history_length_percentile": "0"}
    for minimum, expected in (("4", [2, 1]), ("5", [2]), ("6", [])):
        model = _train("aws-sims", interactions, {"min_cointeraction_count": minimum}, features).model
        starts = model.starts
        assert model.neighbours[starts[0] : starts[1]].tolist() == expected


def test_the_minimum_counts_users_and_not_how_often_each_had_a_pair() -> None:
    interactions = interactions_of(_pairs(2, 0, 1, 0, 1, 0, 1) + _pairs(3, 0, 2) + _pairs(50, 3, 4), 5)
    features = EVERY_ITEM | {
        "min_user_history_length_percentile": "0",
        "max_user_history_length_percentile": "1",
    }
    model = _train("aws-sims", interactions, {"min_cointeraction_count": "3"}, features).model

    assert model.neighbours[: model.starts[1]].tolist() == [2]


def test_a_higher_discount_prefers_the_rarer_item() -> None:
    """1 follows 0 more often than 2 does, but 1 is everywhere."""
    interactions = interactions_of(_pairs(12, 0, 1) + _pairs(8, 0, 2) + _pairs(200, 3, 1), 5)
    firsts = {
        factor: _train("aws-sims", interactions, {"popularity_discount_factor": factor}, EVERY_ITEM).model
        for factor in ("0", "1")
    }

    assert firsts["0"].similar(Query(item=0), 1).items.tolist() == [1]
    assert firsts["1"].similar(Query(item=0), 1).items.tolist() == [2]


def test_items_above_the_count_percentile_have_to_be_more_strongly_related() -> None:
    """1 follows 0 more often than 2 does, but it has many more interactions; it may still be a seed."""
    interactions = interactions_of(_pairs(12, 0, 1) + _pairs(8, 0, 2) + _pairs(200, 3, 1), 4)
    first = {}
    for high in ("0.05", "1"):
        features = EVERY_ITEM | {"max_item_interaction_count_percentile": high}
        model = _train("aws-sims", interactions, {"popularity_discount_factor": "0"}, features).model
        first[high] = model.similar(Query(item=0), 2).items.tolist()
        assert model.neighbours[model.starts[1] : model.starts[2]].tolist() == [3, 0]

    assert first == {"0.05": [2, 1], "1": [1, 2]}


def test_items_below_the_count_percentile_are_no_neighbours() -> None:
    interactions = interactions_of(_pairs(20, 0, 1) + _pairs(4, 0, 2), 3)
    found = {}
    for low in ("0", "0.3"):
        model = _train(
            "aws-sims", interactions, {}, EVERY_ITEM | {"min_item_interaction_count_percentile": low}
        ).model
        found[low] = set(model.neighbours.tolist())

    assert found == {"0": {0, 1, 2}, "0.3": {0, 1}}


@pytest.mark.parametrize("recipe", ["aws-user-personalization", "aws-personalized-ranking", "aws-sims"])
def test_users_of_unusual_histories_shape_nothing_but_are_known(recipe: str) -> None:
    """60 users have 20 events each; one has 60 and one has 4, of items that nobody else has."""
    usual = taste_store(n_users=60, n_clusters=3, items_per_cluster=30).interactions
    histories = [usual.histories.items_of(user).astype(np.int64) for user in range(60)]
    interactions = interactions_of([*histories, np.arange(90, 150), np.array([150, 151, 152, 153])], 154)
    algorithm = {"min_cointeraction_count": "0"} if recipe == "aws-sims" else {"hidden_dimension": "32"}
    features = {} if recipe != "aws-sims" else EVERY_ITEM
    for low, high, has_longest, has_shortest in (("0", "1", True, True), ("0.05", "0.95", False, False)):
        percentiles = {
            "min_user_history_length_percentile": low,
            "max_user_history_length_percentile": high,
        }
        model = _train(recipe, interactions, algorithm, features | percentiles).model
        is_shaped = _is_shaped(model)

        assert is_shaped[:60].sum() > 40
        assert [bool(is_shaped[90:150].any()), bool(is_shaped[150:].any())] == [has_longest, has_shortest]
        if isinstance(model, BlendModel):
            assert [len(model.histories.items_of(user)) for user in (60, 61)] == [60, 4]


def _is_shaped(model: object) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Say by item whether training found anything out about it."""
    if isinstance(model, NeighbourModel):
        return np.diff(model.starts) > 0
    assert isinstance(model, BlendModel)
    return np.abs(model.factors.blocks).sum(axis=1).ravel()[: len(model.items)] > 0


def test_progress_rises_from_phase_to_phase() -> None:
    seen: list[tuple[str, float]] = []
    interactions = taste_store(n_users=60, n_clusters=3, items_per_cluster=30).interactions
    settings = validate_hyperparameters(RECIPES["aws-user-personalization"], {}, {})
    TRAINERS["aws-user-personalization"](
        Task(interactions, settings, progress=lambda phase, percent: seen.append((phase, percent)))
    )

    phases = list(dict.fromkeys(phase for phase, _ in seen))
    assert phases == ["training", "calibrating", "evaluating", "training on all data"]
    assert [percent for _, percent in seen] == sorted(percent for _, percent in seen)
    assert len(seen) > 15


def test_the_hyperparameters_shape_the_model() -> None:
    interactions = taste_store(n_users=60, n_clusters=3, items_per_cluster=30).interactions
    small = _train("aws-user-personalization", interactions, {"hidden_dimension": "32", "bptt": "5"}).model
    flat = _train("aws-user-personalization", interactions, {"recency_mask": "false"}).model

    assert small.factors.blocks.shape[1] == 32
    weights = small.factors.event_weights
    assert len(weights) == 5
    assert np.all(np.diff(weights) < 0)
    assert len(set(flat.factors.event_weights.tolist())) == 1


def test_trends_count_for_unknown_users_where_the_recency_mask_is_on() -> None:
    """Item 0 led a year ago, item 1 leads now."""
    old, new = interactions_of(_pairs(1500, 0, 2), 3), interactions_of(_pairs(1400, 1, 2), 3)
    times = np.concatenate([old.histories.times - 365 * 86_400, new.histories.times])
    items = np.concatenate([old.histories.items, new.histories.items])
    both = interactions_of(_pairs(2900, 0, 0), 3)
    interactions = Interactions(
        both.users, both.items, type(both.histories)(both.histories.starts, items, times)
    )
    lists = {
        mask: _train(
            "aws-user-personalization", interactions, {"hidden_dimension": "32", "recency_mask": mask}
        )
        .model.recommend(Query(), 3)
        .items.tolist()
        for mask in ("true", "false")
    }

    assert lists == {"true": [2, 1, 0], "false": [2, 0, 1]}
