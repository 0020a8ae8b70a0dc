"""What users did with actions: VIEWED, TAKEN and NOT_TAKEN events, by user."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.compiled import freeze
from openpersonalize.models.ids import IdIndex

VIEWED, TAKEN, NOT_TAKEN = 0, 1, 2
TYPES = ("viewed", "taken", "nottaken")
"""The types by their number, as `type_number` reads them."""

Rows = NDArray[np.int32]


def type_number(text: str) -> int:
    """The number of an event type, whose case, blanks and underscores do not matter; -1 for none of them."""
    squashed = text.casefold().replace(" ", "").replace("_", "")
    return TYPES.index(squashed) if squashed in TYPES else -1


@dataclass(frozen=True)
class ActionEvents:
    """Action interactions by user, each user's oldest first.

    - `starts`: int64, shape (n_users + 1,): the events of user u are starts[u]:starts[u + 1].
    - `rows`, `types`: int32 rows of `actions` and numbers of types; `times`: int64, epoch seconds.
    """

    users: IdIndex
    actions: IdIndex
    starts: NDArray[np.int64]
    rows: Rows
    types: Rows
    times: NDArray[np.int64]

    def __post_init__(self) -> None:
        freeze(self)

    @classmethod
    def none(cls) -> "ActionEvents":
        """Return what is known where nobody has met an action."""
        nothing, nobody = np.empty(0, np.int32), IdIndex.build([])
        return cls(nobody, nobody, np.zeros(1, np.int64), nothing, nothing, np.empty(0, np.int64))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of events by user, int64."""
        return np.diff(self.starts)

    @property
    def newest(self) -> int:
        """The time of the newest event; 0 without any."""
        return int(self.times.max()) if len(self.times) else 0

    def of_user(self, user: int) -> slice:
        """Where a user's events stand; nowhere for an unknown user (-1)."""
        return slice(0, 0) if user < 0 else slice(int(self.starts[user]), int(self.starts[user + 1]))

    def select(self, is_kept: NDArray[np.bool_]) -> "ActionEvents":
        """Return the events of a mask over events; users and actions keep their rows."""
        kept_before = np.concatenate([[0], np.cumsum(is_kept)])
        return ActionEvents(
            self.users,
            self.actions,
            kept_before[self.starts],
            self.rows[is_kept],
            self.types[is_kept],
            self.times[is_kept],
        )

    def without_users(self, users: NDArray[np.int64]) -> "ActionEvents":
        """Return the events of all other users; rows stay as they are."""
        is_left = np.ones(len(self.users), np.bool_)
        is_left[users] = False
        return self.select(np.repeat(is_left, self.lengths))

    def among(self, actions: IdIndex) -> "ActionEvents":
        """Return the events with these actions, in their rows; users keep theirs."""
        place = actions.find_all(self.actions)
        rows = place[self.rows] if len(self.rows) else self.rows
        kept = ActionEvents(self.users, actions, self.starts, rows, self.types, self.times)
        return kept.select(rows >= 0)
