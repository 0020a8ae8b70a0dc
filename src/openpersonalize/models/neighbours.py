"""The model that knows, for every item, the items most like it."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.ids import IdIndex
from openpersonalize.models.ranker import Allowed, Query, Ranked, first_allowed


@dataclass(frozen=True)
class NeighbourModel:
    """Similar items by item, and popular ones for items without neighbours.

    - `starts`: int64, shape (n_items + 1,); the neighbours of item i are starts[i]:starts[i + 1].
    - `neighbours`: int32 rows, most similar first, the item itself never among them.
    - `popular`: int32, all item rows, most popular first.
    """

    kind: ClassVar[str] = "neighbours"

    items: IdIndex
    users: IdIndex
    starts: NDArray[np.int64]
    neighbours: NDArray[np.int32]
    popular: NDArray[np.int32]

    def similar(self, query: Query, k: int, allowed: Allowed = None) -> Ranked:
        """Return the k items most like `query.item` that are allowed, without scores.

        An item that is unknown or too rare to have neighbours gets popular items; a list of neighbours
        shorter than k is filled up with popular items. The seed is never in its own list.
        """
        seed = query.item
        own = self.neighbours[self.starts[seed] : self.starts[seed + 1]] if seed >= 0 else self.popular[:0]
        own = own[first_allowed(own, allowed, k)]
        missing = k - len(own)
        if missing == 0:
            return Ranked(own, None)
        fill = self.popular[first_allowed(self.popular, allowed, k + len(own) + 1)]
        fill = fill[~np.isin(fill, own) & (fill != seed)][:missing]
        return Ranked(np.concatenate([own, fill]), None)
