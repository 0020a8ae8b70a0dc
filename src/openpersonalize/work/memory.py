"""Whether a training fits into memory: asked before it starts, so that it ends with a reason, not killed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from openpersonalize.errors import JobError
from openpersonalize.recipes.memory import START_BYTES, estimate
from openpersonalize.recipes.recipe import Counts, Recipe, Value
from openpersonalize.settings import load_settings
from openpersonalize.storage.event_log import Streamed
from openpersonalize.storage.machine import memory_bytes
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import DatasetRow, GenerationRow

DEFAULT_SHARE = 0.8
"""Of the machine's memory, or of that of the process's control group."""


@dataclass(frozen=True)
class Need:
    """Bytes that one training needs beside START_BYTES, and the bytes that there may be in all."""

    training: float
    limit: float

    @property
    def total(self) -> float:
        """What one training needs in all."""
        return START_BYTES + self.training

    @property
    def n_at_once(self) -> int:
        """How many may run in one process; at least one."""
        return max(1, int((self.limit - START_BYTES) / max(1.0, self.training)))


def limit_bytes() -> float:
    """Return what a training may use: OPENPERSONALIZE_MEMORY_LIMIT, else a share of what there is."""
    given = load_settings().memory_limit_bytes
    return DEFAULT_SHARE * memory_bytes() if given is None else float(given)


def require(recipe: Recipe, counts: Counts, settings: Mapping[str, Value]) -> Need:
    """Return what a training needs. Raises JobError where it is more than there may be."""
    need = Need(estimate(recipe, counts, settings), limit_bytes())
    if need.total > need.limit:
        raise JobError(
            f"Training {recipe.name} on {counts.n_events:,} interactions of {counts.n_users:,} users and "
            f"{counts.n_items:,} items needs about {_text(need.total)} of memory; the limit is "
            f"{_text(need.limit)}. Raise OPENPERSONALIZE_MEMORY_LIMIT if the machine has more, run the "
            "worker on a larger one, or train on less: by eventType, or after importing fewer interactions."
        )
    return need


def counts_of(
    stores: Stores, dataset_group_arn: str, streamed: Streamed, event_type: str | None = None
) -> Counts:
    """Return how much there is to train on, from the counts that imports have kept and the events since.

    Users of several imports of one dataset are added up, though some may be the same.
    """
    query = (
        select(DatasetRow.dataset_type, GenerationRow.counts)
        .join(GenerationRow, GenerationRow.dataset_id == DatasetRow.id)
        .where(DatasetRow.dataset_group_arn == dataset_group_arn, GenerationRow.active)
    )
    with stores.database.read() as session:
        rows = session.execute(query).all()
    events = [counts for dataset_type, counts in rows if dataset_type.upper() == "INTERACTIONS"]
    items = [counts for dataset_type, counts in rows if dataset_type.upper() == "ITEMS"]
    columns = streamed.columns
    return Counts(
        n_users=_sum(events, "users") + len(set(columns["user_id"])),
        n_items=max(_sum(events, "items"), _sum(items, "items")) + len(set(columns["item_id"])),
        n_events=sum(_n_events(counts, event_type) for counts in events) + len(columns["item_id"]),
        has_item_records=bool(items),
    )


def _sum(all_counts: Iterable[Mapping[str, Any]], name: str) -> int:
    return sum(int(counts.get(name, 0)) for counts in all_counts)


def _n_events(counts: Mapping[str, Any], event_type: str | None) -> int:
    """The events of an import, or those of a type; all where the type is not among those counted."""
    by_type: Mapping[str, int] = counts.get("eventTypes") or {}
    return int(by_type.get(event_type or "", counts.get("rows", 0)))


def _text(size: float) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
