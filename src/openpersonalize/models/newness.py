"""How new and how little known items are, and how many of them a list tries out.

Exploration in words: each place of a list is opened with a chance of `weight` / 3. For an opened place one of
the new items is drawn, in proportion to the square of its relevance for the user, and takes the place with a
chance that is its bonus,

    bonus_i = 10 / (10 + n_i),    n_i = interactions + impressions of item i

and what stood there moves down. So whatever nobody has seen yet is tried out often, and what was shown or
taken a hundred times hardly ever: it has to come by its relevance.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.compiled import freeze
from openpersonalize.models.ranker import Allowed, Ranked

Ranking = Callable[[int, Allowed], Ranked]
"""The best so many items of those that are allowed, for one user."""

DAY_S = 86_400.0
MOST_OPENED = 1.0 / 3.0
"""The share of a list's places that the full weight opens."""
TRUSTED_COUNT = 10.0
"""At so many interactions and impressions the bonus is a half."""
MOST_DRAWN_FROM = 100
"""New items, those of most relevance for the user, from which is drawn."""


@dataclass(frozen=True)
class Newness:
    """By item row: when it came, and how often it was taken and shown.

    - `born`: int64, seconds since the epoch.
    - `n_events`, `n_shown`: int64, the item's interactions and its impressions.
    - `newest`: the time of the newest interaction of all, which is the present of the data.

    Of a model that knows none of this all arrays are empty; it explores nothing.
    """

    born: NDArray[np.int64]
    n_events: NDArray[np.int64]
    n_shown: NDArray[np.int64]
    newest: int

    def __post_init__(self) -> None:
        freeze(self)

    @classmethod
    def unknown(cls) -> "Newness":
        """Return what explores nothing."""
        nothing = np.empty(0, np.int64)
        return cls(nothing, nothing, nothing, 0)

    @property
    def is_known(self) -> bool:
        """Whether there is anything to explore by."""
        return len(self.born) > 0

    def is_new(self, cut_off_days: float) -> NDArray[np.bool_]:
        """Say by item whether it is no older than so many days at the time of the newest interaction."""
        return np.asarray(self.born >= self.newest - cut_off_days * DAY_S, np.bool_)

    def bonuses(self, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the bonus of some items, in (0, 1]."""
        counts = self.n_events[rows] + self.n_shown[rows]
        return np.asarray(TRUSTED_COUNT / (TRUSTED_COUNT + counts), np.float64)


@dataclass(frozen=True)
class Exploration:
    """What a campaign, a recommender or a batch job tries out, of what its model knows of items.

    - `weight`: in [0, 1].
    - `is_new`: bool by item, those that may be tried out.
    - `is_cold`: bool by item, those without any interaction.
    """

    newness: Newness
    weight: float
    is_new: NDArray[np.bool_]
    is_cold: NDArray[np.bool_]
    has_cold: bool

    @classmethod
    def of(cls, newness: Newness, weight: float, cut_off_days: float) -> "Exploration":
        """Return what follows from the two settings; ages are in days."""
        is_cold = newness.n_events == 0
        return cls(newness, weight, newness.is_new(cut_off_days), is_cold, bool(is_cold.any()))

    def mixed(
        self, rank: Ranking, k: int, allowed: Allowed, had: NDArray[np.int32], chance: random.Random
    ) -> Ranked:
        """Return k items that are allowed, of which a part is tried out.

        Items without interactions come because they are tried out, or if there is nothing else left. Those
        that the user `had` are never tried out. An item that is tried out gets a score between those of its
        neighbours; then all scores are brought back to a sum of 1 over the catalogue.
        """
        ranked = self.relevant(rank, k, allowed)
        n_places = len(ranked.items)
        places = [place for place in range(n_places) if chance.random() < self.weight * MOST_OPENED]
        if not places:
            return ranked
        candidates = self.is_new.copy() if allowed is None else self.is_new & allowed
        candidates[ranked.items] = False
        candidates[had] = False
        if not candidates.any():
            return ranked
        taken = self._drawn(rank(MOST_DRAWN_FROM, candidates), places, chance)
        return _inserted(ranked, taken) if taken else ranked

    def relevant(self, rank: Ranking, k: int, allowed: Allowed) -> Ranked:
        """Return k items by relevance alone, those without interactions after all others."""
        if not self.has_cold:
            return rank(k, allowed)
        warm = ~self.is_cold if allowed is None else allowed & ~self.is_cold
        ranked = rank(k, warm)
        if len(ranked.items) >= k:
            return ranked
        rest = rank(k - len(ranked.items), self.is_cold if allowed is None else allowed & self.is_cold)
        return _appended(ranked, rest)

    def _drawn(self, new: Ranked, places: list[int], chance: random.Random) -> dict[int, tuple[int, float]]:
        """Draw one of the new items for each place; return item and relevance by place, of those that stay.

        Draws are without replacement, in proportion to the square of relevance: a race of exponential times.
        """
        bonuses = self.newness.bonuses(new.items).tolist()
        relevance = [1.0] * len(bonuses) if new.scores is None else new.scores.tolist()
        least = max(relevance, default=0.0) * 1e-9 or 1.0
        times = [chance.expovariate(1.0) / max(score, least) ** 2 for score in relevance]
        order = sorted(range(len(times)), key=times.__getitem__)
        drawn = zip(places, order, strict=False)
        return {
            place: (int(new.items[number]), relevance[number])
            for place, number in drawn
            if chance.random() < bonuses[number]
        }


def _appended(ranked: Ranked, rest: Ranked) -> Ranked:
    """Return one list of two; scores of the second are at most the last of the first.

    What that takes from the second is shared out in proportion, so the list's scores keep their sum.
    """
    items = np.concatenate([ranked.items, rest.items]) if len(rest.items) else ranked.items
    if ranked.scores is None or rest.scores is None:
        return Ranked(items, None)
    last = ranked.scores[-1] if len(ranked.scores) else np.float32(1.0)
    scores = np.concatenate([ranked.scores, np.minimum(rest.scores, last)]).astype(np.float64)
    total = scores.sum()
    if total > 0.0:
        scores *= (ranked.scores.sum(dtype=np.float64) + rest.scores.sum(dtype=np.float64)) / total
    return Ranked(items, scores.astype(np.float32))


def _inserted(ranked: Ranked, taken: dict[int, tuple[int, float]]) -> Ranked:
    """Put items at their places of a list, which stays as long as it was."""
    n_places = len(ranked.items)
    by_place = [taken.get(place, (-1, 0.0))[0] for place in range(n_places)]
    is_taken = np.array(by_place, np.int32) >= 0
    items = np.where(is_taken, by_place, -1).astype(np.int32)
    n_left = n_places - int(is_taken.sum())
    items[~is_taken] = ranked.items[:n_left]
    if ranked.scores is None:
        return Ranked(items, None)
    return Ranked(items, _lifted(ranked.scores, is_taken, sum(score for _, score in taken.values())))


def _lifted(
    relevance: NDArray[np.float32], is_taken: NDArray[np.bool_], before: float
) -> NDArray[np.float32]:
    """Return falling scores in which the taken places lie between their neighbours.

    `before`: what the items in the taken places had together. What they have more now is taken from all.
    """
    scores = np.empty(len(relevance), np.float64)
    n_left = len(relevance) - int(is_taken.sum())
    scores[~is_taken] = relevance[:n_left]
    # The place before, and what stands next in the order of relevance.
    following = relevance[np.minimum(np.cumsum(~is_taken), len(relevance) - 1)].astype(np.float64)
    for place in np.flatnonzero(is_taken):
        above = scores[place - 1] if place > 0 else following[place]
        scores[place] = np.sqrt(above * following[place])
    total = 1.0 + max(0.0, float(scores[is_taken].sum()) - before)
    return np.asarray(scores / total, np.float32)
