"""Interactions as training sees them: the only code that builds id maps, histories and matrices."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.domain.limits import (
    MIN_INTERACTIONS,
    MIN_SHARE_OF_USERS_WITH_TWO,
    MIN_USERS_WITH_TWO,
)
from openpersonalize.errors import JobError
from openpersonalize.models.compiled import Flags, Ints, Longs, Shorts, compiled
from openpersonalize.models.grouping import grouped
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes import event_contexts
from openpersonalize.recipes.event_contexts import EventContexts

_KEYWORDS = ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE")
"""No value of EVENT_TYPE may be one of the schema's reserved words."""


@dataclass(frozen=True)
class Source:
    """Where interactions and items come from.

    - `interactions`: Parquet files of the active generations and, last, of the streamed events; in order.
    - `items`: Parquet files of the Items dataset, which may name items without interactions.
    - `has_one_origin`: whether all interactions are of one generation, from which the import has removed
      duplicates already.
    - `contexts`: the contextual columns of the interactions' schema, and whether their values are categories,
      or else numbers, which are not read.
    """

    interactions: Sequence[Path]
    items: Sequence[Path] = ()
    has_one_origin: bool = False
    contexts: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class EventFilter:
    """Which interactions count: those of one type, and those of at least a value; None takes all."""

    event_type: str | None = None
    value_threshold: float | None = None

    def describe(self) -> str:
        """Return the tail of a sentence that names the filter."""
        tail = f" after filtering by event type: {self.event_type}" if self.event_type is not None else ""
        if self.value_threshold is not None:
            tail += f"{' and' if tail else ' after filtering by'} EVENT_VALUE >= {self.value_threshold:g}"
        return tail


