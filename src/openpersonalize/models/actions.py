"""Recommends actions: the probability that a user takes an action within the days of the training's period.

The probabilities of actions are independent of each other. Each is a logistic regression on what the user did
with items and actions, and on what their record says; the same code makes the features in training and in
serving, of what was known at the time.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.models.action_events import NOT_TAKEN, TAKEN, ActionEvents
from openpersonalize.models.action_rules import DAY_S, NEVER, ActionRules
from openpersonalize.models.compiled import freeze
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.ranker import Ranked

N_ITEM_EVENTS = 100
"""So many of a user's newest interactions with items are looked at."""
MOST_DAYS = 365.0
TIE = 0.01
"""Probabilities that differ by less count as equal: then the action of the highest VALUE comes first."""
N_COUNTS = 5
N_OWN = 6
"""Features of a user without what items and record say, and those of a user and an action."""

_ALL = slice(None)

Vector = NDArray[np.float64]
Rows = NDArray[np.int32]
Times = NDArray[np.int64]


@dataclass(frozen=True)
class Doings:
    """What one user did, oldest first, and what their record says.

    - `items`, `item_times`: int32 rows of the store's items, int64 epoch seconds.
    - `actions`, `types`, `times`: int32 rows, int32 numbers of types, int64.
    - `traits`: float, shape (n_traits,).
    """

    items: Rows
    item_times: Times
    actions: Rows
    types: Rows
    times: Times
    traits: Vector

    def before(self, time: int) -> "Doings":
        """Return what was done before a time."""
        n_items = int(np.searchsorted(self.item_times, time))
        n_actions = int(np.searchsorted(self.times, time))
        return Doings(
            self.items[:n_items],
            self.item_times[:n_items],
            self.actions[:n_actions],
            self.types[:n_actions],
            self.times[:n_actions],
            self.traits,
        )

    def taken_at(self, n_actions: int) -> Times:
        """Return when each action was taken last, int64; -NEVER where it never was."""
        return _last(self.actions[self.types == TAKEN], self.times[self.types == TAKEN], n_actions)


@dataclass(frozen=True)
class ActionFeatures:
    """What makes features.

    - `item_vectors`: float32, shape (n_items, k). A user's taste is their mean.
    - `similar`: float32, shape (n_actions, n_actions): how alike actions are by metadata; rows sum to 1, or 0
      where no other action is alike.
    """

    item_vectors: NDArray[np.float32]
    similar: NDArray[np.float32]

    def __post_init__(self) -> None:
        freeze(self)

    def of_user(self, doings: Doings, now: int) -> Vector:
        """Return the features of a user: taste, how much and how lately they did things, traits."""
        items = doings.items[-N_ITEM_EVENTS:]
        taste = self.item_vectors[items].mean(axis=0) if len(items) else np.zeros(self.item_vectors.shape[1])
        counts = np.bincount(doings.types, minlength=3)
        rest = [
            np.log1p(len(items)),
            _days(now, doings.item_times[-1] if len(items) else -NEVER),
            np.log1p(counts.sum()),
            (counts[TAKEN] + 1.0) / (counts.sum() + 3.0),
            (counts[NOT_TAKEN] + 1.0) / (counts.sum() + 3.0),
        ]
        return np.concatenate([taste, rest, doings.traits])

    def of_actions(self, doings: Doings, now: int, rows: Rows | None = None) -> NDArray[np.float64]:
        """Return the features of a user and some actions, or all: shape (n_rows, N_OWN).

        How often the user viewed, took and did not take it, how long ago they took it and met it at all, and
        the share of those that they took of the times they met actions like it.
        """
        n_actions = len(self.similar)
        rows = np.arange(n_actions, dtype=np.int32) if rows is None else rows
        counts = np.bincount(doings.types * n_actions + doings.actions, minlength=3 * n_actions)
        counts = counts.reshape(3, n_actions).astype(np.float32)
        # A user has met few actions. Sums and no products of matrices, for which BLAS might wait for threads.
        met = np.flatnonzero(counts.sum(axis=0))
        like = self.similar[np.ix_(rows, met)]
        n_like = (like * counts[:, met].sum(axis=0)).sum(axis=1)
        n_taken_like = (like * counts[TAKEN, met]).sum(axis=1)
        return np.column_stack(
            [
                *np.log1p(counts[:, rows]),
                _days(now, doings.taken_at(n_actions)[rows]),
                _days(now, _last(doings.actions, doings.times, n_actions)[rows]),
                (n_taken_like + 0.1) / (n_like + 0.3),
            ]
        )


@dataclass(frozen=True)
class ActionWeights:
    """The regressions. A feature counts as (x - centre) / scale; the last weight is the constant.

    - `centre`, `scale`: float64, shape (n_features,): those of the user, then those of user and action.
    - `low`, `high`: float64, likewise: between them lay almost all values of the training.
    - `shared`: float64, shape (n_features + 1,): what all actions have in common.
    - `by_action`: float64, shape (n_actions, n_features + 1): all of an action's weights.
    - `slope`, `offset`: the calibration: logit = slope * raw + offset.
    """

    centre: Vector
    scale: Vector
    low: Vector
    high: Vector
    shared: Vector
    by_action: NDArray[np.float64]
    slope: float
    offset: float

    def __post_init__(self) -> None:
        freeze(self)

    def standard(self, features: NDArray[np.float64], which: slice = _ALL) -> NDArray[np.float64]:
        """Return features as they count; what lies outside of the training's range counts as its bound."""
        bounded = np.clip(features, self.low[which], self.high[which])
        return np.asarray((bounded - self.centre[which]) / self.scale[which], np.float64)

    def probabilities(self, of_user: Vector, of_actions: NDArray[np.float64]) -> Vector:
        """Return the probability of each action."""
        n_user = len(of_user)
        user = self.standard(of_user, slice(n_user))
        own = self.standard(of_actions, slice(n_user, None))
        raw = np.einsum("af,f->a", self.by_action[:, :n_user], user) + self.by_action[:, -1]
        raw += np.einsum("af,af->a", self.by_action[:, n_user:-1], own)
        return sigmoid(self.slope * raw + self.offset)


