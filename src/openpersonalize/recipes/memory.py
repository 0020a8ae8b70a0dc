"""How much memory trainings need, estimated from counts before anything is read.

`benchmarks/bench_memory.py` holds the estimates against measured peaks; they keep within a factor of 1.5.
"""

from collections.abc import Mapping

from openpersonalize.recipes.cold_items import MOST_FEATURES
from openpersonalize.recipes.parameters import DEFAULT_WIDTH
from openpersonalize.recipes.recipe import Counts, Recipe, Value

START_BYTES = 260e6
"""A training child that has loaded its libraries."""

_READING_BYTES = 75.0
"""By event: the decoded columns, their order by user, and both at once."""

_FEATURE_MATRICES = 3.0
"""Matrices of features by features, of 8 bytes, that are held at once while items are placed by metadata."""

_RECORD_BYTES = 600.0
"""By item of the Items dataset: its columns, and the rows of its features."""

_ID_BYTES = 150.0
"""By user and by item: the id, and what finds it."""


def estimate(recipe: Recipe, counts: Counts, settings: Mapping[str, Value]) -> float:
    """Return the bytes that one training holds at most beside START_BYTES."""
    work = (recipe.memory or usual)(counts, settings)
    if counts.has_item_records and "ITEMS" in recipe.tables:
        n_features = min(MOST_FEATURES, counts.n_items)
        work += _FEATURE_MATRICES * 8.0 * n_features**2 + _RECORD_BYTES * counts.n_items
    return max(_READING_BYTES * counts.n_events, work) + _ID_BYTES * (counts.n_users + counts.n_items)


def usual(counts: Counts, settings: Mapping[str, Value]) -> float:
    """Return the bytes of a recipe that says nothing of its own: histories twice, and two models of items."""
    return 120.0 * counts.n_events + 400.0 * counts.n_items


def popularity(counts: Counts, settings: Mapping[str, Value]) -> float:
    """Return the bytes of counting: histories, those of the training part, and some numbers by item."""
    return 45.0 * counts.n_events + 60.0 * counts.n_items


def blend(counts: Counts, settings: Mapping[str, Value]) -> float:
    """Return the bytes of a blend: histories and their matrix, factors of users and items, transitions."""
    width = float(settings.get("hidden_dimension", DEFAULT_WIDTH))
    factors = 4.0 * width * (counts.n_users + 4.0 * counts.n_items)
    return 120.0 * counts.n_events + factors + 2000.0 * counts.n_items
