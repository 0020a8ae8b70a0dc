"""HR, NDCG and MRR of one right answer each, and bootstrap intervals over users."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CUT = 25
"""Places beyond this count as misses."""
MEASURES = ("NDCG@10", "HR@10", "HR@25", "NDCG@25", "MRR@25")
N_RESAMPLES = 2_000
SEED = 7

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        digits = 4 if abs(self.value) < 1 else 2
        return f"{self.value:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"


@dataclass(frozen=True)
class Evaluation:
    """Where the right answers stood.

    - `places`: int64 by question: 1 is the best place, 0 stands for none of the first 25.
    - `users`: int64, the user row of each question.
    """

    places: NDArray[np.int64]
    users: NDArray[np.int64]

    def gains(self, measure: str) -> Numbers:
        """Return the measure of each question, float64 in [0, 1]."""
        return gains(self.places, measure)

    def mean(self, measure: str) -> Interval:
        """Return the mean over all questions, with an interval by resampling users."""
        sums, counts = by_user(self.gains(measure), self.users), by_user(np.ones(len(self.users)), self.users)
        return ratio(sums, counts)

    def means(self) -> Mapping[str, float]:
        """Return the mean of every measure."""
        return {measure: _mean(self.gains(measure)) for measure in MEASURES}


def gains(places: NDArray[np.int64], measure: str) -> Numbers:
    """Return a measure by question, from the place of its one right answer; 0 is no place.

    NDCG: the ideal gain is 1, so it is 1 / log2(1 + place). HR: 1 for a hit. MRR: 1 / place.
    """
    kind, _, cut = measure.partition("@")
    is_hit = (places > 0) & (places <= int(cut))
    counted = np.where(is_hit, places, 1).astype(np.float64)
    gain = {"HR": np.ones_like(counted), "NDCG": 1.0 / np.log2(1.0 + counted), "MRR": 1.0 / counted}[kind]
    return np.where(is_hit, gain, 0.0)


def by_user(values: Numbers, users: NDArray[np.int64]) -> Numbers:
    """Return the sum of values by different user, in the order of the users' rows."""
    _, groups = np.unique(users, return_inverse=True)
    return np.bincount(groups, values).astype(np.float64)


def ratio(ours: Numbers, theirs: Numbers, *, seed: int = SEED, n_resamples: int = N_RESAMPLES) -> Interval:
    """Return sum(ours) / sum(theirs), resampling the two together: one entry is one user, item or store.

    A ratio to nothing is infinite; resamples in which both are nothing don't count.
    """
    generator = np.random.default_rng(seed)
    rows = generator.integers(0, len(ours), (n_resamples, len(ours)))
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = ours[rows].sum(axis=1) / theirs[rows].sum(axis=1)
        value = float(ours.sum() / theirs.sum())
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) == 0:
        return Interval(value, value, value)
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")
    return Interval(value, float(low), float(high))


def paired(ours: Evaluation, theirs: Evaluation, measure: str) -> Interval:
    """Return the ratio of two models' means over the same questions."""
    return ratio(by_user(ours.gains(measure), ours.users), by_user(theirs.gains(measure), theirs.users))


def mean(values: Numbers) -> Interval:
    """Return a mean with its interval."""
    return ratio(values, np.ones(len(values)))


def _mean(values: Numbers) -> float:
    return float(values.mean()) if len(values) else 0.0