@dataclass(frozen=True)
class Interactions:
    """Histories of all users, each oldest first; events of equal time stand in file order.

    Item rows and user rows are in the order of the ids' text. Items without interactions are known too.
    """

    users: IdIndex
    items: IdIndex
    histories: Histories
    contexts: EventContexts = field(default_factory=EventContexts)

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Number of items, with and without interactions."""
        return len(self.items)

    @property
    def n_events(self) -> int:
        """Number of interactions."""
        return len(self.histories.items)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Number of events by user, int64."""
        return np.diff(self.histories.starts)

    @cached_property
    def user_of_event(self) -> NDArray[np.int32]:
        """The user row of every event, int32."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), self.lengths)

    @cached_property
    def users_by_item(self) -> NDArray[np.int64]:
        """Number of distinct users by item, int64."""
        counts = np.zeros(self.n_items, np.int64)
        _count_distinct_users(self.histories.starts, self.histories.items, counts)
        return counts

    def select(self, is_kept: NDArray[np.bool_]) -> "Interactions":
        """Return the interactions of a mask over events; users and items keep their rows."""
        histories = _selected(self.histories, is_kept)
        return Interactions(self.users, self.items, histories, self.contexts.select(is_kept))

    def without_users(self, users: NDArray[np.int64]) -> "Interactions":
        """Return the interactions of all other users; rows stay as they are."""
        is_left = np.ones(self.n_users, np.bool_)
        is_left[users] = False
        return self.select(np.repeat(is_left, self.lengths))

    def of_typical_users(self, low: float, high: float) -> "Interactions":
        """Keep users whose number of events lies between two percentiles of it, both in [0, 1]."""
        if (low <= 0.0 and high >= 1.0) or self.n_events == 0:
            return self
        lengths = self.lengths[self.lengths > 0]
        shortest, longest = np.quantile(lengths, [low, high], method="nearest")
        return self.without_users(np.flatnonzero((self.lengths < shortest) | (self.lengths > longest)))

    def matrix(self) -> scipy.sparse.csr_matrix[np.float32]:
        """Return users x items, float32: 1 + log(number of times) of each pair that occurs."""
        shape = (self.n_users, self.n_items)
        ones = np.ones(self.n_events, np.float32)
        starts = self.histories.starts
        matrix = scipy.sparse.csr_matrix((ones, self.histories.items.copy(), starts.copy()), shape=shape)
        matrix.sum_duplicates()
        if matrix.nnz != self.n_events:
            matrix.data = (1.0 + np.log(matrix.data)).astype(np.float32)
        return matrix


def load_interactions(source: Source, events: EventFilter, *, has_minimums: bool = True) -> Interactions:
    """Read what training trains on. Raises JobError if it is nothing, or less than AWS demands."""
    interactions = read_interactions(source, events)
    if has_minimums:
        require_enough(interactions, events)
    elif interactions.n_events == 0:
        raise JobError(f"Dataset has no interactions{events.describe()}: import some, or send events.")
    return interactions


def read_interactions(source: Source, events: EventFilter) -> Interactions:
    """Read interactions, however few. Raises JobError where there is no file of them."""
    frame = _scan(source, events)
    users = _distinct(frame, "USER_ID")
    items = _distinct(frame, "ITEM_ID")
    if source.items:
        # Files from before a change of the schema have other columns.
        files = pl.scan_parquet(list(source.items), extra_columns="ignore", missing_columns="insert")
        extra = files.select("ITEM_ID")
        items = _distinct(pl.concat([items.to_frame().lazy(), extra]), "ITEM_ID")
    categories = [name for name, is_categories in source.contexts.items() if is_categories]
    values = {name: event_contexts.most_frequent(frame, name) for name in categories}
    coded = frame.select(
        pl.col("USER_ID").cast(pl.Enum(users)).to_physical().cast(pl.Int32),
        pl.col("ITEM_ID").cast(pl.Enum(items)).to_physical().cast(pl.Int32),
        pl.col("TIMESTAMP"),
        pl.lit(0, pl.UInt64).alias("tag")
        if source.has_one_origin
        else pl.struct("EVENT_TYPE", "EVENT_VALUE").hash().alias("tag"),
        *(event_contexts.code_of(name, values[name]) for name in categories),
    ).collect(engine="streaming")
    contexts = EventContexts(tuple(source.contexts), values, event_contexts.codes_in(coded, categories))
    histories, contexts = _by_user(coded, len(users), contexts, has_duplicates=not source.has_one_origin)
    return Interactions(IdIndex.build(users.to_list()), IdIndex.build(items.to_list()), histories, contexts)


def require_enough(interactions: Interactions, events: EventFilter) -> None:
    """Raise JobError with AWS's reason, and the counts, if there is too little to train on."""
    tail = events.describe()
    if interactions.n_events < MIN_INTERACTIONS:
        raise JobError(
            f"Dataset has fewer than {MIN_INTERACTIONS} interactions{tail}. "
            f"It has {interactions.n_events}; import or stream at least "
            f"{MIN_INTERACTIONS - interactions.n_events} more."
        )
    n_users, n_with_two = interactions.n_users, int((interactions.lengths >= 2).sum())
    counts = f"It has {n_with_two} of {n_users} users with at least 2 interactions{tail}"
    if n_with_two < MIN_USERS_WITH_TWO:
        raise JobError(
            f"Dataset has fewer than {MIN_USERS_WITH_TWO} users with at least 2 interactions each. {counts}; "
            f"{MIN_USERS_WITH_TWO - n_with_two} more are needed."
        )
    n_needed = math.ceil(MIN_SHARE_OF_USERS_WITH_TWO * n_users)
    if n_with_two < n_needed:
        raise JobError(
            f"Dataset has fewer than {MIN_SHARE_OF_USERS_WITH_TWO:.0%} of users with at least 2 interactions "
            f"each. {counts}; {n_needed - n_with_two} more are needed."
        )


def _scan(source: Source, events: EventFilter) -> pl.LazyFrame:
    """Return the interactions that count, lazily, in order."""
    if not source.interactions:
        raise JobError(
            "The dataset group has no interactions: import some, or send events, then train again."
        )
    scans = [pl.scan_parquet(path) for path in source.interactions]
    columns = [set(scan.collect_schema().names()) for scan in scans]
    contexts = [name for name, is_categories in source.contexts.items() if is_categories]
    frame = pl.concat([_uniform(scan, names, contexts) for scan, names in zip(scans, columns, strict=True)])
    frame = frame.filter(
        pl.col("USER_ID").is_not_null() & pl.col("ITEM_ID").is_not_null() & pl.col("TIMESTAMP").is_not_null()
    )
    if events.event_type is not None:
        _require_usable_types(frame)
        frame = frame.filter(pl.col("EVENT_TYPE") == events.event_type)
    if events.value_threshold is not None:
        frame = frame.filter(pl.col("EVENT_VALUE") >= events.value_threshold)
    return frame


