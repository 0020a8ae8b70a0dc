"""What ours stands beside: popularity, and what `implicit` and EASE make of the same matrix.

A peer is a function from rows of users' items to scores of all items. Equal scores stand by popularity, which
also fills up what has no score at all.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from benchmarks.quality.measures import CUT, Evaluation
from benchmarks.quality.questions import HeldOut, Items, Question
from benchmarks.quality.training import threads_for
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import (
    BM25Recommender,
    CosineRecommender,
    TFIDFRecommender,
)
from numpy.typing import NDArray

from openpersonalize.recipes.interactions import Interactions

ROWS_AT_ONCE = 256
SEED = 0
NEIGHBOURS = 200
"""Of an item: enough to fill a list from which seen items were left out."""
NEIGHBOUR_GRID = (20, 100)
"""The library's own number of neighbours, and more."""
NO_PLACES: NDArray[np.int64] = np.empty(0, np.int64)
EASE_PENALTY = 200.0
MOST_EASE_SIDE = 12_000
"""EASE inverts a matrix of users or of items, whichever are fewer; of more it takes too long."""

Matrix = Any  # a csr_matrix; its stubs and implicit's absence of stubs don't go together
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Peer:
    """A fitted peer.

    - `scores`: from users x items, csr, to float32 scores of the same shape.
    - `popularity`: users by item, which breaks ties.
    - `n_newest`: how many of the newest events it is given; None for all.
    """

    scores: Callable[[Matrix], Scores]
    popularity: NDArray[np.int64]
    n_newest: int | None = None


@dataclass(frozen=True)
class AlsSettings:
    """Hyperparameters of implicit's ALS."""

    factors: int = 100
    regularisation: float = 0.01
    confidence: float = 1.0
    iterations: int = 15

    def __str__(self) -> str:
        return (
            f"{self.factors} factors, regularisation {self.regularisation:g}, alpha {self.confidence:g}, "
            f"{self.iterations} iterations"
        )


LIBRARY_DEFAULTS = AlsSettings()
GRID = (
    LIBRARY_DEFAULTS,
    *(
        AlsSettings(factors, regularisation, confidence, 10)
        for factors in (64, 256)
        for regularisation in (1.0, 10.0)
        for confidence in (2.0, 10.0, 40.0)
    ),
)
"""What the tuned ALS is chosen from; quality.md's winners on four data sets are in or next to it."""
Candidates = Callable[[], Iterable[AlsSettings]]
"""Gives what is chosen from, and shows how far the search is."""


def popularity(interactions: Interactions) -> Peer:
    """Rank by the number of users."""
    counts = interactions.users_by_item
    row = counts.astype(np.float32)
    return Peer(lambda rows: np.tile(row, (rows.shape[0], 1)), counts)


def als(interactions: Interactions, settings: AlsSettings) -> Peer:
    """Fit implicit's ALS; users are folded in from what they have, known users too."""
    model = fit_als(interactions, settings)
    factors = np.asarray(model.item_factors, np.float32)

    def scores(rows: Matrix) -> Scores:
        users = model.recalculate_user(np.arange(rows.shape[0]), rows)
        return np.asarray(users @ factors.T, np.float32)

    return Peer(scores, interactions.users_by_item)


def fit_als(interactions: Interactions, settings: AlsSettings) -> Any:
    """Return implicit's own model."""
    model = AlternatingLeastSquares(
        factors=settings.factors,
        regularization=settings.regularisation,
        alpha=settings.confidence,
        iterations=settings.iterations,
        num_threads=threads_for(interactions),
        random_state=SEED,
    )
    model.fit(interactions.matrix(), show_progress=False)
    return model


def like_by_factors(interactions: Interactions, settings: AlsSettings) -> Peer:
    """Fit ALS and compare items by the cosine of their factors, as implicit's `similar_items` does."""
    factors = np.asarray(fit_als(interactions, settings).item_factors, np.float32)
    factors /= np.maximum(np.linalg.norm(factors, axis=1, keepdims=True), 1e-9)
    return Peer(lambda rows: (rows @ factors) @ factors.T, interactions.users_by_item)


def neighbours(interactions: Interactions, kind: str, n_neighbours: int) -> Peer:
    """Fit implicit's item-kNN: `cosine`, `TF-IDF` or `BM25`."""
    recommender = {"cosine": CosineRecommender, "TF-IDF": TFIDFRecommender, "BM25": BM25Recommender}[kind]
    model = recommender(K=n_neighbours, num_threads=threads_for(interactions))
    model.fit(interactions.matrix(), show_progress=False)
    similarity = model.similarity
    return Peer(lambda rows: (rows @ similarity).toarray().astype(np.float32), interactions.users_by_item)


def ease(interactions: Interactions) -> Peer:
    """Fit EASE (Steck 2019): B = I - P diag(1 / diag P), P = (X'X + penalty I)^-1, by its smaller side."""
    matrix = interactions.matrix()
    matrix.data = np.ones_like(matrix.data)
    multiply, diagonal = _by_users(matrix) if matrix.shape[0] < matrix.shape[1] else _by_items(matrix)

    def scores(rows: Matrix) -> Scores:
        flat = rows.copy()
        flat.data = np.ones_like(flat.data)
        dense = flat.toarray()
        return np.asarray(dense - multiply(dense) / diagonal, np.float32)

    return Peer(scores, interactions.users_by_item)


