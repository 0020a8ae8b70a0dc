"""Trains aws-similar-items and its family: items like an item, by histories and by metadata.

The strength of item b for the seed a is

    T'(a, b) + ID_WEIGHT n_a / (n_a + FEW) cos(e_a, e_b) + METADATA_WEIGHT cos(f_a, f_b)

T(a, b) are the pairs that aws-sims counts, with the share of users that finds most of them, over (users of
b + 20)^popularity_discount_factor, then over the highest of a and 1. For a seed of n_a < FEW interactions
T' is a mean of its own T, weighing n_a, and of the T of the 20 items with more interactions whose metadata
are nearest, weighing FEW; else T' is T. e are the factors of implicit ALS, for an item without interactions
the mean of those same 20 items'; f is the decomposed metadata. So items without interactions have
neighbours, and are neighbours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.models import NeighbourModel
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.popularity import by_popularity
from openpersonalize.models.ranker import Question
from openpersonalize.recipes import als, embeddings, pair_choice, pairs
from openpersonalize.recipes.cooccurrence import FOLLOWING, popularity_discounts
from openpersonalize.recipes.embeddings import Matrix, Vectors
from openpersonalize.recipes.features import design_matrix
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.pairs import Pairs
from openpersonalize.recipes.recipe import RELATED_ITEMS, VIDEO, Counts, Hyperparameter, Recipe, Value, Where
from openpersonalize.recipes.training import Settings, Task, Trained

DISCOUNT = Hyperparameter("popularity_discount_factor", 0.0, 0.0, 1.0)
ID_WIDTH = Hyperparameter("item_id_hidden_dim", 100, 30, 200, is_tunable=True, where=Where.RANGES)
METADATA_WIDTH = Hyperparameter("item_metadata_hidden_dim", 100, 30, 200, is_tunable=True, where=Where.RANGES)

ID_WEIGHT = 0.5
METADATA_WEIGHT = 0.2
FEW = 5.0
TYPICAL_USERS = (0.005, 0.995)
"""Percentiles of the length of histories that shape the model, those of aws-sims."""


@dataclass(frozen=True)
class _Start:
    """What a training begins with: what users weigh in pairs, and ALS factors of another one."""

    users_share: float
    factors: Vectors | None = None


@dataclass(frozen=True)
class _Found:
    """What one training has found: the model, and the ALS factors from which another may begin."""

    model: NeighbourModel
    factors: Vectors


def train(task: Task) -> Trained:
    """Train without the test users and test, then on all data, from the factors of the first training."""
    task.progress("reading metadata", 2.0)
    metadata = _metadata(task)
    users_share = pair_choice.choose(
        task.training_part,
        lambda interactions, share, seeds: _pairs(task, interactions, share, seeds, lambda _: None),
        seed=task.seed,
        report=_span(task, "training", 5.0, 10.0),
    )
    report = _span(task, "training", 10.0, 50.0)
    part = _train(task, task.training_part, metadata, _Start(users_share), report)
    task.progress("evaluating", 50.0)
    metrics = task.evaluate(part.model)
    if task.is_trial:
        return Trained(part.model, metrics)
    report = _span(task, "training on all data", 55.0, 95.0)
    whole = _train(task, task.interactions, metadata, _Start(users_share, part.factors), report)
    return Trained(whole.model, metrics)


def _span(task: Task, phase: str, low: float, high: float) -> Callable[[float], None]:
    """Return what reports a share of one phase as percents of the whole."""
    return lambda share: task.progress(phase, low + share * (high - low))


def _metadata(task: Task) -> Vectors:
    """Return the metadata of every item as a vector, zeros without Items or without its record."""
    items = task.interactions.items
    if "ITEMS" not in task.records:
        return np.zeros((len(items), 0), np.float32)
    features = design_matrix(task.records["ITEMS"], items).matrix
    return embeddings.of_metadata(features, int(_setting(task.settings, METADATA_WIDTH)))


def _setting(settings: Settings, parameter: Hyperparameter) -> float:
    """Return a hyperparameter, its default where it is not given, as outside of HPO and of domains."""
    return float(settings.get(parameter.name, parameter.default))


def _train(
    task: Task,
    interactions: Interactions,
    metadata: Vectors,
    start: _Start,
    report: Callable[[float], None],
) -> _Found:
    typical = interactions.of_typical_users(*TYPICAL_USERS)
    factors = als.factorise(
        typical,
        int(_setting(task.settings, ID_WIDTH)),
        iterations=als.ITERATIONS if start.factors is None else als.REFIT_ITERATIONS,
        start=start.factors,
        seed=task.seed,
        n_threads=task.n_threads,
        report=lambda share: report(0.4 * share),
    )
    found = _pairs(task, interactions, start.users_share, None, lambda share: report(0.4 + 0.2 * share))
    counts = np.bincount(interactions.histories.items, minlength=interactions.n_items)
    near = embeddings.companions(metadata, counts, FEW)
    seeds, others = _vectors(counts, factors, metadata, near)
    strengths = _of_one_scale(found, counts)
    starts, neighbours = embeddings.nearest(
        strengths,
        _scaled(near, np.asarray(FEW / (counts + FEW), np.float64)),
        seeds,
        others,
        n_threads=task.n_threads,
        report=lambda share: report(0.6 + 0.4 * share),
    )
    model = NeighbourModel(
        items=interactions.items,
        users=IdIndex.build([]),
        starts=starts,
        neighbours=neighbours,
        popular=by_popularity(interactions.users_by_item),
    )
    return _Found(model, factors)


def _pairs(
    task: Task,
    interactions: Interactions,
    users_share: float,
    seeds: NDArray[np.int64] | None,
    report: Callable[[float], None],
) -> Pairs:
    return pairs.count(
        interactions.of_typical_users(*TYPICAL_USERS),
        FOLLOWING,
        popularity_discounts(interactions, _setting(task.settings, DISCOUNT)),
        minimum=1,
        n_threads=task.n_threads,
        report=report,
        users_share=users_share,
        seeds=seeds,
    )


def _of_one_scale(found: Pairs, counts: NDArray[np.int64]) -> Matrix:
    """Return T by seed and item, that of seeds with few interactions at its weight in T'."""
    n_items = len(counts)
    lengths = np.diff(found.starts)
    highest = np.zeros(n_items)
    highest[lengths > 0] = found.strengths[found.starts[:-1][lengths > 0]]
    matrix = scipy.sparse.csr_matrix(
        (found.strengths, found.neighbours, found.starts), shape=(n_items, n_items)
    )
    return _scaled(matrix, np.where(counts < FEW, counts / (counts + FEW), 1.0) / (highest + 1.0))


