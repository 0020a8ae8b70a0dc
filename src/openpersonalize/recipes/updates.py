"""Lets new items and new data into a trained blend, without a training: every two hours, or by UPDATE.

What stays: the factors and transitions of the items that the model knows, all weights and the calibration.
What is made anew: new items get factors and a bias by their metadata, and users their histories; popularity
and the choices of new users follow the data, and so does what exploration counts. Values of users' columns
are looked up again, for users who came since as well.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models import topk
from openpersonalize.models.blend import NO_FAVOUR, BlendModel
from openpersonalize.models.cold_users import ColdUsers
from openpersonalize.models.contexts import Contexts
from openpersonalize.models.parts import PopularityPart
from openpersonalize.models.transitions import TransitionPart
from openpersonalize.recipes import blend, cold_items, early, objective, user_lifts
from openpersonalize.recipes.item_features import features_of
from openpersonalize.recipes.metadata import unpacked
from openpersonalize.recipes.newcomers import newness_of
from openpersonalize.recipes.recipe import Value
from openpersonalize.recipes.training import Task, Trained

EVERY_S = 7_200.0


def every_two_hours(settings: Mapping[str, Value]) -> float:
    """Return after how many seconds a deployed model looks for what is new."""
    return EVERY_S


def update(task: Task) -> Trained:
    """Return `task.previous` with what came since; it has no metrics of its own."""
    if not isinstance(task.previous, BlendModel):
        raise TypeError(f"A {type(task.previous).__name__} cannot be updated with new items.")
    task.progress("updating", 20.0)
    return Trained(objective.towards(task, updated(task, task.previous)), {})


def updated(task: Task, previous: BlendModel) -> BlendModel:
    """Return a model of all items and users of the task."""
    interactions = task.interactions
    before = previous.items.find_all(interactions.items)
    placed = _placed(task, previous, before)
    has_recency = blend.Shape.of(task).has_recency
    contexts = _moved_contexts(previous.contexts, before, len(previous.items))
    shares = blend.popularity(interactions, has_recency=has_recency)
    users = task.records.get("USERS")
    return replace(
        previous,
        favour=NO_FAVOUR,
        items=interactions.items,
        users=interactions.users,
        histories=interactions.histories,
        factors=replace(previous.factors, blocks=topk.pack(placed.factors), n_items=len(before)),
        transitions=_moved_transitions(previous.transitions, before, len(previous.items)),
        popularity=PopularityPart.of(shares, previous.popularity.weight),
        cold=ColdUsers.of(early.first_choices(interactions, has_recency=has_recency)),
        bias=topk.pack_bias(placed.bias),
        contexts=contexts,
        traits=user_lifts.traits_of(previous.traits.columns, users, contexts),
        newness=newness_of(task, interactions),
    )


def _placed(task: Task, previous: BlendModel, before: NDArray[np.int32]) -> cold_items.Placed:
    """Return factors and bias of all items: of known ones those before, of new ones those of their features.

    An item without features has no factors, and the bias of the least known item.
    """
    factors, bias = unpacked(previous.factors), previous.bias[: len(previous.items)]
    is_known = before >= 0
    all_factors = np.zeros((len(before), factors.shape[1]), np.float32)
    all_bias = np.full(len(before), bias.min(initial=0.0), np.float32)
    all_factors[is_known], all_bias[is_known] = factors[before[is_known]], bias[before[is_known]]
    records = task.records.get("ITEMS")
    if records is None or is_known.all():
        return cold_items.Placed(all_factors, all_bias)
    counts = np.zeros(len(before), np.int64)
    counts[is_known] = previous.newness.n_events[before[is_known]]
    features = features_of(records, task.interactions.items)
    return cold_items.place(all_factors, all_bias, features, counts, is_placed=~is_known)


def _after(before: NDArray[np.int32], n_before: int) -> NDArray[np.int32]:
    """Return the new row of each old one, -1 of what is gone; `before`: the old row of each new one."""
    after = np.full(n_before, -1, np.int32)
    is_known = before >= 0
    after[before[is_known]] = np.flatnonzero(is_known)
    return after


def _moved_transitions(part: TransitionPart, before: NDArray[np.int32], n_before: int) -> TransitionPart:
    """Return the transitions between rows of the new index; new items have none."""
    after = _after(before, n_before)
    sources = np.repeat(after, np.diff(part.starts))
    followers = after[part.followers]
    is_kept = (sources >= 0) & (followers >= 0)
    starts, order = _grouped(sources[is_kept], followers[is_kept], len(before))
    return replace(
        part, starts=starts, followers=followers[is_kept][order], strengths=part.strengths[is_kept][order]
    )


def _moved_contexts(contexts: Contexts, before: NDArray[np.int32], n_before: int) -> Contexts:
    """Return the lifts of rows of the new index; new items have none."""
    items = _after(before, n_before)[contexts.items]
    values = np.repeat(np.arange(len(contexts.values), dtype=np.int32), np.diff(contexts.starts))
    is_kept = items >= 0
    starts, order = _grouped(values[is_kept], items[is_kept], len(contexts.values))
    return replace(contexts, starts=starts, items=items[is_kept][order], lifts=contexts.lifts[is_kept][order])


def _grouped(
    rows: NDArray[np.int32], columns: NDArray[np.int32], n_rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each row's entries begin, and the order of all by row and column."""
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_rows))]).astype(np.int64)
    return starts, np.lexsort((columns, rows))
