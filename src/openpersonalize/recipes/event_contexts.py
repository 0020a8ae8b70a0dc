"""In which context each interaction happened: values of contextual columns, coded by event."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openpersonalize.recipes.interactions import NO_CODES

MOST_VALUES = 1000
"""Of one column, those of most events: so a column that is like an id has no more than these."""


def column(name: str) -> str:
    """Return what a contextual column is called while it is read; no other column can have this name."""
    return f"context:{name}"


def most_frequent(frame: pl.LazyFrame, name: str) -> tuple[str, ...]:
    """Return a column's most frequent values, at most `MOST_VALUES`, in the order of their text."""
    counts = frame.select(value=pl.col(column(name)).drop_nulls()).group_by("value").len("n_events")
    highest = counts.sort(["n_events", "value"], descending=[True, False]).head(MOST_VALUES)
    return tuple(highest.collect(engine="streaming")["value"].sort())


def code_of(name: str, values: Sequence[str]) -> pl.Expr:
    """Return the expression of a column's codes."""
    if not values:
        return pl.lit(-1, pl.Int16).alias(column(name))
    codes = pl.col(column(name)).cast(pl.Enum(values), strict=False).to_physical()
    return codes.cast(pl.Int16).fill_null(-1)


def codes_in(coded: pl.DataFrame, names: Sequence[str]) -> NDArray[np.int16]:
    """Return the codes of some columns, shape (n_events, n_columns), or (0, 0) without columns."""
    if not names:
        return NO_CODES
    return np.column_stack([coded[column(name)].to_numpy() for name in names])
