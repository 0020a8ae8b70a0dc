"""What a blend is made of: parts that each read a user's events and score the catalogue.

A part's scores have a scale of their own. In a blend they are divided by the highest among the items that the
user has not seen, and multiplied by the part's weight: its *unit* is weight / highest (`topk.unit_of`), or 0
where no item has a positive score, when the part has nothing to say.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models import topk
from openpersonalize.models.compiled import Bytes, Floats, Ints, compiled, freeze
from openpersonalize.models.popularity import by_popularity


@dataclass(frozen=True)
class Events:
    """What a user did; arrays are as `topk.begin` makes them.

    - `newest`: int32 items of the newest events, newest first.
    - `seen`: int32, each item of any event once.
    - `is_seen`: uint8 by item, padded: 1 for these.
    """

    newest: Ints
    seen: Ints
    is_seen: Bytes


class Part(Protocol):
    """One way to score items for a user. `weight` is at least 0; a part of weight 0 is not asked."""

    name: ClassVar[str]

    @property
    def weight(self) -> float:
        """What the highest score among unseen items counts in the blend."""

    def add(self, scores: Floats, events: Events, factor: float) -> float:
        """Add `factor` times the part's share to the scores of all items, padded; return factor · unit."""

    def add_to_some(self, scores: Floats, events: Events, items: Ints, unit: float) -> None:
        """Add the part's raw scores, times what `add` returned for these events, to scores of some items."""

    def shares(self, events: Events, item: int) -> Floats:
        """Return the raw score of an item by event of `newest`, float32; the last one is of no event."""


@dataclass(frozen=True)
class PopularityPart:
    """Items by how popular they are, the same for everybody.

    - `shares_of_items`: float32 by item, not negative.
    - `order`: int32, all items, most popular first.
    """

    name: ClassVar[str] = "popularity"

    shares_of_items: NDArray[np.float32]
    order: NDArray[np.int32]
    weight: float

    def __post_init__(self) -> None:
        freeze(self)

    @classmethod
    def of(cls, shares: NDArray[np.float32], weight: float) -> "PopularityPart":
        """Return the part of some shares by item."""
        return cls(shares, by_popularity(shares), weight)

    def add(self, scores: Floats, events: Events, factor: float) -> float:
        """See `Part`."""
        return _add_shares(scores, self.shares_of_items, self.order, events.is_seen, factor * self.weight)

    def add_to_some(self, scores: Floats, events: Events, items: Ints, unit: float) -> None:
        """See `Part`."""
        scores += np.float32(unit) * self.shares_of_items[items]

    def shares(self, events: Events, item: int) -> Floats:
        """See `Part`."""
        found = np.zeros(len(events.newest) + 1, np.float32)
        found[-1] = self.shares_of_items[item]
        return found


@compiled
def _add_shares(scores: Floats, shares: Floats, order: Ints, is_seen: Bytes, weight: float) -> float:
    place = 0
    while place < len(order) and is_seen[order[place]] != 0:
        place += 1
    highest_unseen = shares[order[place]] if place < len(order) else np.float32(0.0)
    unit = topk.unit_of(weight, float(shares[order[0]]), float(highest_unseen))
    factor = np.float32(unit)
    for item in range(len(shares)):
        scores[item] += factor * shares[item]
    return unit