def has_room_for_ease(interactions: Interactions) -> bool:
    """Whether EASE's smaller side is small enough."""
    return min(interactions.n_users, interactions.n_items) <= MOST_EASE_SIDE


def _by_users(matrix: Matrix) -> tuple[Callable[[Scores], Scores], Scores]:
    """Woodbury: P = (I - X'GX) / penalty with G = (XX' + penalty I)^-1, of users x users."""
    dense = matrix.toarray().astype(np.float64)
    inverse = np.linalg.inv(dense @ dense.T + EASE_PENALTY * np.eye(len(dense)))
    half = inverse @ dense
    diagonal = (1.0 - (dense * half).sum(axis=0)) / EASE_PENALTY
    first, second = dense.astype(np.float32), half.astype(np.float32)
    return lambda rows: (rows - (rows @ first.T) @ second) / np.float32(EASE_PENALTY), diagonal.astype(
        np.float32
    )


def _by_items(matrix: Matrix) -> tuple[Callable[[Scores], Scores], Scores]:
    gram = (matrix.T @ matrix).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += EASE_PENALTY
    inverse = np.linalg.inv(gram).astype(np.float32)
    return lambda rows: rows @ inverse, np.diag(inverse).copy()


def tuned(interactions: Interactions, candidates: Candidates) -> AlsSettings:
    """Choose ALS's settings by NDCG@10 on each user's last event of what is given."""
    held_out = HeldOut.last(interactions, 1)
    before, questions = held_out.before, held_out.questions()
    best, chosen = -1.0, LIBRARY_DEFAULTS
    for settings in candidates():
        value = evaluate(als(before, settings), questions).means()["NDCG@10"]
        if value > best:
            best, chosen = value, settings
    return chosen


def tuned_neighbours(interactions: Interactions, kind: str) -> int:
    """Choose the number of an item-kNN's neighbours in the same way."""
    held_out = HeldOut.last(interactions, 1)
    before, questions = held_out.before, held_out.questions()
    found = {n: evaluate(neighbours(before, kind, n), questions).means()["NDCG@10"] for n in NEIGHBOUR_GRID}
    return max(NEIGHBOUR_GRID, key=lambda n: found[n])


def evaluate(peer: Peer, questions: Sequence[Question], *, only_last: bool = False) -> Evaluation:
    """Ask a peer; `only_last` gives it the newest known item alone. Known items are left out."""
    place_of = _place_by_popularity(peer.popularity)
    n_given = 1 if only_last else peer.n_newest
    parts = [questions[first : first + ROWS_AT_ONCE] for first in range(0, len(questions), ROWS_AT_ONCE)]
    places = [NO_PLACES]
    for part in parts:
        given = [one.known if n_given is None else one.known[-n_given:] for one in part]
        scores = peer.scores(rows_of(given, len(place_of)))
        places.append(_evaluation(scores, place_of, part).places)
    return Evaluation(np.concatenate(places), np.array([one.user for one in questions], np.int64))


def _evaluation(scores: Scores, place_of: NDArray[np.int64], questions: Sequence[Question]) -> Evaluation:
    """Return where targets stand among the scores of their row."""
    places = [_place(row, place_of, one) for row, one in zip(scores, questions, strict=True)]
    found = np.array([place if place <= CUT else 0 for place in places], np.int64)
    return Evaluation(found, np.array([one.user for one in questions], np.int64))


def _place_by_popularity(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of each item in the order of popularity, equals in their order."""
    places = np.empty(len(counts), np.int64)
    places[np.lexsort((np.arange(len(counts)), -counts))] = np.arange(len(counts))
    return places


def _place(scores: Scores, place_of: NDArray[np.int64], question: Question) -> int:
    """Return the place of the target among what the user does not know, 1 for the best."""
    target = question.target
    is_before = (scores > scores[target]) | ((scores == scores[target]) & (place_of < place_of[target]))
    is_before[question.known] = False
    return int(np.count_nonzero(is_before)) + 1


def best_unseen(peer: Peer, given: Items, known: Items) -> Items:
    """Return the best items that are not known, a list of them, from those that are given."""
    scores = peer.scores(rows_of([given], len(peer.popularity)))[0].copy()
    scores[known] = -np.inf
    order = np.lexsort((np.arange(len(scores)), -peer.popularity, -scores))
    return order[:CUT].astype(np.int32)


def rows_of(histories: Sequence[Items], n_items: int) -> Matrix:
    """Return users x items, csr float32: 1 + log(number of times), as `Interactions.matrix` has it."""
    starts = np.zeros(len(histories) + 1, np.int64)
    np.cumsum([len(items) for items in histories], out=starts[1:])
    items = np.concatenate([np.empty(0, np.int32), *histories])
    rows = scipy.sparse.csr_matrix(
        (np.ones(len(items), np.float32), items, starts), shape=(len(histories), n_items)
    )
    rows.sum_duplicates()
    rows.data = (1.0 + np.log(rows.data)).astype(np.float32)
    return rows
