"""The recipes of segments: users ranked for an item, or for a combination of item attributes."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openpersonalize.domain import evaluation_users
from openpersonalize.domain.item_attributes import Attribute
from openpersonalize.errors import JobError
from openpersonalize.models.columns import ColumnTable, NumberColumn, TextColumn
from openpersonalize.models.compiled import Floats, Ints
from openpersonalize.models.grouping import grouped
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.ranker import Question
from openpersonalize.models.segments import SegmentModel, best_users, no_attributes, standardised
from openpersonalize.recipes import als, cold_items, features, segment_parts
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.parameters import DEFAULT_WIDTH, width
from openpersonalize.recipes.recipe import USER_SEGMENTATION, Counts, Recipe, Value
from openpersonalize.recipes.training import Records, Task, Trained

NO_ATTRIBUTE = (
    "Did not find any attribute to train on. There may not be any attribute in the items dataset, or all "
    "attribute values either have same or all distinct values."
)
"""AWS's words."""

LEAST_REPEATED = 0.005
"""The share of repetitions among all events below which a user is taken to have an item once."""

_Asked = tuple[Callable[[SegmentModel], Floats], Ints]
"""What a test asks of a model, and the users that it should find."""


def train_for_items(task: Task) -> Trained:
    """Learn to rank users for an item; the test asks for items that users had later."""
    return _train(task, no_attributes(), _about_items)


def train_for_attributes(task: Task) -> Trained:
    """Learn to rank users for item attributes; the test asks for single values.

    Raises JobError where no value tells items apart.
    """
    table = _attributes(task.interactions.items, task.records.get("ITEMS"))
    attributes = _shared_values(table)
    if not attributes:
        raise JobError(NO_ATTRIBUTE)

    def about_attributes(model: SegmentModel, later: Interactions, seed: int) -> Sequence[_Asked]:
        return _about_attributes(attributes, model, later, seed)

    return _train(task, table, about_attributes)


def _train(
    task: Task, table: ColumnTable, questions: Callable[[SegmentModel, Interactions, int], Sequence[_Asked]]
) -> Trained:
    is_later = evaluation_users.is_held_out(task.interactions.histories.starts)
    earlier, later = task.interactions.select(~is_later), task.interactions.select(is_later)
    model = _fit(task, earlier, table, "training", (2.0, 45.0))
    task.progress("evaluating", 45.0)
    k = evaluation_users.n_best(len(model.users))
    lists, actual = [], []
    for scores_of, users in questions(model, later, task.seed):
        lists.append(best_users(scores_of(model), None, k))
        actual.append(users)
    metrics = evaluation_users.metrics(lists, actual, _n_known_users(task))
    if task.is_trial:
        return Trained(model, metrics)
    return Trained(_fit(task, task.interactions, table, "training on all data", (52.0, 95.0)), metrics)


def _n_known_users(task: Task) -> int:
    """Return the number of users of the Interactions and the Users dataset together."""
    users, records = task.interactions.users, task.records.get("USERS")
    unseen = 0 if records is None else np.count_nonzero(users.find_all(records.table.ids) < 0)
    return len(users) + int(unseen)


def _fit(
    task: Task, interactions: Interactions, table: ColumnTable, phase: str, percents: tuple[float, float]
) -> SegmentModel:
    low, high = percents

    def span(first: float, last: float) -> Callable[[float], None]:
        task.progress(phase, low + first * (high - low))
        return lambda share: task.progress(phase, low + (first + share * (last - first)) * (high - low))

    matrix = interactions.matrix()
    item_factors, user_factors = als.factorise_both(
        matrix,
        int(task.settings["hidden_dimension"]),
        seed=task.seed,
        n_threads=task.n_threads,
        report=span(0.0, 0.4),
    )
    item_factors = _placed(task.records.get("ITEMS"), interactions.items, item_factors, matrix.indices)
    owners = np.repeat(np.arange(interactions.n_users), np.diff(matrix.indptr))
    user_factors = _placed(task.records.get("USERS"), interactions.users, user_factors, owners)
    companions = segment_parts.companions(matrix, span(0.4, 0.8))
    followers = segment_parts.followers(matrix, n_threads=task.n_threads, report=span(0.8, 1.0))
    n_repeated = task.interactions.n_events - task.interactions.matrix().nnz
    return SegmentModel(
        items=interactions.items,
        users=interactions.users,
        item_factors=item_factors,
        user_factors=user_factors,
        events=matrix.T.tocsr(),
        companions=companions,
        followers=followers,
        activity=standardised(np.log1p(interactions.lengths).astype(np.float32)),
        is_repeated=n_repeated >= LEAST_REPEATED * task.interactions.n_events,
        attributes=table,
    )


def _placed(
    records: Records | None, ids: IdIndex, factors: Floats, pairs: "NDArray[np.int32] | NDArray[np.int64]"
) -> Floats:
    """Return factors in which ids of fewer than five `pairs` stand where their metadata say."""
    if records is None:
        return factors
    counts = np.bincount(pairs, minlength=len(ids)).astype(np.int64)
    design = features.design_matrix(records, ids)
    return cold_items.place(factors, np.zeros(len(ids), np.float32), design.matrix, counts).factors


