"""Everything that is measured on one store."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.quality import cold_items, own_metrics, personalization, segments, trends
from benchmarks.quality.cold_items import ColdItems
from benchmarks.quality.own_metrics import OwnMetrics
from benchmarks.quality.peers import GRID, AlsSettings
from benchmarks.quality.personalization import Comparison
from benchmarks.quality.segments import Segments
from benchmarks.quality.stores import Store
from benchmarks.quality.training import Trainer, Untrained


@dataclass(frozen=True)
class Measured:
    """The figures of one store."""

    name: str
    size: str
    last_event: Comparison
    later_events: Comparison
    next_item: Comparison
    own: OwnMetrics
    cold: ColdItems | Untrained
    segments: dict[str, Segments]


@dataclass(frozen=True)
class Scale:
    """How much is tried: settings of implicit's ALS, folds of cold items, stores with planted trends."""

    grid: tuple[AlsSettings, ...] = GRID
    n_folds: int = cold_items.N_FOLDS
    n_trend_stores: int = trends.N_STORES


QUICK = Scale(GRID[:1], 1, 2)
"""To see whether the command works on a store; its figures are no results."""


def measure(store: Store, trainer: Trainer, scale: Scale) -> Measured:
    """Measure a store."""

    def candidates() -> Iterable[AlsSettings]:
        return trainer.bars.track(scale.grid, description=f"{store.name}: tune implicit's ALS")

    later_events = personalization.later_events(store, trainer, candidates)
    return Measured(
        store.name,
        store.describe(),
        personalization.last_event(store, trainer, candidates),
        later_events,
        personalization.next_item(store, trainer),
        own_metrics.own_metrics(store, trainer, later_events.settings),
        cold_items.cold_items(store, trainer, scale.n_folds),
        segments.segments(store, trainer),
    )
