"""The model that shows everybody the same popular items."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.ids import IdIndex
from openpersonalize.models.ranker import Allowed, Query, Ranked, first_allowed


@dataclass(frozen=True)
class PopularityModel:
    """Items by popularity.

    - `order`: int32, all item rows, most popular first.
    - `places`: int32, by item row: its place in `order`.
    """

    kind: ClassVar[str] = "popularity"

    items: IdIndex
    users: IdIndex
    order: NDArray[np.int32]
    places: NDArray[np.int32]

    def recommend(self, query: Query, k: int, allowed: Allowed = None) -> Ranked:
        """Return the k most popular items that are allowed, without scores; the query changes nothing."""
        return Ranked(self.order[first_allowed(self.order, allowed, k)], None)

    def rank(self, query: Query, candidates: NDArray[np.int32]) -> Ranked:
        """Order the candidates by popularity, without scores."""
        return Ranked(candidates[np.argsort(self.places[candidates], kind="stable")], None)


def by_popularity(counts: NDArray[np.float32] | NDArray[np.int64]) -> NDArray[np.int32]:
    """Return all item rows as int32, highest count first; equal counts stand in item order."""
    return np.argsort(-counts, kind="stable").astype(np.int32)


def places_of(order: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the place of every item in an order, int32, by item row."""
    places = np.empty_like(order)
    places[order] = np.arange(len(order), dtype=np.int32)
    return places