def _scaled(matrix: Matrix, by_row: NDArray[np.float64]) -> Matrix:
    factors = np.repeat(by_row, np.diff(matrix.indptr))
    return scipy.sparse.csr_matrix(
        ((matrix.data * factors).astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape
    )


def _vectors(
    counts: NDArray[np.int64], factors: Vectors, metadata: Vectors, near: Matrix
) -> tuple[Vectors, Vectors]:
    """Return what is multiplied for a seed, and for its neighbours: both embeddings with their weights."""
    has_own = counts[:, None] > 0
    own = embeddings.unit(np.where(has_own, factors, np.float32(0.0)))
    placed = np.where(has_own, own, embeddings.unit(np.asarray(near @ own, np.float32)))
    of_id = (ID_WEIGHT * counts / (counts + FEW)).astype(np.float32)[:, None]
    return np.hstack([of_id * own, np.float32(METADATA_WEIGHT) * metadata]), np.hstack([placed, metadata])


def _memory(counts: Counts, settings: Mapping[str, Value]) -> float:
    """Return the bytes of histories, embeddings, lists of pairs, models and blocks of scores."""
    id_width = _setting(settings, ID_WIDTH)
    width = id_width + _setting(settings, METADATA_WIDTH)
    n_neighbours = min(pairs.N_NEIGHBOURS, counts.n_items)
    blocks = 2 * 16.0 * pairs.ITEMS_PER_CALL * counts.n_items
    vectors = 12.0 * width * counts.n_items + 4.0 * id_width * counts.n_users
    return 60.0 * counts.n_events + vectors + 30.0 * n_neighbours * counts.n_items + blocks


RECIPES = (
    Recipe(
        "aws-similar-items",
        RELATED_ITEMS,
        "Finds items similar to a given item by co-occurrence in histories and by item metadata.",
        hyperparameters=(DISCOUNT, ID_WIDTH, METADATA_WIDTH),
        question=Question.SIMILAR_ITEMS,
        train=train,
        model=NeighbourModel,
        tables=("ITEMS",),
        memory=_memory,
    ),
    Recipe(
        "aws-vod-more-like-x",
        RELATED_ITEMS,
        "Recommends videos like a given one.",
        domain=VIDEO,
        needs_user=True,
        leaves_out="Watch",
        question=Question.SIMILAR_ITEMS,
        train=train,
        model=NeighbourModel,
        needs_datasets=("ITEMS",),
        tables=("ITEMS",),
        memory=_memory,
    ),
)