@dataclass(frozen=True)
class ActionModel:
    """Recommends actions; `items` are the actions, as `Ranker` names what is recommended.

    - `users`, `histories`: what users did with `store_items`, of each the newest events.
    - `done`: what users did with actions; its users are others' rows than `users`.
    - `known_users`, `traits`: float32, CSR, shape (n_known_users, n_traits): what the records of users say;
      `trait_names` says what each column is.
    - `is_scored`: bool by action: whether the training had enough data of it; the others' scores are 0.
    - `newest`: the newest time of the training's data, epoch seconds.
    """

    kind: ClassVar[str] = "actions"

    items: IdIndex
    users: IdIndex
    store_items: IdIndex
    histories: Histories
    done: ActionEvents
    known_users: IdIndex
    traits: scipy.sparse.csr_matrix[np.float32]
    trait_names: tuple[str, ...]
    features: ActionFeatures
    weights: ActionWeights
    is_scored: NDArray[np.bool_]
    rules: ActionRules
    newest: int

    def __post_init__(self) -> None:
        freeze(self)

    def doings(self, user_id: str, recent: Doings | None = None) -> Doings:
        """Return what a user did up to the training, and the recent besides; all in the order of time."""
        user, known = self.users.find(user_id), self.known_users.find(user_id)
        done = self.done.of_user(self.done.users.find(user_id))
        earlier = Doings(
            self.histories.items_of(user),
            self.histories.times_of(user),
            self.done.rows[done],
            self.done.types[done],
            self.done.times[done],
            self.traits_of(known),
        )
        return earlier if recent is None else _joined(earlier, recent)

    def traits_of(self, known: int) -> Vector:
        """Return what the record of a row of `known_users` says; nothing for -1."""
        traits = np.zeros(self.traits.shape[1])
        if known >= 0:
            row = slice(int(self.traits.indptr[known]), int(self.traits.indptr[known + 1]))
            traits[self.traits.indices[row]] = self.traits.data[row]
        return traits

    def scores(self, doings: Doings) -> NDArray[np.float32]:
        """Return the score of each action, float32 in [0, 1]: 0 for those without enough data.

        The time of the question is that of the newest event, so that old data have news too.
        """
        if not self.is_scored.any():
            return np.zeros(len(self.items), np.float32)
        times = (self.newest, *doings.item_times[-1:].tolist(), *doings.times[-1:].tolist())
        return self.scores_at(doings, max(times))

    def scores_at(self, doings: Doings, now: int) -> NDArray[np.float32]:
        """Return the scores at a time, of what was done before it."""
        features = self.features
        found = self.weights.probabilities(features.of_user(doings, now), features.of_actions(doings, now))
        return np.where(self.is_scored, found, 0.0).astype(np.float32)

    def ranked(
        self,
        scores: NDArray[np.float32],
        values: Times,
        allowed: NDArray[np.bool_],
        k: int,
        order: NDArray[np.int64] | None = None,
    ) -> Ranked:
        """Return the k best of the allowed actions; of nearly equal ones that of the highest value first.

        Those without a score come last, the highest value first, and of equal ones the first by `order`, a
        permutation of the actions.
        """
        rows = np.flatnonzero(allowed).astype(np.int32)
        rows = rows[np.lexsort((rows, -scores[rows], ~self.is_scored[rows]))]
        ties = _ties(scores[rows], int(np.count_nonzero(self.is_scored[rows])))
        last = rows if order is None else np.where(self.is_scored[rows], rows, order[rows])
        rows = rows[np.lexsort((last, -scores[rows], -values[rows], ties))][:k]
        return Ranked(rows, scores[rows])


def sigmoid(logits: Vector) -> Vector:
    """Return 1 / (1 + e^-x), for any x."""
    return 0.5 * (1.0 + np.tanh(0.5 * logits))


def _ties(scores: NDArray[np.float32], n_scored: int) -> NDArray[np.int64]:
    """Number the groups of nearly equal scores, which fall up to n_scored; the others are one more."""
    ties = np.full(len(scores), len(scores), np.int64)
    falling = -scores[:n_scored]
    start = 0
    while start < n_scored:
        end = int(np.searchsorted(falling, falling[start] + np.float32(TIE)))
        end = max(end, start + 1)
        ties[start:end] = start
        start = end
    return ties


def _days(now: int, time: NDArray[np.int64] | int) -> NDArray[np.float64]:
    """Return the logarithm of how many days ago something was, at most a year."""
    days: NDArray[np.float64] = (now - np.maximum(time, now - int(MOST_DAYS * DAY_S))) / DAY_S
    return np.log1p(np.maximum(days, 0.0))


def _last(rows: Rows, times: Times, n: int) -> Times:
    last = np.full(n, -NEVER, np.int64)
    np.maximum.at(last, rows, times)
    return last


def _joined(one: Doings, other: Doings) -> Doings:
    items = np.concatenate([one.item_times, other.item_times])
    actions = np.concatenate([one.times, other.times])
    by_item, by_action = np.argsort(items, kind="stable"), np.argsort(actions, kind="stable")
    return Doings(
        np.concatenate([one.items, other.items])[by_item],
        items[by_item],
        np.concatenate([one.actions, other.actions])[by_action],
        np.concatenate([one.types, other.types])[by_action],
        actions[by_action],
        one.traits,
    )
