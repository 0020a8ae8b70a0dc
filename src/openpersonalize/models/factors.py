"""The part that knows users by the items of their newest events: item factors with fold-in."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models import topk
from openpersonalize.models.compiled import Floats, Ints, compiled, freeze, frozen
from openpersonalize.models.parts import Events


@dataclass(frozen=True)
class FactorPart:
    """The raw score of item i is x · y_i; x is folded in from the user's newest events.

    - `blocks`: float32, shape (n_blocks, width, LANES), whitened; see `topk`.
    - `n_items`: how many lanes are items.
    - `event_weights`: float32, the confidence of a user's newest, second newest, … event.
    """

    name: ClassVar[str] = "factors"

    blocks: NDArray[np.float32]
    n_items: int
    event_weights: NDArray[np.float32]
    weight: float

    def __post_init__(self) -> None:
        freeze(self)

    def add(self, scores: Floats, events: Events, factor: float) -> float:
        """See `Part`."""
        newest, seen, weight = events.newest, events.seen, factor * self.weight
        return _add_products(scores, self.blocks, newest, self.event_weights, seen, self.n_items, weight)

    def add_to_some(self, scores: Floats, events: Events, items: Ints, unit: float) -> None:
        """See `Part`."""
        if unit != 0.0:
            _add_some_products(scores, self.blocks, events.newest, self.event_weights, frozen(items), unit)

    def shares(self, events: Events, item: int) -> Floats:
        """See `Part`: x is a sum of the vectors of the items of events, each with a weight."""
        return _products_by_event(self.blocks, events.newest, self.event_weights, item)


@compiled
def _add_products(  # noqa: PLR0917  # numba takes positional arguments only
    scores: Floats,
    blocks: Floats,
    newest: Ints,
    event_weights: Floats,
    seen: Ints,
    n_items: int,
    weight: float,
) -> float:
    read = newest[: len(event_weights)]
    vector = topk.fold_in(blocks, read, event_weights[: len(read)])
    products = topk.score_catalogue(blocks, vector)
    highest, highest_unseen = topk.highest_scores(products, seen, n_items)
    unit = topk.unit_of(weight, highest, highest_unseen)
    factor = np.float32(unit)
    for lane in range(len(scores)):
        scores[lane] += factor * products[lane]
    return unit


@compiled
def _add_some_products(  # noqa: PLR0917  # numba takes positional arguments only
    scores: Floats, blocks: Floats, newest: Ints, event_weights: Floats, items: Ints, unit: float
) -> None:
    read = newest[: len(event_weights)]
    vector = topk.fold_in(blocks, read, event_weights[: len(read)])
    vector *= np.float32(unit)
    products = topk.score_some(blocks, vector, items)
    for at in range(len(items)):
        scores[at] += products[at]


@compiled
def _products_by_event(blocks: Floats, newest: Ints, event_weights: Floats, item: int) -> Floats:
    read = newest[: len(event_weights)]
    amounts = topk.amounts_of_events(blocks, read, event_weights[: len(read)])
    shares = np.zeros(len(newest) + 1, np.float32)
    for event in range(len(read)):
        block, lane = read[event] // topk.LANES, read[event] % topk.LANES
        total = np.float32(0.0)
        for column in range(blocks.shape[1]):
            total += blocks[block, column, lane] * blocks[item // topk.LANES, column, item % topk.LANES]
        shares[event] = amounts[event] * total
    return shares
