"""Each family of recipes solves a planted store that no other family solves.

So a recipe that had another family's `train` would not do what it says. What a model of the wrong class
cannot be asked at all, it has not solved either.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from openpersonalize.domain.columns import Column
from openpersonalize.models import Query
from openpersonalize.models.columns import ColumnTable
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.training import Records, Task
from tests.planted import interactions_of, taste_store
from tests.trainers import TRAINERS
from tests.unit.recipes.test_actions import planted as store_of_actions
from tests.unit.recipes.test_segments import quiet_store

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
NOW = 1_700_000_000

Event = tuple[str, str, int]
"""User, item, time."""


@dataclass(frozen=True)
class Store:
    """What is trained on, and whether a model gives the right answers."""

    task: Task
    is_solved_by: Callable[[Any], bool]


def interactions(events: Sequence[Event], items: Sequence[str] = ()) -> Interactions:
    users = sorted({user for user, _, _ in events})
    known = sorted({item for _, item, _ in events} | set(items))
    of_user: Mapping[str, list[Event]] = {user: [] for user in users}
    for event in events:
        of_user[event[0]].append(event)
    ordered = [sorted(own, key=lambda event: event[2]) for own in of_user.values()]
    starts = np.concatenate([[0], np.cumsum([len(own) for own in ordered])])
    rows = np.array([known.index(item) for own in ordered for _, item, _ in own], np.int32)
    times = np.array([time for own in ordered for _, _, time in own], np.int64)
    return Interactions(IdIndex.build(users), IdIndex.build(known), Histories(starts, rows, times))


def similar(model: Any, item: str, k: int) -> list[str]:
    found: list[str] = model.items.texts(model.similar(Query(item=model.items.find(item)), k).items)
    return found


def recommended(model: Any, k: int, **members: Any) -> list[str]:
    found: list[str] = model.items.texts(model.recommend(Query(**members), k).items)
    return found


def a_store_of_many_users_and_many_events() -> Store:
    """Most users had `users` once; fewer had `events`, again and again, and lately."""
    events = [(f"a{user}", "users", NOW - 500 * DAY_S) for user in range(60)]
    events += [(f"b{user}", "events", NOW - turn * DAY_S) for user in range(40) for turn in range(9)]
    return Store(Task(interactions(events), {}), lambda model: recommended(model, 1) == ["users"])


def a_store_with_a_trend() -> Store:
    """`steady` is had by many in every window of two hours, `rising` by some in the last one only."""
    events = [(f"s{user}", "steady", NOW - 10 * MINUTE_S * user) for user in range(300)]
    events += [(f"r{user}", "rising", NOW - 4 * MINUTE_S * user) for user in range(25)]
    return Store(Task(interactions(events), {}), lambda model: recommended(model, 1) == ["rising"])


def a_store_of_pairs() -> Store:
    """After `a` comes `b`, before it `z`; two users only had `p` and `q`, whose records are alike."""
    events: list[Event] = []
    for user in range(40):
        events += [(f"u{user}", item, NOW + place * MINUTE_S) for place, item in enumerate("zab")]
    for user in range(2):
        events += [(f"v{user}", item, NOW + place) for place, item in enumerate(["p", "q"])]
    rows = {item: {"ITEM_ID": item, "KIND": "pq" if item in "pq" else "abz"} for item in "abzpq"}
    records = {"ITEMS": table(rows, Column("KIND", "string", categorical=True))}
    # Fewer than three users are no evidence for this recipe alone: what nothing is known of gets the popular.
    return Store(
        Task(interactions(events), {}, records=records),
        lambda model: similar(model, "a", 2) == ["b", "z"] and similar(model, "p", 4)[-1] == "q",
    )


def a_store_of_cold_items() -> Store:
    """Tastes of two kinds; of each kind one item that nobody had, whose record names the kind."""
    tastes = taste_store(n_users=60, n_clusters=2, items_per_cluster=12, events_per_user=8).interactions
    histories = [tastes.histories.items_of(user).astype(np.int64) for user in range(tastes.n_users)]
    own = interactions_of(histories, 26)
    kinds = [row // 12 if row < 24 else row - 24 for row in range(26)]
    rows = {own.items.text(row): {"ITEM_ID": "", "KIND": f"k{kind}"} for row, kind in enumerate(kinds)}
    records = {"ITEMS": table(rows, Column("KIND", "string", categorical=True))}

    def is_solved(model: Any) -> bool:
        found = [model.similar(Query(item=24 + kind), 5).items.tolist() for kind in (0, 1)]
        return all(kinds[item] == kind for kind, items in enumerate(found) for item in items)

    return Store(Task(own, {}, records=records), is_solved)


def a_store_of_texts() -> Store:
    """Two themes that share no word, and nothing but texts: no column of categories, no interaction."""
    themes = {"b": "bread dough flour oven yeast bakery", "s": "star planet galaxy telescope orbit comet"}
    rows = {
        f"{theme}{left_out}": {
            "ITEM_ID": "",
            "NAME": f"no {left_out}",
            "TEXT": " ".join(word for place, word in enumerate(words.split()) if place != left_out),
        }
        for theme, words in themes.items()
        for left_out in range(6)
    }
    names = Column("NAME", "string", item_name=True)
    texts = Column("TEXT", "string", textual=True)
    records = {"ITEMS": table(rows, names, texts)}
    return Store(
        Task(Interactions.none(), {}, records=records),
        lambda model: all({other[0] for other in similar(model, item, 5)} == {item[0]} for item in rows),
    )


def a_store_of_tastes() -> Store:
    """Users of eight tastes."""
    store = taste_store(n_users=160, n_clusters=8, items_per_cluster=20, events_per_user=10)

    def is_solved(model: Any) -> bool:
        lists = [model.recommend(Query(user=user), 5).items for user in range(16)]
        return all((store.clusters[items] == user % 8).all() for user, items in enumerate(lists))

    return Store(Task(store.interactions, {}), is_solved)


def a_store_of_quiet_users() -> Store:
    """Forty quiet users had the first thirty items, busy ones now and then one of them."""

    def is_solved(model: Any) -> bool:
        best = [np.argsort(-model.users_for_item(item), kind="stable")[:20] for item in range(5)]
        return bool(np.mean([users < 40 for users in best]) > 0.9)

    return Store(Task(quiet_store(), {}), is_solved)


def a_store_of_actions() -> Store:
    """Users of two kinds, by what they read; each kind takes other actions."""
    task, truth = store_of_actions()

    def is_solved(model: Any) -> bool:
        found = np.array([model.scores(model.doings(f"u{user}")) for user in range(200)])
        return bool(np.corrcoef(found.ravel(), truth[:200].ravel())[0, 1] > 0.8)

    return Store(task, is_solved)


def table(rows: Mapping[str, Mapping[str, str]], *columns: Column) -> Records:
    names = tuple(column.name for column in columns)
    textual = tuple(column.name for column in columns if column.textual)
    item_name = next((column.name for column in columns if column.item_name), None)
    features = tuple(name for name in names if name != item_name)
    built = ColumnTable.build((Column("ITEM_ID", "string"), *columns), rows)
    return Records(built, features, textual, item_name)


FAMILIES: Mapping[str, Callable[[], Store]] = {
    "aws-popularity-count": a_store_of_many_users_and_many_events,
    "aws-trending-now": a_store_with_a_trend,
    "aws-sims": a_store_of_pairs,
    "aws-similar-items": a_store_of_cold_items,
    "aws-semantic-similarity": a_store_of_texts,
    "aws-user-personalization": a_store_of_tastes,
    "aws-item-affinity": a_store_of_quiet_users,
    "aws-next-best-action": a_store_of_actions,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_only_its_own_algorithm_solves_the_store_of_a_family(family: str) -> None:
    store = FAMILIES[family]()

    assert [recipe for recipe in FAMILIES if solves(recipe, store)] == [family]


def solves(recipe: str, store: Store) -> bool:
    """Whether the model that a recipe trains gives the store's answers; False where it cannot be asked."""
    settings = validate_hyperparameters(RECIPES[recipe], {}, {})
    task = Task(**(vars(store.task) | {"settings": settings, "is_trial": False}))
    try:
        return store.is_solved_by(TRAINERS[recipe](task).model)
    except Exception:  # noqa: BLE001  (whatever it says: it does not solve this)
        return False
