"""Pairs of users and items (or actions) for serving: from files of interactions and from the log."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import polars as pl

from openpersonalize.models.event_pairs import EventPairs
from openpersonalize.work.record_tables import distinct, id_index

ROWS_IN_FILE = 200_000


class Row(NamedTuple):
    """One event of the log as the index takes it; `USER` is the session of an anonymous user."""

    user: str
    item: str
    event_type: str
    timestamp: int


SCHEMA = pl.Schema({"user": pl.String, "item": pl.String, "event_type": pl.String, "timestamp": pl.Int64})


def write_rows(rows: Iterable[Row], folder: Path) -> list[Path]:
    """Write rows of the log as Parquet files, some at a time; returns the files in their order."""
    iterator = iter(rows)
    files: list[Path] = []
    while some := list(islice(iterator, ROWS_IN_FILE)):
        files.append(folder / f"rows-{len(files):05d}.parquet")
        pl.DataFrame(some, schema=SCHEMA, orient="row").write_parquet(files[-1])
    return files


def event_pairs(
    imported: Sequence[Sequence[Path]],
    written: Sequence[Path],
    item_column: str,
    progress: Callable[[float], None] = lambda fraction: None,
) -> EventPairs:
    """The pairs of all events: of imports, each a list of files, then of files that `write_rows` wrote.

    Of events at the same time those that are given later are the newer ones. Rows of a dataset without
    event types are of the type "".
    """
    events = pl.concat(_sources(imported, written, item_column))
    known: dict[str, pl.Series] = {}
    for place, name in enumerate(("user", "item", "event_type")):
        progress(0.2 * place)
        known[name] = distinct(events.select(pl.col(name).unique()).collect(engine="streaming")[name])
    progress(0.6)
    coded = events.select(
        *(pl.col(name).cast(pl.Enum(texts)).to_physical().cast(pl.Int32) for name, texts in known.items()),
        pl.col("timestamp"),
    ).collect(engine="streaming")
    progress(0.8)
    return EventPairs.build(
        id_index(known["user"]),
        id_index(known["item"]),
        tuple(known["event_type"].to_list()),
        event_users=coded["user"].to_numpy(),
        event_items=coded["item"].to_numpy(),
        event_types=coded["event_type"].to_numpy(),
        times=coded["timestamp"].to_numpy(),
    )


def _sources(
    imported: Sequence[Sequence[Path]], written: Sequence[Path], item_column: str
) -> Iterator[pl.LazyFrame]:
    yield pl.LazyFrame(schema=SCHEMA)
    for parts in imported:
        has_types = "EVENT_TYPE" in pl.read_parquet_schema(parts[0])
        event_type = pl.col("EVENT_TYPE").fill_null("") if has_types else pl.lit("")
        yield (
            pl.scan_parquet(list(parts))
            .select(
                pl.col("USER_ID").alias("user"),
                pl.col(item_column).alias("item"),
                event_type.alias("event_type"),
                pl.col("TIMESTAMP").alias("timestamp"),
            )
            .drop_nulls()
        )
    for path in written:
        yield pl.scan_parquet(path)
