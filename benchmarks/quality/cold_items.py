"""Items without any event, known by their metadata alone: where they stand, and whether lists show them.

Of the items with at least five interactions a random 10 % lose all their events and count as just come; five
such folds, none of whose items are the same. Whoever had one of them is then asked for: the whole catalogue
is ranked, what the user is known to have had is left out.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from benchmarks.quality.measures import CUT, Interval, by_user, ratio
from benchmarks.quality.questions import Items, unseen
from benchmarks.quality.stores import Store
from benchmarks.quality.training import Trainer, Untrained
from numpy.typing import NDArray

from openpersonalize.models import Query, UserRanker
from openpersonalize.models.columns import ColumnTable, NumberColumn
from openpersonalize.models.newness import Exploration
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.training import Records, Trained
from openpersonalize.runtime.exploration import DEFAULT_CUT_OFF_DAYS, DEFAULT_WEIGHT

RECIPE = "aws-user-personalization"
N_FOLDS = 5
SHARE = 0.1
LEAST_EVENTS = 5
N_LISTS = 5
"""Lists drawn for each user, as exploration is a matter of chance."""
SEED = 0
WEIGHTS = (0.0, DEFAULT_WEIGHT)
_CREATED = "CREATION_TIMESTAMP"


@dataclass(frozen=True)
class Pairs:
    """One figure for each user and cold item that they had, all float64 of one shape.

    - `percentile`: where the model's relevance puts the item, 1 the best of all, 0 the last.
    - `hits`: by exploration weight, the share of the user's lists of 25 that show the item.
    - `by_chance`: the same of lists that are drawn at random from the catalogue.
    - `by_slots`: the same where the new items in our lists are drawn at random from the new items.
    - `shown`: by weight, the share of places of the user's lists that new items have.
    """

    users: NDArray[np.int64]
    percentile: NDArray[np.float64]
    hits: dict[float, NDArray[np.float64]]
    by_chance: NDArray[np.float64]
    by_slots: dict[float, NDArray[np.float64]]
    shown: dict[float, NDArray[np.float64]]

    def interval(self, values: NDArray[np.float64]) -> Interval:
        """Return the mean over the pairs, resampling users."""
        return ratio(by_user(values, self.users), by_user(np.ones(len(values)), self.users))

    def against(self, weight: float, theirs: NDArray[np.float64]) -> Interval:
        """Return the ratio of our hits to others' over the same pairs."""
        return ratio(by_user(self.hits[weight], self.users), by_user(theirs, self.users))


@dataclass(frozen=True)
class ColdItems:
    """All folds' pairs, how many items they are of, and how many items a list is chosen from."""

    pairs: Pairs
    n_items: int
    n_catalogue: int


def cold_items(store: Store, trainer: Trainer, n_folds: int = N_FOLDS) -> ColdItems | Untrained:
    """Measure the first folds; say why not where nothing can be trained or known of items."""
    if not store.records.get("ITEMS"):
        return Untrained("no items dataset")
    found, n_cold = [], 0
    for number, cold in enumerate(folds(store.interactions)[:n_folds]):
        events = store.interactions.histories.items
        left = store.interactions.select(~np.isin(events, cold))
        what = f"cold items, fold {number + 1}"
        records = just_come(store, cold)
        trained = trainer.train(RECIPE, left, records, what)
        if not isinstance(trained, Trained):
            return trained
        newness = getattr(trained.model, "newness", None)
        if newness is None or not newness.is_known or not isinstance(trained.model, UserRanker):
            return Untrained("not built yet: exploration")
        asked = trainer.bars.track(list(_asked(store, left, cold)), description=f"{what}: ask")
        explorations = {w: Exploration.of(newness, w, DEFAULT_CUT_OFF_DAYS) for w in WEIGHTS}
        found += [_answers(trained.model, explorations, user, left, wanted) for user, wanted in asked]
        n_cold += len(cold)
    return ColdItems(_joined(found), n_cold, store.interactions.n_items)