def _drawn(n: int, seed: int) -> NDArray[np.int64]:
    """Draw the questions of a test from n, in their order."""
    generator = np.random.default_rng(seed)
    return np.sort(generator.choice(n, min(n, evaluation_users.MOST_QUERIES), replace=False))


def _about_items(model: SegmentModel, later: Interactions, seed: int) -> Sequence[_Asked]:
    """Ask for items that somebody had earlier and somebody later."""
    starts, order = grouped(later.histories.items, later.n_items)
    asked = np.flatnonzero((np.diff(starts) > 0) & (np.diff(model.events.indptr) > 0))
    users = later.user_of_event[order]
    return [
        (_for_item(item), np.unique(users[starts[item] : starts[item + 1]]))
        for item in asked[_drawn(len(asked), seed)].tolist()
    ]


def _for_item(item: int) -> Callable[[SegmentModel], Floats]:
    return lambda model: model.users_for_item(item)


def _about_attributes(
    attributes: Sequence[Attribute], model: SegmentModel, later: Interactions, seed: int
) -> Sequence[_Asked]:
    """Ask for values of items that somebody had later."""
    asked: list[_Asked] = []
    for place in _drawn(len(attributes), seed):
        items = model.items_with([attributes[place]])
        users = np.unique(later.user_of_event[np.isin(later.histories.items, items)])
        if len(users):
            asked.append((_for_items(items), users))
    return asked


def _for_items(items: Ints) -> Callable[[SegmentModel], Floats]:
    return lambda model: model.users_for_items(items)


def _attributes(items: IdIndex, records: Records | None) -> ColumnTable:
    """Return the columns that may be asked for, in the order of the items; none without records."""
    if records is None:
        return ColumnTable(items, (), ())
    rows = records.table.ids.find_all(items)
    names = set(records.features) - set(records.textual)
    texts = [_chosen_texts(column, rows) for column in records.table.texts if column.name in names]
    numbers = [
        NumberColumn.build(column.name, column.values[rows], column.is_null[rows])
        for column in records.table.numbers
        if column.name in names
    ]
    return ColumnTable(items, tuple(texts), tuple(numbers))


def _chosen_texts(column: TextColumn, rows: Ints) -> TextColumn:
    return TextColumn(
        column.name,
        np.append(column.codes[rows], np.int32(-1)),
        column.cells,
        column.words,
        column.word_starts,
        column.word_cells,
        column.is_split,
    )


def _shared_values(table: ColumnTable) -> list[Attribute]:
    """Return the values that at least two items have, and not all of them."""
    shared: list[Attribute] = []
    for column in table.texts:
        values = column.words if column.is_split else column.cells
        counts = _items_by_value(column)
        chosen = np.flatnonzero((counts >= 2) & (counts < len(table))).astype(np.int32)
        shared += [Attribute(column.name, text) for text in values.texts(chosen)]
    for numbers in table.numbers:
        found, counts = np.unique(numbers.values[~numbers.is_null], return_counts=True)
        is_shared = (counts >= 2) & (counts < len(table))
        shared += [Attribute(numbers.name, number) for number in found[is_shared].tolist()]
    return shared


def _items_by_value(column: TextColumn) -> NDArray[np.int64]:
    """Return the number of items by word, or by cell where cells are not split."""
    of_cells = np.bincount(column.codes[column.codes >= 0], minlength=len(column.cells))
    if not column.is_split:
        return of_cells
    before = np.concatenate([[0], np.cumsum(of_cells[column.word_cells])])
    return np.asarray(before[column.word_starts[1:]] - before[column.word_starts[:-1]], np.int64)


def _memory(counts: Counts, settings: Mapping[str, Value]) -> float:
    """Return the bytes that a training holds at most; benchmarks measure it."""
    n_factors = (counts.n_users + counts.n_items) * int(settings["hidden_dimension"])
    n_exact = min(counts.n_users, counts.n_items, segment_parts.MOST_EXACT)
    n_pairs = min(segment_parts.N_COMPANIONS, counts.n_items) * counts.n_items
    n_followers = min(segment_parts.N_LIKE_MINDED, counts.n_users) * counts.n_users
    return 8.0 * n_factors + 32.0 * n_exact**2 + 24.0 * n_pairs + 40.0 * n_followers + 100.0 * counts.n_events


def _recipe(name: str, description: str, **more: Any) -> Recipe:
    return Recipe(
        name,
        USER_SEGMENTATION,
        description,
        hyperparameters=(width(DEFAULT_WIDTH, is_tunable=False),),
        question=Question.USERS,
        model=SegmentModel,
        tables=("ITEMS", "USERS"),
        memory=_memory,
        **more,
    )


RECIPES = (
    _recipe(
        "aws-item-affinity",
        "Makes a segment of users for each given item.",
        feature_transformation="item-affinity",
        created=datetime(2021, 7, 15, tzinfo=UTC),
        train=train_for_items,
    ),
    _recipe(
        "aws-item-attribute-affinity",
        "Makes a segment of users for each given combination of item attributes.",
        feature_transformation="item-attribute-affinity",
        created=datetime(2021, 8, 25, tzinfo=UTC),
        train=train_for_attributes,
    ),
)
