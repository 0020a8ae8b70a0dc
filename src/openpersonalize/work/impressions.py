"""How often each item was shown, by what interactions say: their IMPRESSION column, or the list they name.

An event shows each item of its impression once. A list that several events name by its recommendationId was
shown once.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openpersonalize.models.columns import SEPARATOR
from openpersonalize.models.ids import IdIndex
from openpersonalize.storage.shown import impressions_of
from openpersonalize.storage.stores import Stores

_COLUMN = "IMPRESSION"


def write_streamed(stores: Stores, columns: Mapping[str, Sequence[Any]], path: Path) -> list[Path]:
    """Write how often streamed events show each item, as one Parquet file; none if they show nothing.

    `columns` are those of `event_log.Streamed`.
    """
    with stores.database.read() as session:
        lists = impressions_of(session, columns)
    counts: Counter[str] = Counter()
    named: set[tuple[str, str]] = set()
    given = zip(
        lists, columns["impression"], columns["recommendation_id"], columns["source_arn"], strict=True
    )
    for items, own, recommendation_id, source_arn in given:
        if items is None:
            continue
        if own is None:
            if (recommendation_id, source_arn) in named:
                continue
            named.add((recommendation_id, source_arn))
        counts.update(items)
    if not counts:
        return []
    ids = sorted(counts)
    pl.DataFrame({"ITEM_ID": ids, "n": [counts[item] for item in ids]}).write_parquet(path)
    return [path]


def count(imported: Sequence[Path], streamed: Sequence[Path], items: IdIndex) -> NDArray[np.int64]:
    """Return by item how often imported interactions (Parquet files) and streamed ones have shown it."""
    counts = np.zeros(len(items), np.int64)
    for path in imported:
        scan = pl.scan_parquet(path)
        if _COLUMN in scan.collect_schema().names():
            shown = scan.select(ITEM_ID=pl.col(_COLUMN).drop_nulls().str.split(SEPARATOR).explode())
            _add(counts, shown.group_by("ITEM_ID").len("n").collect(engine="streaming"), items)
    for path in streamed:
        _add(counts, pl.read_parquet(path), items)
    return counts


def _add(counts: NDArray[np.int64], found: pl.DataFrame, items: IdIndex) -> None:
    found = found.drop_nulls()
    rows = items.find_many(found["ITEM_ID"].to_list())
    is_known = rows >= 0
    np.add.at(counts, rows[is_known], found["n"].to_numpy()[is_known].astype(np.int64))
