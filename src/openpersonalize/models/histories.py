"""What users did up to the training, as the artifact holds it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.compiled import freeze, frozen
from openpersonalize.models.ranker import NO_ROWS, Query


@dataclass(frozen=True)
class Histories:
    """Events by user, each user's oldest first and newest last.

    - `starts`: int64, shape (n_users + 1,); the events of user u are starts[u]:starts[u + 1].
    - `items`: int32 rows; `times`: int64, seconds since the epoch.
    """

    starts: NDArray[np.int64]
    items: NDArray[np.int32]
    times: NDArray[np.int64]

    def __post_init__(self) -> None:
        freeze(self)

    def items_of(self, user: int) -> NDArray[np.int32]:
        """Return the items of a user's events, int32, oldest first; none for an unknown user (-1)."""
        if user < 0:
            return NO_ROWS
        return self.items[self.starts[user] : self.starts[user + 1]]

    def times_of(self, user: int) -> NDArray[np.int64]:
        """Return the times of a user's events, int64 seconds since the epoch, oldest first."""
        if user < 0:
            return self.times[:0]
        return self.times[self.starts[user] : self.starts[user + 1]]

    def with_recent(self, query: Query) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the items of a user's earlier and of their later events, both int32 and oldest first.

        The later ones are those of the query, unless some of them happened before the training's newest event
        (they were sent late): then all stand in the first array, in the order of time.
        """
        earlier, recent, times = self.items_of(query.user), frozen(query.recent), query.recent_times
        if len(earlier) == 0 or len(times) == 0 or times[0] >= self.times[self.starts[query.user + 1] - 1]:
            return earlier, recent
        order = np.argsort(np.concatenate([self.times_of(query.user), times]), kind="stable")
        return frozen(np.concatenate([earlier, recent])[order]), NO_ROWS
