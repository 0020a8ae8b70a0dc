"""Brings new data into the rows of a model of actions that was trained before."""

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes.features import design_matrix
from openpersonalize.recipes.interactions import selected
from openpersonalize.recipes.training import Records


def rows_before(histories: Histories, places: NDArray[np.int32]) -> Histories:
    """Return the events with items that a model knows, in its rows; `places` by item, -1 for new ones."""
    rows = places[histories.items] if len(histories.items) else histories.items
    return selected(Histories(histories.starts, rows, histories.times), rows >= 0)


def known_before(flags: NDArray[np.bool_], before: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return the flags of actions by their rows before; False for new ones (-1)."""
    return np.where(before >= 0, flags[before], False)


def renamed_traits(
    records: Records | None, names: tuple[str, ...]
) -> "tuple[IdIndex, scipy.sparse.csr_matrix[np.float32]]":
    """Return the users of a dataset and which of a model's traits each has; new traits say nothing."""
    if records is None:
        return IdIndex.build([]), scipy.sparse.csr_matrix(np.empty((0, len(names)), np.float32))
    design = design_matrix(records, records.table.ids)
    columns = {name: place for place, name in enumerate(names)}
    places = np.array([columns.get(name, -1) for name in design.names], np.int64)
    old = np.flatnonzero(places >= 0)
    ones = (np.ones(len(old), np.float32), (old, places[old]))
    moved = scipy.sparse.csr_matrix(ones, shape=(len(design.names), len(names)))
    return records.table.ids, (design.matrix @ moved).tocsr()
