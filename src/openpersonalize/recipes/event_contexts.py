"""In which context each interaction happened: values of contextual columns, coded by event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

MOST_VALUES = 1000
"""Of one column, those of most events: so a column that is like an id has no more than these."""

_NO_CODES: NDArray[np.int16] = np.empty((0, 0), np.int16)


@dataclass(frozen=True)
class EventContexts:
    """Codes by event, in the order of the events.

    - `columns`: all contextual columns of the schema.
    - `values`: by column whose values are categories, its values in the order of their codes.
    - `codes`: int16, shape (n_events, len(values)), -1 where an event has none of the values; without such
      columns shape (0, 0).
    """

    columns: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    codes: NDArray[np.int16] = field(default_factory=lambda: _NO_CODES)

    def select(self, events: "NDArray[np.bool_] | NDArray[np.int64]") -> "EventContexts":
        """Return the contexts of the events of a mask, or of a list of events."""
        codes = self.codes[events] if self.values else self.codes
        return EventContexts(self.columns, self.values, codes)


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
        return _NO_CODES
    return np.column_stack([coded[column(name)].to_numpy() for name in names])
