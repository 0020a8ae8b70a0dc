"""Events in the order of whom or what they belong to."""

import numpy as np

from openpersonalize.models.compiled import Ints, Longs, compiled, frozen


def grouped(keys: Ints, n_keys: int) -> tuple[Longs, Longs]:
    """Return where each key's events start, shape (n_keys + 1,), and the events in the order of keys.

    Events of one key keep their order.
    """
    starts = np.zeros(n_keys + 1, np.int64)
    np.cumsum(np.bincount(keys, minlength=n_keys), out=starts[1:])
    order = np.empty(len(keys), np.int64)
    _sort_by_counting(frozen(keys), starts[:-1].copy(), order)
    return starts, order


@compiled
def _sort_by_counting(keys: Ints, next_place: Longs, order: Longs) -> None:
    for event in range(len(keys)):
        order[next_place[keys[event]]] = event
        next_place[keys[event]] += 1
