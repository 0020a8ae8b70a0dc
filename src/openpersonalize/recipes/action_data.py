"""What the recipe of actions learns from: the actions, tastes, traits, and the decisions of users."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.errors import JobError
from openpersonalize.models.action_events import TAKEN, ActionEvents
from openpersonalize.models.action_rules import DAY_S
from openpersonalize.models.actions import N_COUNTS, N_OWN, ActionFeatures, Doings
from openpersonalize.models.columns import NumberColumn
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes.action_fit import Examples
from openpersonalize.recipes.features import Design, design_matrix
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.training import Records, Task

MOST_ACTIONS = 1_000
MOST_EXAMPLES = 40_000
"""Decisions that are learned from; of more those of users drawn by chance."""
N_TASTES, N_TASTES_OF_METADATA = 16, 8
MOST_TRAITS = 100
RARE = 10.0
"""Items count as if so many more users had them, so that those of few users decide little."""
_RULES = ("VALUE", "REPEAT_FREQUENCY")
"""Columns of actions that say when and in which order they are shown, not what they are like."""


@dataclass(frozen=True)
class ActionData:
    """All that is learned from.

    - `actions`: those of the Actions dataset, in its order; `events`: what users did with them.
    - `traits`: float32, CSR, shape (n_known_users, n_traits), by `known_users`.
    """

    actions: IdIndex
    interactions: Interactions
    events: ActionEvents
    features: ActionFeatures
    known_users: IdIndex
    traits: Design

    def without(self, users: NDArray[np.int64]) -> "ActionData":
        """Return what is left without some users of the events."""
        events = self.events
        theirs = self.interactions.users.find_all(events.users)[users]
        return replace(
            self,
            events=events.without_users(users),
            interactions=self.interactions.without_users(np.unique(theirs[theirs >= 0]).astype(np.int64)),
        )

    def doings(self) -> Callable[[int], Doings]:
        """Return what gives a user of the events with all that they did."""
        events, histories = self.events, self.interactions.histories
        rows = self.interactions.users.find_all(events.users)
        known = self.known_users.find_all(events.users)
        traits = np.zeros(self.traits.matrix.shape[1])

        def of_user(user: int) -> Doings:
            done, row = events.of_user(user), int(rows[user])
            own = traits if known[user] < 0 else self.traits.matrix[int(known[user])].toarray()[0]
            return Doings(
                histories.items_of(row),
                histories.times_of(row),
                events.rows[done],
                events.types[done],
                events.times[done],
                own.astype(np.float64),
            )

        return of_user


def action_data(task: Task, interactions: Interactions) -> ActionData:
    """Return what a task has for the recipe. Raises JobError without actions."""
    records = task.records.get("ACTIONS")
    if records is None or len(records.table) == 0:
        raise JobError("There are no actions to recommend: import some into an Actions dataset, or put them.")
    actions = known_actions(records, task.actions)
    known = task.records.get("USERS")
    return ActionData(
        actions,
        interactions,
        task.actions.among(actions),
        ActionFeatures(item_vectors(interactions, task), similar_actions(records, actions)),
        IdIndex.build([]) if known is None else known.table.ids,
        _frequent(design_matrix(known, known.table.ids)) if known is not None else _no_traits(),
    )


def known_actions(records: Records, events: ActionEvents) -> IdIndex:
    """Return the actions of a dataset; of too many those that are newest, or were met last."""
    ids = records.table.ids
    if len(ids) <= MOST_ACTIONS:
        return ids
    created = records.table.column("CREATION_TIMESTAMP")
    times = np.zeros(len(ids), np.int64)
    if isinstance(created, NumberColumn):
        times = np.where(created.is_null, 0, created.values).astype(np.int64)[:-1]
    met = events.among(ids)
    np.maximum.at(times, met.rows, met.times)
    newest = np.sort(np.argsort(-times, kind="stable")[:MOST_ACTIONS]).astype(np.int32)
    return IdIndex.build(ids.texts(newest))


def similar_actions(records: Records, actions: IdIndex) -> NDArray[np.float32]:
    """Return how alike actions are: the cosines of their metadata, rows that sum to 1 or are 0."""
    like_others = tuple(name for name in records.features if name not in _RULES)
    matrix = design_matrix(replace(records, features=like_others), actions).matrix
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    unit: Any = scipy.sparse.diags(1.0 / np.maximum(lengths, 1e-9)) @ matrix
    similar = np.asarray((unit @ unit.T).toarray(), np.float32)
    np.fill_diagonal(similar, 0.0)
    return np.asarray(similar / np.maximum(similar.sum(axis=1, keepdims=True), np.float32(1e-9)), np.float32)


def item_vectors(interactions: Interactions, task: Task) -> NDArray[np.float32]:
    """Return vectors of items by who has them and by their metadata: float32, (n_items, <= 24)."""
    generator = np.random.default_rng(task.seed)
    matrix = interactions.matrix()
    of_users = np.asarray(matrix.sum(axis=1)).ravel()
    of_items = 1.0 / np.sqrt(np.asarray(matrix.sum(axis=0)).ravel() + RARE)
    scaled = (
        scipy.sparse.diags(1.0 / np.sqrt(np.maximum(of_users, 1.0))) @ matrix @ scipy.sparse.diags(of_items)
    )
    found = [right_vectors(scaled.tocsr(), N_TASTES, generator) * of_items[:, None]]
    if records := task.records.get("ITEMS"):
        metadata = design_matrix(records, interactions.items).matrix
        axes = right_vectors(metadata, N_TASTES_OF_METADATA, generator)
        found.append(metadata @ axes)
    return np.column_stack(found).astype(np.float32)


def right_vectors(matrix: Any, k: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return the first right singular vectors, float64, shape (n_columns, <= k): by a randomized search.

    `matrix` is sparse.
    """
    k = min(k, *matrix.shape)
    if k == 0:
        return np.zeros((matrix.shape[1], 0))
    span = matrix.T @ generator.standard_normal((matrix.shape[0], k + 8))
    for _ in range(4):
        span, _ = np.linalg.qr(matrix.T @ (matrix @ np.linalg.qr(span)[0]))
    _, _, rotation = np.linalg.svd(matrix @ span, full_matrices=False)
    return np.asarray(span @ rotation.T[:, :k], np.float64)


