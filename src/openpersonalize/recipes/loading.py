"""Reads what training trains on from Parquet files: the only code that builds id maps and histories."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

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
from openpersonalize.recipes.interactions import EventContexts, Interactions, selected

_KEYWORDS = ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE")
"""No value of EVENT_TYPE may be one of the schema's reserved words."""


@dataclass(frozen=True)
class Source:
    """Where interactions and items come from.

    - `interactions`: Parquet files of the active generations and, last, of the streamed events; in order.
    - `items`: Parquet files of the Items dataset, which may name items without interactions.
    - `more_items`: ids of more items, as those that were put one by one; some may be in the files too.
    - `has_one_origin`: whether all interactions are of one generation, from which the import has removed
      duplicates already.
    - `contexts`: the contextual columns of the interactions' schema, and whether their values are categories,
      or else numbers, which are not read.
    """

    interactions: Sequence[Path]
    items: Sequence[Path] = ()
    more_items: Sequence[str] = ()
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


def load_interactions(
    source: Source, events: EventFilter, *, has_minimums: bool = True, is_needed: bool = True
) -> Interactions:
    """Read what training trains on.

    Raises JobError if it is nothing, or less than AWS demands, unless interactions are not needed.
    """
    if not is_needed:
        return read_interactions(source, events) if source.interactions else Interactions.none()
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
    if source.more_items:
        more = pl.LazyFrame({"ITEM_ID": source.more_items}, schema={"ITEM_ID": pl.String})
        items = _distinct(pl.concat([items.to_frame().lazy(), more]), "ITEM_ID")
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
    return selected(histories, is_first), contexts.select(is_first)


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
