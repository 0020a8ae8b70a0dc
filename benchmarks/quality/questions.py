"""The protocols: which events are held out, what is known when each is to be predicted, and asking.

Histories are in the order of time, ties in the order of the file. A model is trained once on what is before
every user's held-out events; events that were predicted are then told to it, as PutEvents would.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from benchmarks.quality.measures import CUT, Evaluation
from numpy.typing import NDArray

from openpersonalize.models import ItemRanker, Query, Ranker, UserRanker
from openpersonalize.recipes.interactions import Interactions

Items = NDArray[np.int32]


@dataclass(frozen=True)
class Question:
    """One event to be predicted, and the user's events before it, oldest first.

    - `known`: int32, the items of all of them; `recent`: of those that the training has not seen.
    - `recent_times`: int64, seconds since the epoch.
    """

    user: int
    target: int
    known: Items
    recent: Items
    recent_times: NDArray[np.int64]


@dataclass(frozen=True)
class HeldOut:
    """The last events of every user who has more than one; at least one of each user is left.

    - `everything`: all interactions.
    - `n_left`: int64, by user: how many events, the oldest, are trained on.
    """

    everything: Interactions
    n_left: NDArray[np.int64]

    @classmethod
    def last(cls, everything: Interactions, n_events: int) -> "HeldOut":
        """Hold out so many events of each user."""
        lengths = everything.lengths
        return cls(everything, np.where(lengths > 1, np.maximum(lengths - n_events, 1), lengths))

    @property
    def before(self) -> Interactions:
        """What is trained on."""
        starts, lengths = self.everything.histories.starts, self.everything.lengths
        places = np.arange(self.everything.n_events) - np.repeat(starts[:-1], lengths)
        return self.everything.select(places < np.repeat(self.n_left, lengths))

    def questions(self) -> list[Question]:
        """Return the held-out events of items that are new to the user, as lists leave seen ones out."""
        return list(self._questions())

    @property
    def n_held_out(self) -> int:
        """How many events are held out, those of seen items too."""
        return int((self.everything.lengths - self.n_left).sum())

    def _questions(self) -> Iterator[Question]:
        histories = self.everything.histories
        for user in np.flatnonzero(self.everything.lengths > self.n_left).tolist():
            items, times = histories.items_of(user), histories.times_of(user)
            n_left = int(self.n_left[user])
            for place in range(n_left, len(items)):
                known, target = items[:place], int(items[place])
                if target not in known:
                    yield Question(user, target, known, known[n_left:], times[n_left:place])


Answer = Callable[[Question], Items]
"""The items of a list, best first, without those that are known."""


def evaluate(answer: Answer, questions: Iterable[Question]) -> Evaluation:
    """Ask each question and note the place of what came."""
    places, users = [], []
    for question in questions:
        found = np.flatnonzero(answer(question)[:CUT] == question.target)
        places.append(int(found[0]) + 1 if len(found) else 0)
        users.append(question.user)
    return Evaluation(np.array(places, np.int64), np.array(users, np.int64))


def unseen(n_items: int, known: Items) -> NDArray[np.bool_]:
    """Say by item whether it may be in a list."""
    allowed = np.ones(n_items, np.bool_)
    allowed[known] = False
    return allowed


def for_user(model: Ranker) -> Answer:
    """Ask a model for items for the user, as GetRecommendations does with a filter on what was seen."""
    if not isinstance(model, UserRanker):
        raise TypeError(f"{type(model).__name__} ranks no items for a user.")

    def answer(question: Question) -> Items:
        query = Query(user=question.user, recent=question.recent, recent_times=question.recent_times)
        return model.recommend(query, CUT, unseen(len(model.items), question.known)).items

    return answer


def like_the_last(model: Ranker) -> Answer:
    """Ask a model for items like the newest known one, and nothing else of the user but what is left out."""
    if not isinstance(model, ItemRanker):
        raise TypeError(f"{type(model).__name__} knows no similar items.")

    def answer(question: Question) -> Items:
        query = Query(item=int(question.known[-1]))
        return model.similar(query, CUT, unseen(len(model.items), question.known)).items

    return answer
