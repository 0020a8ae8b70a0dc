"""What a user did since the training, in rows of a deployment's model."""

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.ids import IdIndex
from openpersonalize.models.ranker import NO_ROWS, NO_TIMES
from openpersonalize.runtime.deployments import Deployment, EventRule
from openpersonalize.storage.event_log import Position
from openpersonalize.storage.tail import Recent, Recents

Rows = tuple[NDArray[np.int32], NDArray[np.int64]]
NO_EVENTS: Rows = (NO_ROWS, NO_TIMES)


def rows_of(recents: Recents, deployment: Deployment, known_items: IdIndex | None = None) -> Rows:
    """The events that the model listens to, oldest first: int32 rows of items, int64 times (epoch seconds).

    Left out are events that the training has read, events of other types or of too low a value, and items
    that the model does not know. `known_items`: what it knows, where that is not what it recommends.
    """
    if not recents:
        return NO_EVENTS
    watermark, rule = deployment.watermark, deployment.rule
    heard = [entry for entry in recents if _counts(entry, watermark, rule)]
    if not heard:
        return NO_EVENTS
    index: IdIndex = deployment.model.items if known_items is None else known_items
    items = index.find_many([entry.item_id for entry in heard])
    times = np.array([entry.timestamp for entry in heard], np.int64)
    known = items >= 0
    return (items, times) if known.all() else (items[known], times[known])


def _counts(entry: Recent, watermark: Position, rule: EventRule) -> bool:
    if (entry.txid, entry.id) <= watermark:
        return False
    if rule.event_type is not None and entry.event_type != rule.event_type:
        return False
    # Without a value an event has not reached a threshold.
    return rule.value_threshold is None or (
        entry.event_value is not None and entry.event_value >= rule.value_threshold
    )
