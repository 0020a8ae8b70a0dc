"""Tables of items, users or actions for serving: of each id its newest version, from files and from the log.

The newest write of an id wins. Generations count in the order in which training reads them, and what was put
one by one counts as newer than an import if it arrived when that had been asked for: the import's files were
written before. Each column is read by itself, so that memory holds one of them at a time.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openpersonalize.domain.columns import Column, DatasetColumns
from openpersonalize.models.columns import (
    SEPARATOR,
    ColumnTable,
    NumberColumn,
    TextColumn,
    is_text,
    number_type,
)
from openpersonalize.models.ids import IdIndex
from openpersonalize.work.csv_frames import DTYPES

ENCODED_AT_ONCE = 100_000


@dataclass(frozen=True)
class Imported:
    """The Parquet files of one import, in order, and when it was asked for."""

    parts: Sequence[Path]
    asked_at: float


@dataclass(frozen=True)
class Put:
    """The newest version of a record that was put by itself; properties as the log has them."""

    properties: str | None
    received_at: float


def record_table(
    columns: DatasetColumns,
    imports: Sequence[Imported],
    puts: Mapping[str, Put],
    progress: Callable[[float], None] = lambda fraction: None,
) -> ColumnTable:
    """The table of the columns, the identifier's own too; what a file or a record has no value of is null.

    `imports` are in the order of reading; `progress` is told which share of the work is done.
    """
    rows = pl.concat(_sources(columns, imports, puts))
    identifier = columns.identifier or ""
    ids, newest = _newest(rows.select(identifier).collect(engine="streaming")[identifier])
    texts: list[TextColumn] = []
    numbers: list[NumberColumn] = []
    for place, column in enumerate(columns.columns):
        progress(place / len(columns.columns))
        cells = rows.select(column.name).collect(engine="streaming")[column.name]
        cells = cells if newest is None else cells.gather(newest)
        if is_text(column):
            texts.append(_text_column(column, cells))
        else:
            numbers.append(_number_column(column, cells))
    return ColumnTable(id_index(ids), tuple(texts), tuple(numbers))


def _sources(
    columns: DatasetColumns, imports: Sequence[Imported], puts: Mapping[str, Put]
) -> list[pl.LazyFrame]:
    """All rows, older ones first: before each import the puts that are older than it."""
    # An import that is read later is no older, whenever it was asked for.
    times = list(accumulate((imported.asked_at for imported in imports), max))
    groups: list[dict[str, Put]] = [{} for _ in range(len(imports) + 1)]
    for record_id, put in puts.items():
        groups[bisect_right(times, put.received_at)][record_id] = put
    sources = [_put_rows(columns, groups[0])]
    for imported, later in zip(imports, groups[1:], strict=True):
        sources += [_imported_rows(columns, imported), _put_rows(columns, later)]
    return sources


def _imported_rows(columns: DatasetColumns, imported: Imported) -> pl.LazyFrame:
    names = pl.read_parquet_schema(imported.parts[0])
    return pl.scan_parquet(list(imported.parts)).select(
        (pl.col(column.name) if column.name in names else pl.lit(None))
        .cast(DTYPES[column.type])
        .alias(column.name)
        for column in columns.columns
    )


def _put_rows(columns: DatasetColumns, puts: Mapping[str, Put]) -> pl.LazyFrame:
    others = [column for column in columns.columns if column.name != columns.identifier]
    properties = pl.Series([put.properties for put in puts.values()], dtype=pl.String)
    cells = properties.str.json_decode(
        dtype=pl.Struct({column.name: DTYPES[column.type] for column in others})
    ).struct.unnest()
    ids = pl.Series(columns.identifier or "", list(puts), dtype=pl.String)
    return cells.with_columns(ids).select(columns.names).lazy()


def _newest(ids: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """The different ids, and the row of the last of each; None where that is every row."""
    last = pl.DataFrame({"id": ids, "row": pl.arange(len(ids), dtype=pl.UInt32, eager=True)}).unique(
        "id", keep="last", maintain_order=True
    )
    return last["id"], None if len(last) == len(ids) else last["row"]


def _text_column(column: Column, values: pl.Series) -> TextColumn:
    texts = values.cast(pl.String)  # booleans become true and false
    cells = distinct(texts)
    codes = codes_of(texts, cells)
    words, starts, word_cells = _words(cells if column.categorical else cells.clear())
    return TextColumn(
        column.name,
        np.append(codes, np.int32(-1)),
        id_index(cells),
        id_index(words),
        starts,
        word_cells,
        is_split=column.categorical,
    )


def _words(cells: pl.Series) -> tuple[pl.Series, NDArray[np.int64], NDArray[np.int32]]:
    """The single values of cells, and which cells each is in, as `TextColumn` has them."""
    pairs = (
        pl.DataFrame({"word": cells.str.split(SEPARATOR), "cell": pl.arange(len(cells), eager=True)})
        .explode("word")
        .unique()
        .sort("word", "cell")
    )
    words = distinct(pairs["word"])
    starts = np.zeros(len(words) + 1, np.int64)
    np.cumsum(np.bincount(codes_of(pairs["word"], words), minlength=len(words)), out=starts[1:])
    return words, starts, pairs["cell"].cast(pl.Int32).to_numpy()


def _number_column(column: Column, values: pl.Series) -> NumberColumn:
    numbers: Any = values.fill_null(0).to_numpy().astype(number_type(column))
    return NumberColumn.build(column.name, numbers, values.is_null().to_numpy())


def distinct(texts: pl.Series) -> pl.Series:
    """The different texts in the order of their UTF-8 bytes, without null."""
    return texts.drop_nulls().unique().sort()


def codes_of(texts: pl.Series, known: pl.Series) -> NDArray[np.int32]:
    """The place of each text among the known ones, which are all; -1 where it is null."""
    return texts.cast(pl.Enum(known)).to_physical().cast(pl.Int32).fill_null(-1).to_numpy()


def id_index(texts: pl.Series) -> IdIndex:
    """The index of different texts, in their order."""
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(texts.str.len_bytes().to_numpy(), out=offsets[1:])
    encoded = bytearray()
    for start in range(0, len(texts), ENCODED_AT_ONCE):
        encoded += b"".join(texts.slice(start, ENCODED_AT_ONCE).cast(pl.Binary).to_list())
    return IdIndex.of_bytes(np.frombuffer(encoded, np.uint8), offsets)
