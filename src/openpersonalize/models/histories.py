"""What users did up to the training, as the artifact holds it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.compiled import freeze
from openpersonalize.models.ranker import NO_ROWS


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
