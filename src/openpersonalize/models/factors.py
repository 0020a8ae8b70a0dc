"""The model that knows users by the items of their newest events: factors with fold-in."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models import topk
from openpersonalize.models.compiled import freeze, frozen
from openpersonalize.models.contexts import Contexts
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.ranker import ALL, Allowed, Query, Ranked, first_allowed

SELECTIVE = 16
"""A filter is selective that leaves less than one item in so many."""
MOST_REMEMBERED = 20_000


@dataclass(frozen=True)
class FactorModel:
    """Item factors, and what turns a user's events into probabilities over the catalogue.

    The score of item i is `temperature` x·y_i + `bias`_i, minus `seen_penalty` if the user had i before; x is
    folded in from the user's newest events. Probabilities are the softmax of the scores over the catalogue.
    In a context its lifts are added, to the logarithms of popularity too.

    - `factors`: float32, shape (n_blocks, width, LANES), whitened; see `topk`.
    - `bias`: float32, by item row, padded to whole blocks with minus infinity.
    - `event_weights`: float32, the confidence of a user's newest, second newest, … event; its length is how
      many events are read.
    - `popular`, `popular_probabilities`: int32 item rows, most popular first, and float32 probabilities that
      sum to 1: the answer for a user without events.
    - `log_popularity`: float32, by item row: the same probabilities as logarithms.
    """

    kind: ClassVar[str] = "factors"

    items: IdIndex
    users: IdIndex
    histories: Histories
    factors: NDArray[np.float32]
    bias: NDArray[np.float32]
    event_weights: NDArray[np.float32]
    popular: NDArray[np.int32]
    popular_probabilities: NDArray[np.float32]
    log_popularity: NDArray[np.float32]
    temperature: float
    seen_penalty: float
    contexts: Contexts = field(default_factory=Contexts.without_values)

    def __post_init__(self) -> None:
        freeze(self)

    def recommend(self, query: Query, k: int, allowed: Allowed = None) -> Ranked:
        """Return the k best items that are allowed; scores sum to 1 over the whole catalogue."""
        history, recent = self.histories.with_recent(query)
        k = min(k, len(self.popular))
        if k <= 0 or len(history) + len(recent) == 0:
            return self._popular(query, k, allowed)
        arguments = (
            self.factors,
            self.contexts.lifted(self.bias, query.context),
            history,
            recent,
            self.event_weights,
            self.temperature,
            self.seen_penalty,
        )
        if allowed is None:
            items, probabilities, _ = topk.recommend(*arguments, ALL, k)
            return Ranked(items, probabilities)
        key = (query.user, query.recent.tobytes(), query.recent_times.tobytes(), query.context.tobytes())
        log_total = self._log_totals.get(key)
        if log_total is not None and np.count_nonzero(allowed) * SELECTIVE < len(allowed):
            candidates = np.flatnonzero(allowed).astype(np.int32)
            scores = topk.score_candidates(*arguments, frozen(candidates))
            order = np.lexsort((candidates, -scores))[:k]
            return Ranked(candidates[order], np.exp(scores[order] - np.float32(log_total)))
        items, probabilities, log_total = topk.recommend(*arguments, frozen(allowed), k)
        if len(self._log_totals) >= MOST_REMEMBERED:
            self._log_totals.clear()
        self._log_totals[key] = log_total
        return Ranked(items, probabilities)

    @cached_property
    def _log_totals(self) -> dict[tuple[int, bytes, bytes, bytes], float]:
        """Logarithms of softmax denominators by what they depend on.

        With one, a filter that leaves few items needs the scores of those alone.
        """
        return {}

    def _popular(self, query: Query, k: int, allowed: Allowed) -> Ranked:
        """Return the answer for a user without events."""
        if k <= 0 or len(query.context) == 0:
            places = first_allowed(self.popular, allowed, k)
            return Ranked(self.popular[places], self.popular_probabilities[places])
        scores = topk.pack_bias(self.contexts.lifted(self.log_popularity, query.context))
        items, probabilities, _ = topk.pick(scores.copy(), ALL if allowed is None else frozen(allowed), k)
        return Ranked(items, probabilities)

    def rank(self, query: Query, candidates: NDArray[np.int32]) -> Ranked:
        """Order the candidates, all known rows; scores sum to 1 over them."""
        history, recent = self.histories.with_recent(query)
        if len(history) + len(recent) == 0:
            scores = self.contexts.lifted(self.log_popularity, query.context)[candidates]
        else:
            scores = topk.score_candidates(
                self.factors,
                self.contexts.lifted(self.bias, query.context),
                history,
                recent,
                self.event_weights,
                self.temperature,
                self.seen_penalty,
                frozen(candidates),
            )
        order = np.lexsort((candidates, -scores))
        powers = np.exp(scores[order] - scores.max(initial=0.0))
        return Ranked(candidates[order], (powers / powers.sum()).astype(np.float32))
