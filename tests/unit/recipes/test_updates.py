"""An update lets new items and users into a model, and leaves what it knows as it is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openpersonalize.domain.columns import Column
from openpersonalize.models import KINDS, BlendModel, Query
from openpersonalize.models.columns import ColumnTable
from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes import blend
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.metadata import unpacked
from openpersonalize.recipes.training import Records, Task
from openpersonalize.recipes.updates import update
from openpersonalize.storage import artifacts
from tests.planted import FIRST_TIME, HOUR_S, Store, interactions_of, taste_store

RECIPE = RECIPES["aws-user-personalization"]
CLUSTERS, EACH = 4, 30
COLUMNS = [Column("ITEM_ID", "string"), Column("TASTE", "string", categorical=True)]
USER_COLUMNS = [Column("USER_ID", "string"), Column("PLAN", "string", categorical=True)]
STORE = taste_store(n_users=120, n_clusters=CLUSTERS, items_per_cluster=EACH)
NEW = [f"item-{place:04d}-new" for place in range(0, CLUSTERS * EACH, 10)]
"""Ids that come between the old ones."""


def _records(ids: list[str]) -> Records:
    items: dict[str, Any] = {
        name: {"ITEM_ID": name, "TASTE": f"taste-{int(name.split('-')[1]) // EACH}"} for name in ids
    }
    return Records(ColumnTable.build(COLUMNS, items), ("TASTE",))


def _users(n_users: int) -> Records:
    people: dict[str, Any] = {
        f"user-{row:04d}": {"USER_ID": f"user-{row:04d}", "PLAN": "ab"[row % 2]} for row in range(n_users)
    }
    return Records(ColumnTable.build(USER_COLUMNS, people), ("PLAN",))


def _task(interactions: Interactions, **more: Any) -> Task:
    settings = validate_hyperparameters(RECIPE, {"hidden_dimension": "32"}, {})
    ids = interactions.items.texts(np.arange(interactions.n_items, dtype=np.int32))
    records = {"ITEMS": _records(ids), "USERS": _users(interactions.n_users)}
    return Task(interactions, settings, n_threads=1, records=records, **more)


def _later(store: Store) -> Interactions:
    """The same, with new items in between, and a user more who had one of them a day later."""
    old = store.interactions
    names = sorted([*old.items.texts(np.arange(old.n_items, dtype=np.int32)), *NEW])
    items = IdIndex.build(names)
    moved = items.find_all(old.items)
    histories = [moved[old.histories.items_of(user)].astype(np.int64) for user in range(old.n_users)]
    histories.append(np.array([items.find(NEW[0]), moved[1], moved[2]]))
    later = interactions_of(histories, len(names))
    times = later.histories.times.copy()
    times[-3:] = FIRST_TIME + 100 * HOUR_S + np.arange(3)
    return replace(later, items=items, histories=replace(later.histories, times=times))


@pytest.fixture(scope="module")
def previous() -> BlendModel:
    model = blend.train(_task(STORE.interactions)).model
    assert isinstance(model, BlendModel)
    return model


@pytest.fixture(scope="module")
def updated(previous: BlendModel) -> BlendModel:
    impressions = np.arange(CLUSTERS * EACH + len(NEW))
    model = update(_task(_later(STORE), previous=previous, impressions=impressions)).model
    assert isinstance(model, BlendModel)
    return model


def test_what_the_model_knows_of_items_stays(previous: BlendModel, updated: BlendModel) -> None:
    moved = updated.items.find_all(previous.items)

    assert np.array_equal(unpacked(updated.factors)[moved], unpacked(previous.factors))
    assert np.array_equal(updated.bias[moved], previous.bias[: len(previous.items)])
    for row, after in enumerate(moved.tolist()):
        was = slice(previous.transitions.starts[row], previous.transitions.starts[row + 1])
        now = slice(updated.transitions.starts[after], updated.transitions.starts[after + 1])
        assert np.array_equal(moved[previous.transitions.followers[was]], updated.transitions.followers[now])
        assert np.array_equal(previous.transitions.strengths[was], updated.transitions.strengths[now])
    assert (updated.temperature, updated.seen_penalty) == (previous.temperature, previous.seen_penalty)


def test_users_get_the_same_old_items_in_the_same_order(previous: BlendModel, updated: BlendModel) -> None:
    moved = updated.items.find_all(previous.items)
    is_old = np.zeros(len(updated.items), np.bool_)
    is_old[moved] = True
    for user in range(0, 120, 7):
        before = moved[previous.recommend(Query(user=user), 10).items]
        after = updated.recommend(Query(user=user), 10, is_old).items

        assert len(set(before.tolist()) & set(after.tolist())) >= 9, user


def test_new_items_stand_where_their_metadata_say(updated: BlendModel) -> None:
    rows = updated.items.find_many(NEW)
    is_new = np.zeros(len(updated.items), np.bool_)
    is_new[rows] = True
    for user in range(0, 120, 7):
        best = updated.recommend(Query(user=user), 3, is_new).items

        assert {int(text.split("-")[1]) // EACH for text in updated.items.texts(best)} == {user % CLUSTERS}


def test_newness_histories_and_traits_are_those_of_the_new_data(updated: BlendModel) -> None:
    rows = updated.items.find_many(NEW)

    assert updated.newness.n_events[rows].tolist() == [1] + [0] * (len(NEW) - 1)
    assert updated.newness.newest == FIRST_TIME + 100 * HOUR_S + 2
    assert (updated.newness.born[rows[1:]] == updated.newness.newest).all()
    assert np.array_equal(updated.newness.n_shown, np.arange(len(updated.items)))
    assert len(updated.users) == 121
    assert updated.histories.items_of(120).tolist()[0] == rows[0]


def test_an_update_comes_back_from_disk_as_it_was(updated: BlendModel, tmp_path: Path) -> None:
    artifacts.save(updated, tmp_path / "model", extra={})
    loaded = artifacts.load(tmp_path / "model", KINDS)

    assert np.array_equal(loaded.newness.born, updated.newness.born)
    assert np.array_equal(loaded.recommend(Query(user=3), 9).items, updated.recommend(Query(user=3), 9).items)


def test_a_second_update_keeps_what_the_first_has_found(updated: BlendModel) -> None:
    again = update(_task(_later(STORE), previous=updated)).model
    assert isinstance(again, BlendModel)

    assert np.array_equal(again.factors.blocks, updated.factors.blocks)
    assert np.array_equal(again.transitions.followers, updated.transitions.followers)
