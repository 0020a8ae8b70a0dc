"""What users get who have no events."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models import topk
from openpersonalize.models.compiled import Floats, freeze, frozen
from openpersonalize.models.contexts import Contexts
from openpersonalize.models.popularity import by_popularity
from openpersonalize.models.ranker import ALL, Allowed, Query, Ranked, first_allowed


@dataclass(frozen=True)
class ColdUsers:
    """The probability of each item as the next event of a user without events.

    - `order`: int32 item rows, most probable first; `probabilities`: float32 in this order, their sum is 1.
    - `logs`: float32, by item row: the same as logarithms, to which the lifts of contexts are added.
    """

    order: NDArray[np.int32]
    probabilities: NDArray[np.float32]
    logs: NDArray[np.float32]

    def __post_init__(self) -> None:
        freeze(self)

    @classmethod
    def of(cls, shares: NDArray[np.float32]) -> "ColdUsers":
        """Return what follows from the probability of each item, float32, positive, with a sum of 1."""
        order = by_popularity(shares)
        return cls(order, shares[order], np.log(shares).astype(np.float32))

    def recommend(self, contexts: Contexts, query: Query, k: int, allowed: Allowed) -> Ranked:
        """Return the k best items that are allowed; scores sum to 1 over the whole catalogue."""
        if k <= 0 or len(query.context) == 0:
            places = first_allowed(self.order, allowed, k)
            return Ranked(self.order[places], self.probabilities[places])
        scores = topk.pack_bias(self.scores(contexts, query))
        items, probabilities, _ = topk.pick(scores.copy(), ALL if allowed is None else frozen(allowed), k)
        return Ranked(items, probabilities)

    def scores(self, contexts: Contexts, query: Query) -> Floats:
        """Return the score of every item, float32: a logarithm up to a constant."""
        return contexts.lifted(self.logs, query.context)
