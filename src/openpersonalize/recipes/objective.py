"""The optimizationObjective of a solution: a column of items whose high values lists are to have more of.

With z_i the standard score of item i in the column, cut to [-3, 3] and 0 where the column is null,

    score_i += sensitivity · spread · z_i,    sensitivity = 0.5 (LOW), 1 (MEDIUM), 2 (HIGH)

where spread is the standard deviation of relevance (of scores without this) among the 100 best items of a
user, averaged over users: so MEDIUM gives both equal weight. For users without events the spread is that of
their 100 most probable items.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from openpersonalize.domain import evaluation
from openpersonalize.errors import JobError
from openpersonalize.models import BlendModel, ColdUsers, Query
from openpersonalize.models.columns import NumberColumn
from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes.training import Task

SENSITIVITIES = {"LOW": 0.5, "MEDIUM": 1.0, "HIGH": 2.0}
MOST_DEVIATIONS = 3.0
MOST_USERS = 200
"""From whose lists the spread is measured."""
N_BEST = 100


def towards(task: Task, model: BlendModel) -> BlendModel:
    """Return a model that favours what the task's objective asks for; the same where it has none.

    Raises JobError where no item has a value in the objective's column.
    """
    if task.objective is None:
        return model
    scores = _standard_scores(_values(task, model.items)).astype(np.float32)
    sensitivity = SENSITIVITIES[task.objective.sensitivity]
    own = np.partition(model.cold.logs, -min(N_BEST, len(scores)))[-N_BEST:]
    cold = model.cold.logs.astype(np.float64) + sensitivity * float(own.std()) * scores
    shares = np.exp(cold - cold.max())
    return replace(
        model,
        favour=np.float32(sensitivity * _spread(model)) * scores,
        cold=ColdUsers.of((shares / shares.sum()).astype(np.float32)),
    )


def average_rewards(
    task: Task, lists: Sequence[NDArray[np.int32]], targets: Sequence[NDArray[np.int32]]
) -> dict[str, float]:
    """Return the metric of the task's objective, under its name; nothing where it has none."""
    if task.objective is None:
        return {}
    values = _values(task, task.interactions.items)
    lowest, highest = np.nanmin(values), np.nanmax(values)
    rewards = np.nan_to_num((values - lowest) / (highest - lowest)) if highest > lowest else values * 0 + 1.0
    return {"average_rewards_at_k": evaluation.average_rewards(lists, targets, rewards)}


def _values(task: Task, items: IdIndex) -> NDArray[np.float64]:
    """Return the objective's column by item, NaN where it is null."""
    name, records = task.objective.item_attribute if task.objective else "", task.records.get("ITEMS")
    column = None if records is None else records.table.column(name)
    if records is not None and isinstance(column, NumberColumn):
        rows = records.table.ids.find_all(items)
        values = np.where(column.is_null[rows], np.nan, column.values[rows].astype(np.float64))
        values[~np.isfinite(values)] = np.nan
        if not np.isnan(values).all():
            return values
    raise JobError(
        f"optimizationObjective names {name}, of which no item has a value: import items with numbers in "
        f"the column {name}, then train again."
    )


def _standard_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    deviation = np.nanstd(values)
    if deviation == 0.0:
        return np.zeros(len(values))
    scores = np.nan_to_num((values - np.nanmean(values)) / deviation)
    return np.asarray(np.clip(scores, -MOST_DEVIATIONS, MOST_DEVIATIONS), np.float64)


def _spread(model: BlendModel) -> float:
    """Return the standard deviation of scores among a user's best items, the mean over some users."""
    users = np.flatnonzero(np.diff(model.histories.starts))
    chosen = users[:: max(1, -(-len(users) // MOST_USERS))]
    lists = [model.recommend(Query(user=int(user)), N_BEST).scores for user in chosen]
    logs = [np.log(np.maximum(scores, 1e-30)) for scores in lists if scores is not None]
    return float(np.mean([one.std() for one in logs])) if logs else 0.0
