"""The model of items for a user: a blend of parts, calibrated to probabilities over the catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models import topk
from openpersonalize.models.cold_users import ColdUsers
from openpersonalize.models.compiled import Floats, Ints, freeze, frozen
from openpersonalize.models.contexts import Contexts
from openpersonalize.models.factors import FactorPart
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.newness import Newness
from openpersonalize.models.parts import Events, Part, PopularityPart
from openpersonalize.models.ranker import ALL, Allowed, Query, Ranked
from openpersonalize.models.traits import Traits
from openpersonalize.models.transitions import TransitionPart

SELECTIVE = 16
"""A filter is selective that leaves less than one item in so many."""
MOST_REMEMBERED = 20_000
NO_FAVOUR: NDArray[np.float32] = frozen(np.empty(0, np.float32))


@dataclass(frozen=True)
class Piece:
    """What adds to an item's score: a part's view of one event, or something that is of no event.

    - `source`: the name of a part, `bias`, `objective`, `seen before` or `context`.
    - `item`: the row of the event's item, or None; the events of a user stand newest first.
    """

    source: str
    amount: float
    item: int | None = None


@dataclass(frozen=True)
class _Remembered:
    """What depends on all items, for one user in one state: units by part, and the softmax denominator."""

    units: tuple[float, ...]
    log_total: float


@dataclass(frozen=True)
class BlendModel:
    """Parts that score the catalogue, and what turns their sum into probabilities.

    The score of item i is `temperature` times the sum over the parts of unit · raw score (see `parts`), plus
    `bias`_i, minus `seen_penalty` if the user had i before, plus `favour`_i and the lifts of the request's
    context. Probabilities are the softmax of the scores over the catalogue. Users without events get what
    `cold` says.

    - `bias`: float32, by item row, padded to whole blocks with minus infinity.
    - `favour`: float32, by item row: what an objective beside relevance adds; empty without one.
    - `n_read`: how many of a user's newest events the parts may read.
    - `traits`, `newness`: what requests read beside: rows of `contexts` by user, and what may be explored.
    """

    kind: ClassVar[str] = "blend"

    items: IdIndex
    users: IdIndex
    histories: Histories
    factors: FactorPart
    transitions: TransitionPart
    popularity: PopularityPart
    cold: ColdUsers
    bias: NDArray[np.float32]
    n_read: int
    temperature: float
    seen_penalty: float
    contexts: Contexts = field(default_factory=Contexts.without_values)
    favour: NDArray[np.float32] = field(default_factory=lambda: NO_FAVOUR)
    traits: Traits = field(default_factory=Traits.none)
    newness: Newness = field(default_factory=Newness.unknown)

    def __post_init__(self) -> None:
        freeze(self)

    @cached_property
    def _start(self) -> Floats:
        """What scores begin with, padded."""
        if len(self.favour) == 0:
            return self.bias
        return topk.pack_bias(self.bias[: len(self.favour)] + self.favour)

    @cached_property
    def parts(self) -> Sequence[Part]:
        """The parts that have a weight."""
        every: Sequence[Part] = (self.factors, self.transitions, self.popularity)
        return [part for part in every if part.weight > 0.0]

    def recommend(self, query: Query, k: int, allowed: Allowed = None) -> Ranked:
        """Return the k best items that are allowed; scores sum to 1 over the whole catalogue."""
        history, recent = self.histories.with_recent(query)
        k = min(k, len(self.items))
        if k <= 0 or len(history) + len(recent) == 0:
            return self.cold.recommend(self.contexts, query, k, allowed)
        if allowed is not None and np.count_nonzero(allowed) * SELECTIVE < len(allowed):
            known = self._known(query, history, recent)
            return self._best_of(query, np.flatnonzero(allowed).astype(np.int32), known, k)
        scores, events = self._begin(query, history, recent)
        units = self._add_parts(scores, events)
        items, probabilities, log_total = topk.pick(scores, ALL if allowed is None else frozen(allowed), k)
        if allowed is not None:
            self._remember(query, _Remembered(units, log_total))
        return Ranked(items, probabilities)

    def rank(self, query: Query, candidates: NDArray[np.int32]) -> Ranked:
        """Order the candidates, all known rows; scores sum to 1 over them."""
        history, recent = self.histories.with_recent(query)
        if len(history) + len(recent) == 0:
            scores = self.cold.scores(self.contexts, query)[candidates]
        else:
            scores = self._scores_of(query, history, recent, candidates, self._known(query, history, recent))
        order = np.lexsort((candidates, -scores))
        powers = np.exp(scores[order] - scores.max(initial=-np.inf))
        return Ranked(candidates[order], (powers / powers.sum()).astype(np.float32))

    def relevance(self, history: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the sum of the parts for a user of these events, oldest first: float32 by item."""
        nothing = np.zeros(len(self.bias), np.float32)
        scores, events = self._read(frozen(nothing), frozen(history), history[:0], 0.0)
        for part in self.parts:
            part.add(scores, events, 1.0)
        return scores[: len(self.items)]

    def explain(self, query: Query, item: int) -> list[Piece]:
        """Return what adds up to the score of an item, a logarithm up to a constant, for a user with events.

        Of each part one piece by event that says something of the item; then what no event says.
        """
        history, recent = self.histories.with_recent(query)
        scores, events = self._begin(query, history, recent)
        pieces = [
            piece
            for part, unit in zip(self.parts, self._add_parts(scores, events), strict=True)
            for piece in _pieces_of(part, unit, events, item)
        ]
        pieces.append(Piece("bias", float(self.bias[item])))
        if len(self.favour):
            pieces.append(Piece("objective", float(self.favour[item])))
        if events.is_seen[item]:
            pieces.append(Piece("seen before", -self.seen_penalty))
        lift = float(self.contexts.lifted(self.bias, query.context)[item] - self.bias[item])
        return [*pieces, Piece("context", lift)] if lift else pieces

    def _best_of(self, query: Query, candidates: NDArray[np.int32], known: _Remembered, k: int) -> Ranked:
        """Return the k best of some items, without a look at others."""
        scores = self._scores_of(query, *self.histories.with_recent(query), candidates, known)
        order = np.lexsort((candidates, -scores))[:k]
        return Ranked(candidates[order], np.exp(scores[order] - np.float32(known.log_total)))

    def _scores_of(
        self, query: Query, history: Ints, recent: Ints, candidates: NDArray[np.int32], known: _Remembered
    ) -> Floats:
        start, events = self._begin(query, history, recent)
        scores = start[candidates]
        for part, unit in zip(self.parts, known.units, strict=True):
            part.add_to_some(scores, events, candidates, unit)
        return scores

    def _begin(self, query: Query, history: Ints, recent: Ints) -> tuple[Floats, Events]:
        """Return the scores without any part, and what the parts read."""
        return self._read(
            self.contexts.lifted(self._start, query.context), history, recent, self.seen_penalty
        )

    def _read(self, bias: Floats, history: Ints, recent: Ints, seen_penalty: float) -> tuple[Floats, Events]:
        scores, newest, seen, is_seen = topk.begin(
            bias, frozen(history), frozen(recent), self.n_read, seen_penalty
        )
        return scores, Events(newest, seen, is_seen)

    def _add_parts(self, scores: Floats, events: Events) -> tuple[float, ...]:
        return tuple([part.add(scores, events, self.temperature) for part in self.parts])

    def _known(self, query: Query, history: Ints, recent: Ints) -> _Remembered:
        """Return what was remembered, or is found out by a look at all items now: no answer tells which."""
        known = self._memory.get(_key(query))
        if known is not None:
            return known
        scores, events = self._begin(query, history, recent)
        units = self._add_parts(scores, events)
        return self._remember(query, _Remembered(units, topk.log_total(scores)))

    def _remember(self, query: Query, known: _Remembered) -> _Remembered:
        if len(self._memory) >= MOST_REMEMBERED:
            self._memory.clear()
        self._memory[_key(query)] = known
        return known

    @cached_property
    def _memory(self) -> dict[tuple[int, bytes, bytes, bytes], _Remembered]:
        """What was found out by a look at all items, by what it depends on.

        With it, a filter that leaves few items, and a ranking, need the scores of those alone.
        """
        return {}


def _key(query: Query) -> tuple[int, bytes, bytes, bytes]:
    return query.user, query.recent.tobytes(), query.recent_times.tobytes(), query.context.tobytes()


def _pieces_of(part: Part, unit: float, events: Events, item: int) -> list[Piece]:
    *by_event, other = (unit * part.shares(events, item).astype(np.float64)).tolist()
    pieces = [
        Piece(part.name, amount, row)
        for row, amount in zip(events.newest.tolist(), by_event, strict=True)
        if amount
    ]
    return [*pieces, Piece(part.name, other)] if other else pieces
