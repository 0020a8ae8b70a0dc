"""What users did with which items: what conditions of filters on events ask for."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from openpersonalize.models.compiled import Ints, Longs, compiled, freeze, frozen
from openpersonalize.models.grouping import grouped
from openpersonalize.models.ids import IdIndex


class Pairs(NamedTuple):
    """The pairs of one user, by type and then by item: arrays of one length.

    - `items`: int32 rows of `EventPairs.items`; `types`: int32 places in `EventPairs.types`.
    - `places`: int32, how many of the user's events of that type are newer than the newest of the pair: the
      newest 100 events of a type are those with a place below 100.
    """

    items: Ints
    types: Ints
    places: Ints


@dataclass(frozen=True)
class EventPairs:
    """Each user, item (or action) and type of event that occur together, once.

    - `types`: the types of events, as they were sent; "" is that of events without one.
    - `starts`: int64, shape (n_users + 1,): the pairs of user u are starts[u]:starts[u + 1].
    - `pair_items`, `pair_types`, `pair_places`: as in `Pairs`.
    """

    kind: ClassVar[str] = "event-pairs"

    users: IdIndex
    items: IdIndex
    types: tuple[str, ...]
    starts: Longs
    pair_items: Ints
    pair_types: Ints
    pair_places: Ints

    def __post_init__(self) -> None:
        freeze(self)

    @classmethod
    def build(
        cls,
        users: IdIndex,
        items: IdIndex,
        types: tuple[str, ...],
        *,
        event_users: Ints,
        event_items: Ints,
        event_types: Ints,
        times: Longs,
    ) -> "EventPairs":
        """The pairs of events, given by the rows of their users and items, and the places of their types.

        Of equal times the event that is given later is the newer one. Events of a user that agree in item,
        type and time are one.
        """
        starts, order = grouped(event_users, len(users))
        out = np.empty((3, len(order)), np.int32)
        n_pairs = np.zeros(len(users) + 1, np.int64)
        _find_pairs(
            starts,
            frozen(event_items[order]),
            frozen(event_types[order]),
            frozen(times[order]),
            len(types),
            out,
            n_pairs,
        )
        pairs = out[:, : int(n_pairs.sum())]
        return cls(users, items, types, np.cumsum(n_pairs), *(column.copy() for column in pairs))

    def pairs_of(self, user: int) -> Pairs:
        """The pairs of a user's row; none for an unknown user (-1)."""
        first, end = (0, 0) if user < 0 else self.starts[user : user + 2].tolist()
        return Pairs(self.pair_items[first:end], self.pair_types[first:end], self.pair_places[first:end])


@compiled
def _find_pairs(  # noqa: PLR0917  # numba takes positional arguments only
    starts: Longs,
    items: Ints,
    types: Ints,
    times: Longs,
    n_types: int,
    out: Ints,
    n_pairs: Longs,
) -> None:
    """Write items, types and places of all pairs, user after user, and the number of each user's pairs."""
    counts = np.zeros(n_types, np.int32)
    n_out = 0
    for user in range(len(starts) - 1):
        first, end = starts[user], starts[user + 1]
        # Newest first: reversed, so that the stable sort keeps the later of equal times before.
        newest = end - 1 - np.argsort(-times[first:end][::-1], kind="mergesort")
        pair_of = types[newest].astype(np.int64) << 32 | items[newest].astype(np.int64)
        by_pair = np.argsort(pair_of, kind="mergesort")
        place = np.zeros(end - first, np.int32)
        is_again = np.zeros(end - first, np.bool_)
        for at in range(1, len(by_pair)):
            event, before = by_pair[at], by_pair[at - 1]
            if pair_of[event] == pair_of[before] and times[newest[event]] == times[newest[before]]:
                is_again[event] = True
        for event in range(len(newest)):
            if not is_again[event]:
                place[event] = counts[types[newest[event]]]
                counts[types[newest[event]]] += 1
        for event in newest:
            counts[types[event]] = 0
        for at in range(len(by_pair)):
            event = by_pair[at]
            if at > 0 and pair_of[event] == pair_of[by_pair[at - 1]]:
                continue
            out[0, n_out] = items[newest[event]]
            out[1, n_out] = types[newest[event]]
            out[2, n_out] = place[event]
            n_pairs[user + 1] += 1
            n_out += 1