def newest_histories(histories: Histories, most: int) -> Histories:
    """Return the newest events of each user."""
    starts = histories.starts
    from_end = np.repeat(starts[1:], np.diff(starts)) - np.arange(len(histories.items))
    is_kept = from_end <= most
    kept_before = np.concatenate([[0], np.cumsum(is_kept)])
    return Histories(kept_before[starts], histories.items[is_kept], histories.times[is_kept])


def decisions(
    rows: NDArray[np.int32], types: NDArray[np.int32], times: NDArray[np.int64], period_s: int
) -> "tuple[NDArray[np.int64], NDArray[np.bool_]]":
    """Return where a user's decisions begin, among their events, and whether the action was taken.

    A decision begins with any event of an action, and lasts for the period: it has been taken if one of the
    events of the action until then is TAKEN.
    """
    begun: dict[int, tuple[int, int]] = {}
    starts: list[int] = []
    is_taken: list[bool] = []
    for place, (action, kind, time) in enumerate(
        zip(rows.tolist(), types.tolist(), times.tolist(), strict=True)
    ):
        number, end = begun.get(action, (0, -1))
        if time > end:
            begun[action] = len(starts), time + period_s
            starts.append(place)
            is_taken.append(kind == TAKEN)
        elif kind == TAKEN:
            is_taken[number] = True
    return np.array(starts, np.int64), np.array(is_taken, np.bool_)


def examples_of(
    data: ActionData, days: int, generator: np.random.Generator, progress: Callable[[float], None]
) -> Examples:
    """Return the decisions of users, with the features of what was known just before each.

    Decisions whose period has not passed are left out where at least half have.
    """
    of_user = data.doings()
    users = np.flatnonzero(data.events.lengths)
    users = users[generator.permutation(len(users))]
    chunks: list[Examples] = []
    n_found = 0
    for place, user in enumerate(users.tolist()):
        if n_found >= MOST_EXAMPLES:
            break
        if place % 200 == 0:
            progress(max(place / len(users), n_found / MOST_EXAMPLES))
        chunks.append(_of_user(data, of_user(user), user, days * DAY_S))
        n_found += len(chunks[-1].users)
    return _settled(_together(data, chunks), data.events.newest - days * DAY_S)


def _of_user(data: ActionData, doings: Doings, user: int, period_s: int) -> Examples:
    places, is_taken = decisions(doings.actions, doings.types, doings.times, period_s)
    starts, actions = doings.times[places], doings.actions[places]
    features = np.concatenate(list(_features(data.features, doings, starts, actions)))
    return Examples(features, actions, is_taken, np.full(len(places), user), starts)


def _features(
    features: ActionFeatures, doings: Doings, starts: NDArray[np.int64], actions: NDArray[np.int32]
) -> Iterator[NDArray[np.float64]]:
    for time in np.unique(starts).tolist():
        chosen = actions[starts == time]
        before = doings.before(time)
        user = np.broadcast_to(of_user := features.of_user(before, time), (len(chosen), len(of_user)))
        yield np.column_stack([user, features.of_actions(before, time, chosen)])


def _settled(examples: Examples, latest: int) -> Examples:
    is_over = examples.starts <= latest
    return examples.select(is_over) if 2 * np.count_nonzero(is_over) >= len(is_over) else examples


def _together(data: ActionData, chunks: list[Examples]) -> Examples:
    n_user = data.features.item_vectors.shape[1] + N_COUNTS + data.traits.matrix.shape[1]
    nothing = np.empty(0, np.int64)
    none = Examples(
        np.empty((0, n_user + N_OWN)), nothing.astype(np.int32), nothing.astype(np.bool_), nothing, nothing
    )
    chunks = [none, *chunks]
    return Examples(
        np.concatenate([one.features for one in chunks]),
        np.concatenate([one.actions for one in chunks]),
        np.concatenate([one.is_taken for one in chunks]),
        np.concatenate([one.users for one in chunks]),
        np.concatenate([one.starts for one in chunks]),
    )


def _frequent(design: Design) -> Design:
    """Keep the traits that most users have."""
    if len(design.names) <= MOST_TRAITS:
        return design
    n_users = np.asarray(design.matrix.getnnz(axis=0))
    kept = np.sort(np.argsort(-n_users, kind="stable")[:MOST_TRAITS])
    return Design(design.matrix[:, kept].tocsr(), tuple(design.names[place] for place in kept.tolist()))


def _no_traits() -> Design:
    return Design(scipy.sparse.csr_matrix(np.empty((0, 0), np.float32)), ())
