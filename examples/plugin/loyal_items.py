"""A recipe of its own package: the items that users come back to, whether many or few have found them.

Of an item with n users, of whom r had it twice or more, the loyalty is (r + a p) / (n + a): the share of
those who came back, shrunk towards the catalogue's share p by a = 10 users.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.models.ids import IdIndex
from openpersonalize.models.ranker import Allowed, Query, Question, Ranked, first_allowed
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.recipe import POPULAR_ITEMS, Hyperparameter, Recipe
from openpersonalize.recipes.training import Task, Trained


@dataclass(frozen=True)
class LoyalItems:
    """What serves: the items in one order, and the loyalty of each; fields become files of the artifact.

    - `order`: int32, all item rows, most loyal users first.
    - `loyalties`: float32 in [0, 1], by item row.
    """

    kind: ClassVar[str] = "loyal-items"

    items: IdIndex
    users: IdIndex
    order: NDArray[np.int32]
    loyalties: NDArray[np.float32]

    def recommend(self, query: Query, k: int, allowed: Allowed = None) -> Ranked:
        """Return the k items of the most loyal users that a request's filter allows."""
        best = self.order[first_allowed(self.order, allowed, k)]
        return Ranked(best, self.loyalties[best])

    def rank(self, query: Query, candidates: NDArray[np.int32]) -> Ranked:
        """Order given items."""
        best = candidates[np.argsort(-self.loyalties[candidates], kind="stable")]
        return Ranked(best, self.loyalties[best])


def train(task: Task) -> Trained:
    """Fit without the test users and measure; then fit on everybody."""
    prior = float(task.settings["prior_users"])
    task.progress("training", 10.0)
    part = fit(task.training_part, prior)
    task.progress("evaluating", 40.0)
    metrics = task.evaluate(part)
    if task.is_trial:  # a search for hyperparameters wants no more than the metrics
        return Trained(part, metrics)
    task.progress("training on all data", 70.0)
    return Trained(fit(task.interactions, prior), metrics)


def fit(interactions: Interactions, prior_users: float) -> LoyalItems:
    """Order the items by loyalty."""
    users, items = interactions.user_of_event, interactions.histories.items
    shape = (interactions.n_users, interactions.n_items)
    times = scipy.sparse.coo_matrix((np.ones(len(items)), (users, items)), shape=shape).tocsc()
    n_users = np.diff(times.indptr)
    n_loyal = np.asarray((times >= 2).sum(axis=0)).ravel()
    share = n_loyal.sum() / max(1, n_users.sum())
    loyalties = ((n_loyal + prior_users * share) / (n_users + prior_users)).astype(np.float32)
    order = np.argsort(-loyalties, kind="stable").astype(np.int32)
    return LoyalItems(interactions.items, IdIndex.build([]), order, loyalties)


RECIPE = Recipe(
    name="loyal-items",
    recipe_type=POPULAR_ITEMS,
    description="Recommends the items that users come back to, the same to everybody.",
    question=Question.POPULAR_ITEMS,
    hyperparameters=(Hyperparameter("prior_users", 10.0, 0.1, 1000.0, is_tunable=True),),
    train=train,
    model=LoyalItems,
)
