"""When each item came and how often it was taken and shown, for exploration; see `models.newness`."""

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.columns import NumberColumn
from openpersonalize.models.newness import Newness
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.training import Records, Task

CREATION = "CREATION_TIMESTAMP"


def newness_of(task: Task, interactions: Interactions) -> Newness:
    """Return the newness of all items by some of a task's interactions, as of the newest of these."""
    times = interactions.histories.times
    newest = int(times.max()) if len(times) else 0
    return Newness(
        born=_born(interactions, task.records.get("ITEMS"), newest),
        n_events=np.bincount(interactions.histories.items, minlength=interactions.n_items).astype(np.int64),
        n_shown=_shown(task, interactions.n_items),
        newest=newest,
    )


def _born(interactions: Interactions, records: Records | None, newest: int) -> NDArray[np.int64]:
    """Return by item CREATION_TIMESTAMP, else the first interaction, else the newest of all (then it is new).

    As reference/recipes.md §1.4 says; int64 seconds since the epoch.
    """
    born = np.full(interactions.n_items, newest, np.int64)
    np.minimum.at(born, interactions.histories.items, interactions.histories.times)
    created = None if records is None else records.table.column(CREATION)
    if records is not None and isinstance(created, NumberColumn):
        rows = records.table.ids.find_all(interactions.items)
        is_known = ~created.is_null[rows]
        born[is_known] = created.values[rows[is_known]].astype(np.int64)
    return born


def _shown(task: Task, n_items: int) -> NDArray[np.int64]:
    if len(task.impressions) == 0:
        return np.zeros(n_items, np.int64)
    return task.impressions
