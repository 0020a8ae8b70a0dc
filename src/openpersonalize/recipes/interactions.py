"""Interactions as training sees them: ids, histories, matrices and contexts; `loading` reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.models.compiled import Ints, Longs, compiled
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex

NO_CODES: NDArray[np.int16] = np.empty((0, 0), np.int16)


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
    codes: NDArray[np.int16] = field(default_factory=lambda: NO_CODES)

    def select(self, events: "NDArray[np.bool_] | NDArray[np.int64]") -> "EventContexts":
        """Return the contexts of the events of a mask, or of a list of events."""
        codes = self.codes[events] if self.values else self.codes
        return EventContexts(self.columns, self.values, codes)


@dataclass(frozen=True)
class Interactions:
    """Histories of all users, each oldest first; events of equal time stand in file order.

    Item rows and user rows are in the order of the ids' text. Items without interactions are known too.
    """

    users: IdIndex
    items: IdIndex
    histories: Histories
    contexts: EventContexts = field(default_factory=EventContexts)

    @classmethod
    def none(cls) -> "Interactions":
        """Return what is known where nobody has done anything."""
        nothing = Histories(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.int64))
        return cls(IdIndex.build([]), IdIndex.build([]), nothing)

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
        histories = selected(self.histories, is_kept)
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


def selected(histories: Histories, is_kept: NDArray[np.bool_]) -> Histories:
    """Return the events of a mask over events."""
    kept_before = np.concatenate([[0], np.cumsum(is_kept)])
    return Histories(kept_before[histories.starts], histories.items[is_kept], histories.times[is_kept])


@compiled
def _count_distinct_users(starts: Longs, items: Ints, counts: Longs) -> None:
    last_user = np.full(len(counts), -1, np.int32)
    for user in range(len(starts) - 1):
        for event in range(starts[user], starts[user + 1]):
            item = items[event]
            if last_user[item] != user:
                last_user[item] = user
                counts[item] += 1
