"""On ml-latest-small the personalised model beats popularity, and films are not shown twice."""

import dataclasses
import os
from collections.abc import Collection
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from openpersonalize.models import BlendModel, NeighbourModel, Query, UserRanker, topk
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.loading import EventFilter, Interactions, Source, load_interactions
from openpersonalize.recipes.training import Task
from tests.trainers import TRAINERS

DATA = Path(os.environ.get("OPENPERSONALIZE_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
RATINGS = DATA / "ml-latest-small" / "ratings.csv"
N_TARGETS = 5

pytestmark = pytest.mark.skipif(
    not RATINGS.is_file(),
    reason=f"{RATINGS} is absent; OPENPERSONALIZE_TEST_DATA may name its folder's parent",
)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Interactions:
    part = tmp_path_factory.mktemp("movielens") / "ratings.parquet"
    pl.read_csv(RATINGS).select(
        pl.col("userId").cast(pl.String).alias("USER_ID"),
        pl.col("movieId").cast(pl.String).alias("ITEM_ID"),
        pl.col("timestamp").alias("TIMESTAMP"),
    ).write_parquet(part)
    return load_interactions(Source([part], has_one_origin=True), EventFilter())


@pytest.fixture(scope="module")
def before(everything: Interactions) -> Interactions:
    """All but each user's last five events."""
    ends = everything.histories.starts[1:][everything.user_of_event]
    return everything.select(np.arange(everything.n_events) < ends - N_TARGETS)


@pytest.fixture(scope="module")
def personal(before: Interactions) -> BlendModel:
    settings = validate_hyperparameters(RECIPES["aws-user-personalization"], {}, {})
    model = TRAINERS["aws-user-personalization"](Task(before, settings, n_threads=2)).model
    assert isinstance(model, BlendModel)
    return model


def _gains(
    model: UserRanker, everything: Interactions
) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """NDCG@10 of each user's last five events, each folded in after it was predicted; seen items left out."""
    gains = np.zeros((everything.n_users, N_TARGETS))
    for user in range(everything.n_users):
        items = everything.histories.items_of(user)
        for target in range(N_TARGETS):
            known = len(items) - N_TARGETS + target
            recent = items[len(items) - N_TARGETS : known]
            ranked = model.recommend(Query(user=user, recent=recent), known + 10).items
            shown = ranked[~np.isin(ranked, items[:known])][:10].tolist()
            if items[known] in shown:
                gains[user, target] = 1.0 / np.log2(2 + shown.index(items[known]))
    return gains


def test_user_personalization_beats_popularity_count(
    everything: Interactions, before: Interactions, personal: BlendModel
) -> None:
    popularity = TRAINERS["aws-popularity-count"](Task(before, {})).model
    assert isinstance(popularity, UserRanker)
    ours, theirs = _gains(personal, everything).sum(axis=1), _gains(popularity, everything).sum(axis=1)

    draws = np.random.default_rng(0).integers(0, len(ours), (2000, len(ours)))
    ratios = ours[draws].sum(axis=1) / theirs[draws].sum(axis=1)
    assert np.quantile(ratios, 0.025) > 1.0
    assert ours.sum() / theirs.sum() > 2.5


def test_a_users_list_is_new_films(personal: BlendModel, before: Interactions) -> None:
    for user in range(0, before.n_users, 5):
        ranked = personal.recommend(Query(user=user), 25)
        assert not np.isin(ranked.items, before.histories.items_of(user)).any()


def _log_probabilities(
    model: BlendModel, everything: Interactions
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """How probable each user's next film was, as logarithms."""
    logs = np.zeros(everything.n_users)
    for user in range(everything.n_users):
        ranked = model.recommend(Query(user=user), everything.n_items)
        assert ranked.scores is not None
        target = everything.histories.items_of(user)[-N_TARGETS]
        logs[user] = np.log(ranked.scores[ranked.items == target][0])
    return logs


def test_served_probabilities_explain_the_next_film_better_than_popularity(
    personal: BlendModel, everything: Interactions
) -> None:
    ours = _log_probabilities(personal, everything).mean()
    targets = everything.histories.items[everything.histories.starts[1:] - N_TARGETS]

    assert ours > personal.cold.logs[targets].mean() + 0.6
    assert ours > -np.log(everything.n_items) + 1.5


@pytest.mark.parametrize("factor", [0.7, 1.4])
def test_no_other_temperature_is_more_honest(
    personal: BlendModel, everything: Interactions, factor: float
) -> None:
    bias = topk.pack_bias(np.float32(factor) * personal.bias[: everything.n_items])
    other = dataclasses.replace(personal, temperature=factor * personal.temperature, bias=bias)

    ours, theirs = (_log_probabilities(model, everything).mean() for model in (personal, other))
    assert ours > theirs + 0.1


def test_similar_items_are_what_a_viewer_expects_and_what_comes_next(
    everything: Interactions, before: Interactions
) -> None:
    """The films that follow Star Wars; and next films are found more often than by mere co-occurrence."""
    settings = validate_hyperparameters(RECIPES["aws-sims"], {}, {})
    model = TRAINERS["aws-sims"](Task(before, settings, n_threads=2)).model
    assert isinstance(model, NeighbourModel)
    star_wars, empire, jedi = (everything.items.find(film) for film in ("260", "1196", "1210"))
    assert {empire, jedi} <= set(model.similar(Query(item=star_wars), 3).items.tolist())

    seen = before.matrix()
    together = (seen.T @ seen).tocsr()
    n_found = n_found_by_counting = 0
    for user in range(everything.n_users):
        items = everything.histories.items_of(user)
        known, target = items[:-N_TARGETS], items[-N_TARGETS]
        n_found += target in _unseen(
            model.similar(Query(item=int(known[-1])), 200).items, set(known.tolist())
        )
        row = together[known[-1]]
        counted = row.indices[np.argsort(-row.data, kind="stable")]
        n_found_by_counting += target in _unseen(counted, set(known.tolist()))
    assert n_found > 1.1 * n_found_by_counting


def _unseen(ranked: "np.ndarray[tuple[int], np.dtype[np.int32]]", known: Collection[int]) -> list[int]:
    return [int(item) for item in ranked if int(item) not in known][:25]
