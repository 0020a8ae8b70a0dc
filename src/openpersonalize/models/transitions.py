"""The part that knows what follows an item: directed transitions, looked up for a user's newest events."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models import topk
from openpersonalize.models.compiled import Bytes, Floats, Ints, Longs, compiled, freeze, frozen
from openpersonalize.models.parts import Events


@dataclass(frozen=True)
class TransitionPart:
    """The raw score of item i is the sum of event_weights_k · strength(h_k, i) over the newest events h_k.

    - `starts`: int64, shape (n_items + 1,); what follows item a is at starts[a]:starts[a + 1].
    - `followers`: int32 items, rising by row, never the item itself; `strengths`: float32, positive.
    - `event_weights`: float32, by place among the newest events; its length is how many are read.
    """

    name: ClassVar[str] = "transitions"

    starts: NDArray[np.int64]
    followers: NDArray[np.int32]
    strengths: NDArray[np.float32]
    event_weights: NDArray[np.float32]
    weight: float

    def __post_init__(self) -> None:
        freeze(self)

    def add(self, scores: Floats, events: Events, factor: float) -> float:
        """See `Part`."""
        return _add_followers(
            scores,
            self.starts,
            self.followers,
            self.strengths,
            events.newest,
            self.event_weights,
            events.is_seen,
            factor * self.weight,
        )

    def add_to_some(self, scores: Floats, events: Events, items: Ints, unit: float) -> None:
        """See `Part`."""
        if unit != 0.0:
            _add_some_followers(
                scores,
                self.starts,
                self.followers,
                self.strengths,
                events.newest,
                self.event_weights,
                frozen(items),
                unit,
            )

    def shares(self, events: Events, item: int) -> Floats:
        """See `Part`."""
        found = np.zeros(len(events.newest) + 1, np.float32)
        for event, seed in enumerate(events.newest[: len(self.event_weights)].tolist()):
            first, end = self.starts[seed], self.starts[seed + 1]
            place = first + np.searchsorted(self.followers[first:end], item)
            if place < end and self.followers[place] == item:
                found[event] = self.event_weights[event] * self.strengths[place]
        return found


@compiled
def _sums(  # noqa: PLR0917  # numba takes positional arguments only
    n_items: int, starts: Longs, followers: Ints, strengths: Floats, newest: Ints, event_weights: Floats
) -> Floats:
    sums = np.zeros(n_items, np.float32)
    for event in range(min(len(newest), len(event_weights))):
        for at in range(starts[newest[event]], starts[newest[event] + 1]):
            sums[followers[at]] += event_weights[event] * strengths[at]
    return sums


@compiled
def _add_followers(  # noqa: PLR0917  # numba takes positional arguments only
    scores: Floats,
    starts: Longs,
    followers: Ints,
    strengths: Floats,
    newest: Ints,
    event_weights: Floats,
    is_seen: Bytes,
    weight: float,
) -> float:
    sums = _sums(len(scores), starts, followers, strengths, newest, event_weights)
    n_read = min(len(newest), len(event_weights))
    highest, highest_unseen = np.float32(0.0), np.float32(0.0)
    for event in range(n_read):
        for at in range(starts[newest[event]], starts[newest[event] + 1]):
            item = followers[at]
            highest = max(highest, sums[item])
            if is_seen[item] == 0:
                highest_unseen = max(highest_unseen, sums[item])
    unit = topk.unit_of(weight, float(highest), float(highest_unseen))
    for event in range(n_read):
        for at in range(starts[newest[event]], starts[newest[event] + 1]):
            item = followers[at]
            scores[item] += np.float32(unit) * sums[item]
            sums[item] = np.float32(0.0)  # so that each item gets its sum once
    return unit


@compiled
def _add_some_followers(  # noqa: PLR0917  # numba takes positional arguments only
    scores: Floats,
    starts: Longs,
    followers: Ints,
    strengths: Floats,
    newest: Ints,
    event_weights: Floats,
    items: Ints,
    unit: float,
) -> None:
    sums = _sums(len(starts) - 1, starts, followers, strengths, newest, event_weights)
    for at, item in enumerate(items):
        scores[at] += np.float32(unit) * sums[item]
