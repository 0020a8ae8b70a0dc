"""The questions that models answer, and the protocols of those who do."""

from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.compiled import frozen
from openpersonalize.models.ids import IdIndex

NO_ROWS: NDArray[np.int32] = frozen(np.empty(0, np.int32))
NO_TIMES: NDArray[np.int64] = frozen(np.empty(0, np.int64))
ALL: NDArray[np.bool_] = frozen(np.empty(0, np.bool_))

Allowed = NDArray[np.bool_] | None
"""Which items an answer may have, by item row; None allows all."""


class Question(Enum):
    """What a model is asked."""

    ITEMS_FOR_USER = "items for a user"
    POPULAR_ITEMS = "popular items"
    SIMILAR_ITEMS = "items like an item"
    RANKING = "rankings of given items"
    ACTIONS_FOR_USER = "actions for a user"
    USERS = "users for an item or an attribute"


@dataclass(frozen=True)
class Query:
    """One request, in rows of the model's indexes; -1 stands for an unknown or absent id.

    - `recent`: int32, items of the user's events after the model's watermark, oldest first.
    - `recent_times`: int64, their times in seconds since the epoch.
    - `context`: int32, rows of the model's `Contexts`.
    - `influence`: what popularity and freshness add to the similarity of texts, each from 0 to 1.
    """

    user: int = -1
    item: int = -1
    recent: NDArray[np.int32] = field(default_factory=lambda: NO_ROWS)
    recent_times: NDArray[np.int64] = field(default_factory=lambda: NO_TIMES)
    context: NDArray[np.int32] = field(default_factory=lambda: NO_ROWS)
    influence: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Ranked:
    """Items in falling order of their scores; equal scores stand in item order.

    - `items`: int32 rows.
    - `scores`: float32 in [0, 1], or None where the recipe gives no scores.
    """

    items: NDArray[np.int32]
    scores: NDArray[np.float32] | None


@runtime_checkable
class Ranker(Protocol):
    """What all models have: a kind, under which artifacts name them, and the indexes of their ids."""

    kind: ClassVar[str]

    @property
    def items(self) -> IdIndex:
        """The items that the model knows."""

    @property
    def users(self) -> IdIndex:
        """The users that the model knows; empty where it treats all users alike."""


@runtime_checkable
class UserRanker(Ranker, Protocol):
    """A model that ranks items for a user."""

    def recommend(self, query: Query, k: int, allowed: Allowed = None) -> Ranked:
        """Return the k best items that are allowed; scores sum to 1 over the whole catalogue."""

    def rank(self, query: Query, candidates: NDArray[np.int32]) -> Ranked:
        """Order the candidates, all known rows; scores sum to 1 over them."""


@runtime_checkable
class ItemRanker(Ranker, Protocol):
    """A model that finds items like an item."""

    def similar(self, query: Query, k: int, allowed: Allowed = None) -> Ranked:
        """Return the k items most like `query.item` that are allowed, popular ones if it is unknown."""


def first_allowed(order: NDArray[np.int32], allowed: Allowed, k: int) -> NDArray[np.intp] | slice:
    """Return the places of the first k items of an order that are allowed."""
    if allowed is None:
        return slice(k)
    return np.flatnonzero(allowed[order])[:k]