def _uniform(scan: pl.LazyFrame, names: set[str], contexts: Sequence[str]) -> pl.LazyFrame:
    """Bring the columns that training reads into one form; absent ones are null."""
    types = {
        "USER_ID": pl.String,
        "ITEM_ID": pl.String,
        "TIMESTAMP": pl.Int64,
        "EVENT_TYPE": pl.String,
        "EVENT_VALUE": pl.Float32,
    }
    aliases = {name: name for name in types} | {name: event_contexts.column(name) for name in contexts}
    return scan.select(
        (pl.col(name) if name in names else pl.lit(None)).cast(types.get(name, pl.String)).alias(alias)
        for name, alias in aliases.items()
    )


def _require_usable_types(frame: pl.LazyFrame) -> None:
    usable = pl.col("EVENT_TYPE").is_not_null() & ~pl.col("EVENT_TYPE").is_in(_KEYWORDS)
    if not frame.select(usable.any()).collect(engine="streaming").item():
        raise JobError("All values in the event_type column are either reserved keywords or null")


def _distinct(frame: pl.LazyFrame, column: str) -> pl.Series:
    """Return the distinct values of a column in the order of their text (UTF-8 bytes)."""
    return frame.select(pl.col(column).unique()).collect(engine="streaming")[column].sort()


def _by_user(
    coded: pl.DataFrame, n_users: int, contexts: EventContexts, *, has_duplicates: bool
) -> tuple[Histories, EventContexts]:
    """Group events by user, then order each user's by time; equal times keep the given order.

    Of events of a user that agree in item, time and tag, the first is kept. (Other columns are not compared.)
    """
    starts, order = grouped(coded["USER_ID"].to_numpy(), n_users)
    items, times = coded["ITEM_ID"].to_numpy()[order], coded["TIMESTAMP"].to_numpy()[order]
    tags = coded["tag"].to_numpy().view(np.int64)[order] if has_duplicates else np.empty(0, np.int64)
    codes = np.ascontiguousarray(contexts.codes[order]) if contexts.values else contexts.codes
    _order_by_time(starts, items, times, tags, codes)
    histories, contexts = Histories(starts, items, times), replace(contexts, codes=codes)
    if not has_duplicates:
        return histories, contexts
    is_first = np.ones(len(items), np.bool_)
    _mark_duplicates(starts, items, times, tags, is_first)
    return _selected(histories, is_first), contexts.select(is_first)


def _selected(histories: Histories, is_kept: NDArray[np.bool_]) -> Histories:
    """Return the events of a mask over events."""
    kept_before = np.concatenate([[0], np.cumsum(is_kept)])
    return Histories(kept_before[histories.starts], histories.items[is_kept], histories.times[is_kept])


@compiled
def _order_by_time(starts: Longs, items: Ints, times: Longs, tags: Longs, codes: Shorts) -> None:
    """Sort each user's events by time, stably; events that are in order already cost one pass."""
    for user in range(len(starts) - 1):
        first, end = starts[user], starts[user + 1]
        is_ordered = True
        for event in range(first + 1, end):
            if times[event] < times[event - 1]:
                is_ordered = False
                break
        if not is_ordered:
            order = np.argsort(times[first:end], kind="mergesort")
            items[first:end] = items[first:end][order]
            times[first:end] = times[first:end][order]
            if len(tags) > 0:
                tags[first:end] = tags[first:end][order]
            for column in range(codes.shape[1]):
                codes[first:end, column] = codes[first:end, column][order]


@compiled
def _mark_duplicates(starts: Longs, items: Ints, times: Longs, tags: Longs, is_first: Flags) -> None:
    """Clear the mark of every event that equals an earlier one; equal times stand together."""
    for user in range(len(starts) - 1):
        first = starts[user]
        while first < starts[user + 1]:
            end = first + 1
            while end < starts[user + 1] and times[end] == times[first]:
                end += 1
            by_tag = np.argsort(tags[first:end], kind="mergesort")
            order = by_tag[np.argsort(items[first:end][by_tag], kind="mergesort")] + first
            for at in range(1, end - first):
                event, before = order[at], order[at - 1]
                if items[event] == items[before] and tags[event] == tags[before]:
                    is_first[event] = False
            first = end


@compiled
def _count_distinct_users(starts: Longs, items: Ints, counts: Longs) -> None:
    last_user = np.full(len(counts), -1, np.int32)
    for user in range(len(starts) - 1):
        for event in range(starts[user], starts[user + 1]):
            item = items[event]
            if last_user[item] != user:
                last_user[item] = user
                counts[item] += 1
