"""What the records of items and users add to a blend: places of cold items, traits of users, newness."""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.models import BlendModel, topk
from openpersonalize.models.factors import FactorPart
from openpersonalize.recipes import cold_items, user_lifts
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.item_features import features_of
from openpersonalize.recipes.newcomers import newness_of
from openpersonalize.recipes.training import Task
from openpersonalize.recipes.user_lifts import UserColumns


@dataclass(frozen=True)
class Metadata:
    """The records of a task, coded.

    - `items`: float32 CSR, shape (n_items, n_features).
    - `users`: the columns of users, by user of the interactions.
    """

    items: "scipy.sparse.csr_matrix[np.float32]"
    users: UserColumns

    @classmethod
    def of(cls, task: Task) -> "Metadata":
        """Code the records of a task."""
        items = features_of(task.records.get("ITEMS"), task.interactions.items)
        return cls(items, user_lifts.code(task.records.get("USERS"), task.interactions))

    def beside_contexts(self, task: Task) -> Task:
        """Return the task with the columns of users among the contexts of its events."""
        return replace(task, interactions=user_lifts.with_users(task.interactions, self.users))

    def completed(self, task: Task, model: BlendModel, interactions: Interactions) -> BlendModel:
        """Return a model of these interactions with all that the records say."""
        counts = np.bincount(interactions.histories.items, minlength=interactions.n_items).astype(np.int64)
        bias = model.bias[: interactions.n_items]
        placed = cold_items.place(unpacked(model.factors), bias, self.items, counts)
        return replace(
            model,
            factors=replace(model.factors, blocks=topk.pack(placed.factors)),
            bias=topk.pack_bias(placed.bias),
            traits=user_lifts.traits_of(self.users.columns, task.records.get("USERS"), model.contexts),
            newness=newness_of(task, interactions),
        )


def unpacked(part: FactorPart) -> NDArray[np.float32]:
    """Return the factors of a part by item, shape (n_items, width)."""
    rows = part.blocks.transpose(0, 2, 1).reshape(-1, part.blocks.shape[1])
    return np.ascontiguousarray(rows[: part.n_items])