def folds(interactions: Interactions) -> list[Items]:
    """Draw the items of each fold, rising."""
    counts = np.bincount(interactions.histories.items, minlength=interactions.n_items)
    eligible = np.random.default_rng(SEED).permutation(np.flatnonzero(counts >= LEAST_EVENTS))
    size = max(1, round(SHARE * len(eligible)))
    return [
        np.sort(eligible[fold * size : (fold + 1) * size]).astype(np.int32)
        for fold in range(N_FOLDS)
        if len(eligible) > fold * size
    ]


def just_come(store: Store, cold: Items) -> dict[str, Records]:
    """Return the records in which the cold items were created at the newest interaction of all."""
    items = store.records["ITEMS"]
    created = items.table.column(_CREATED)
    if not isinstance(created, NumberColumn):
        return store.records  # without the column items without events count as new
    rows = items.table.ids.find_all(store.interactions.items)[cold]
    values, is_null = created.values.copy(), created.is_null.copy()
    values[rows[rows >= 0]] = store.interactions.histories.times.max()
    is_null[rows[rows >= 0]] = False
    column = NumberColumn(created.name, values, is_null)
    others = tuple(column if one.name == _CREATED else one for one in items.table.numbers)
    table = ColumnTable(items.table.ids, items.table.texts, others)
    return {**store.records, "ITEMS": replace(items, table=table)}


def _asked(store: Store, left: Interactions, cold: Items) -> Iterator[tuple[int, Items]]:
    """Users with events left who had cold items, and which."""
    is_cold = np.zeros(store.interactions.n_items, np.bool_)
    is_cold[cold] = True
    for user in np.flatnonzero(left.lengths).tolist():
        had = np.unique(store.interactions.histories.items_of(user))
        if is_cold[had].any():
            yield user, had[is_cold[had]]


def _answers(
    model: UserRanker,
    explorations: dict[float, Exploration],
    user: int,
    left: Interactions,
    wanted: Items,
) -> Pairs:
    """Ask for one user: once for all of the catalogue, and for lists with each weight."""
    known, n_items = left.histories.items_of(user), left.n_items
    allowed = unseen(n_items, known)
    n_allowed = int(allowed.sum())
    rank = partial(model.recommend, Query(user=user))
    order = rank(n_items, allowed).items
    place_of = np.full(n_items, n_allowed - 1, np.int64)
    place_of[order] = np.arange(len(order))
    hits, by_slots, shown = {}, {}, {}
    for weight, exploration in explorations.items():
        chance = random.Random(f"{SEED} {user} {weight}")
        lists = [
            exploration.mixed(rank, CUT, allowed, known, chance).items
            for _ in range(N_LISTS if weight else 1)
        ]
        hits[weight] = np.mean([np.isin(wanted, one) for one in lists], axis=0)
        n_new = float(np.mean([np.count_nonzero(exploration.is_new[one]) for one in lists]))
        n_candidates = max(1, int(np.count_nonzero(exploration.is_new & allowed)))
        by_slots[weight] = np.full(len(wanted), n_new / n_candidates)
        shown[weight] = np.full(len(wanted), n_new / CUT)
    return Pairs(
        np.full(len(wanted), user, np.int64),
        1.0 - place_of[wanted] / max(1, n_allowed - 1),
        hits,
        np.full(len(wanted), CUT / n_allowed),
        by_slots,
        shown,
    )


def _joined(parts: list[Pairs]) -> Pairs:
    def by_weight(name: str) -> dict[float, NDArray[np.float64]]:
        return {weight: np.concatenate([getattr(part, name)[weight] for part in parts]) for weight in WEIGHTS}

    return Pairs(
        np.concatenate([part.users for part in parts]),
        np.concatenate([part.percentile for part in parts]),
        by_weight("hits"),
        np.concatenate([part.by_chance for part in parts]),
        by_weight("by_slots"),
        by_weight("shown"),
    )
