"""How much memory trainings need, estimated from counts before anything is read.

`benchmarks/bench_memory.py` holds the estimates against measured peaks; they keep within a factor of 1.5.
"""

from collections.abc import Mapping

from openpersonalize.recipes.parameters import DEFAULT_WIDTH
from openpersonalize.recipes.recipe import Counts, Recipe, Value

START_BYTES = 260e6
"""A training child that has loaded its libraries."""

_READING_BYTES = 75.0
"""By event: the decoded columns, their order by user, and both at once."""

_ID_BYTES = 150.0
"""By user and by item: the id, and what finds it."""


def estimate(recipe: Recipe, counts: Counts, settings: Mapping[str, Value]) -> float:
    """Return the bytes that one training holds at most beside START_BYTES."""
    work = (recipe.memory or usual)(counts, settings)
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
