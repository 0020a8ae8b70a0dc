"""What the records of actions say of when an action may be recommended, and what it is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.columns import ColumnTable, NumberColumn
from openpersonalize.models.compiled import freeze

NEVER = 2**62
"""An expiration that does not come, and, negated, a time before everything."""
DAY_S = 86_400

Source = tuple[ColumnTable, NDArray[np.int32], NDArray[np.int32] | None]
"""A table, the row in it of each of some actions (-1: none), and which actions they are; None for all."""


@dataclass(frozen=True)
class ActionRules:
    """By action, int64: `values` (0 where there is none), `expires_at` in epoch seconds, `repeat_s`."""

    values: NDArray[np.int64]
    expires_at: NDArray[np.int64]
    repeat_s: NDArray[np.int64]

    def __post_init__(self) -> None:
        freeze(self)

    @classmethod
    def of(cls, n_actions: int, sources: Sequence[Source]) -> "ActionRules":
        """Read VALUE, EXPIRATION_TIMESTAMP (of either name) and REPEAT_FREQUENCY; later sources hold."""
        ends = [
            _numbers(n_actions, sources, name, NEVER)
            for name in ("EXPIRATION_TIMESTAMP", "ACTION_EXPIRATION_TIMESTAMP")
        ]
        return cls(
            _numbers(n_actions, sources, "VALUE", 0),
            np.minimum(*ends),
            _numbers(n_actions, sources, "REPEAT_FREQUENCY", 0) * DAY_S,
        )

    def open(self, now: float, taken_at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which actions may be recommended to a user who took them at these times (int64, epoch seconds)."""
        is_again = (self.repeat_s == 0) | (now >= taken_at + self.repeat_s)
        return np.asarray((now < self.expires_at) & is_again, np.bool_)


def _numbers(n_actions: int, sources: Sequence[Source], name: str, null: int) -> NDArray[np.int64]:
    numbers = np.full(n_actions, null, np.int64)
    for table, rows, places in sources:
        column = table.column(name)
        found = np.full(len(rows), null, np.int64)
        if isinstance(column, NumberColumn):
            is_null = column.is_null[rows]
            found[~is_null] = column.values[rows][~is_null]
        if places is None:
            numbers = found
        else:
            numbers[places] = found
    return numbers
