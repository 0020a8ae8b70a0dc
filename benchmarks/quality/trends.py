"""Trending-now beside popularity, on stores whose trends are planted.

Each store sells by Zipf's law for four days; in its last four windows of two hours a dozen items of its tail
rise, each window to 2.5 times. Both are trained on that and then judged by the window after it: how many of
the rising items stand in the first 25, and how much of the growth from the last window to the next these 25
have, of what the 25 that really grow most have.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from benchmarks.quality.measures import CUT, Interval, mean
from benchmarks.quality.training import Trainer, Untrained
from numpy.typing import NDArray

from openpersonalize.models import Query, UserRanker
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.loading import EventFilter, Source, load_interactions
from openpersonalize.recipes.training import Trained

RECIPE, POPULARITY = "aws-trending-now", "aws-popularity-count"
N_STORES = 20
N_ITEMS, N_USERS = 600, 1500
WINDOW_S = 7_200
N_WINDOWS = 48
N_EVENTS = 500
"""In a window, trends left out."""
N_RISING, N_STEPS, FIRST, FACTOR = 12, 4, 3.0, 2.5
"""Rising items, for how many windows they rise, from how many events, and by which factor each window."""
START = 1_750_000_000


@dataclass(frozen=True)
class Trends:
    """By recipe, an entry a store: the share of the rising items that were found, and of the growth."""

    found: dict[str, NDArray[np.float64] | Untrained]
    growth: dict[str, NDArray[np.float64] | Untrained]
    n_stores: int

    def mean(self, of: dict[str, NDArray[np.float64] | Untrained], name: str) -> Interval | Untrained:
        """Return a recipe's mean over the stores."""
        values = of[name]
        return values if isinstance(values, Untrained) else mean(values)

    def against_popularity(self) -> Interval | Untrained:
        """Return by how much the share of the growth that ours found is above popularity's."""
        ours, theirs = self.growth[RECIPE], self.growth[POPULARITY]
        if isinstance(ours, Untrained):
            return ours
        return theirs if isinstance(theirs, Untrained) else mean(ours - theirs)


@dataclass(frozen=True)
class Planted:
    """A store with trends.

    - `counts`: int64, shape (N_WINDOWS + 1, N_ITEMS): the events of each window; the last is yet to come.
    - `rising`: int64, the items that rise.
    """

    counts: NDArray[np.int64]
    rising: NDArray[np.int64]

    @property
    def growth(self) -> NDArray[np.int64]:
        """By item, how many events more the coming window has than the last."""
        return np.asarray(self.counts[-1] - self.counts[-2], np.int64)


def trends(trainer: Trainer, n_stores: int = N_STORES) -> Trends:
    """Measure so many stores."""
    found: dict[str, list[float]] = {RECIPE: [], POPULARITY: []}
    growth: dict[str, list[float]] = {RECIPE: [], POPULARITY: []}
    reasons: dict[str, Untrained] = {}
    for seed in trainer.bars.track(range(n_stores), description="planted trends"):
        planted = plant(seed)
        interactions = written(planted, seed)
        for name in (RECIPE, POPULARITY):
            trained = trainer.train(name, interactions, {}, f"trends, store {seed + 1}")
            if not isinstance(trained, Trained) or not isinstance(trained.model, UserRanker):
                reasons[name] = trained if isinstance(trained, Untrained) else Untrained("ranks no items")
                continue
            rows = trained.model.recommend(Query(), CUT).items
            shown = [int(text) for text in trained.model.items.texts(rows)]
            found[name].append(float(np.isin(planted.rising, shown).mean()))
            growth[name].append(share_of_growth(planted.growth, shown))
    return Trends(_or_reasons(found, reasons), _or_reasons(growth, reasons), n_stores)


def _or_reasons(
    values: dict[str, list[float]], reasons: dict[str, Untrained]
) -> dict[str, NDArray[np.float64] | Untrained]:
    return {name: reasons.get(name) or np.array(figures) for name, figures in values.items()}


def share_of_growth(growth: NDArray[np.int64], shown: Iterable[int]) -> float:
    """Return the growth of the items shown over that of the 25 that grow most; 0 where it is less."""
    most = np.sort(growth)[-CUT:].sum()
    return max(0.0, float(growth[list(shown)].sum() / most))


def plant(seed: int) -> Planted:
    """Draw a store."""
    generator = np.random.default_rng(seed)
    demand = (np.arange(N_ITEMS) + 5.0) ** -0.8
    expected = np.tile(N_EVENTS * demand / demand.sum(), (N_WINDOWS + 1, 1))
    rising = generator.choice(np.arange(N_ITEMS // 2, N_ITEMS), N_RISING, replace=False)
    for step in range(1, N_STEPS + 2):
        expected[N_WINDOWS - N_STEPS - 1 + step, rising] += FIRST * FACTOR ** (step - 1)
    return Planted(generator.poisson(expected), np.sort(rising))


def written(planted: Planted, seed: int) -> Interactions:
    """Return all windows but the coming one as training reads them, through a Parquet file."""
    generator = np.random.default_rng(seed + N_STORES)
    windows, items = np.nonzero(planted.counts[:-1])
    repeats = planted.counts[windows, items]
    times = (
        START + np.repeat(windows, repeats) * WINDOW_S + generator.integers(1, WINDOW_S + 1, repeats.sum())
    )
    times[times.argmax()] = START + N_WINDOWS * WINDOW_S  # the newest event ends the last window
    frame = pl.DataFrame(
        {
            "USER_ID": generator.integers(0, N_USERS, repeats.sum()).astype(str),
            "ITEM_ID": np.repeat(items, repeats).astype(str),
            "TIMESTAMP": times,
        }
    )
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "interactions.parquet"
        frame.write_parquet(path)
        return load_interactions(Source([path], has_one_origin=True), EventFilter())
