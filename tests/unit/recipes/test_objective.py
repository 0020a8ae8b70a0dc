"""How an objective changes a model, and the metric that comes with it."""

import dataclasses

import numpy as np
import pytest

from openpersonalize.domain import evaluation
from openpersonalize.domain.columns import Column
from openpersonalize.models import BlendModel, Query
from openpersonalize.models.columns import ColumnTable
from openpersonalize.recipes import objective
from openpersonalize.recipes.training import Objective, Records, Task
from tests.planted import interactions_of
from tests.trainers import TRAINERS

SETTINGS = {"hidden_dimension": 32, "bptt": 32, "recency_mask": True}
COLUMNS = (Column("ITEM_ID", "string"), Column("PRICE", "float"))
N_ITEMS = 60


def _rows(*items: int) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    return np.array(items, np.int32)


def _task(prices: dict[int, float]) -> Task:
    generator = np.random.default_rng(0)
    interactions = interactions_of([generator.integers(0, N_ITEMS, 12) for _ in range(50)], N_ITEMS)
    table = ColumnTable.build(
        COLUMNS, {f"item-{item:04d}": {"PRICE": price} for item, price in prices.items()}
    )
    return Task(interactions, SETTINGS, records={"ITEMS": Records(table)})


def _trained(task: Task) -> BlendModel:
    model = TRAINERS["aws-user-personalization"](task).model
    assert isinstance(model, BlendModel)
    return model


def test_a_column_of_one_value_changes_nothing() -> None:
    task = _task(dict.fromkeys(range(N_ITEMS), 5.0))
    plain = _trained(task)
    favoured = objective.towards(dataclasses.replace(task, objective=Objective("PRICE", "HIGH")), plain)

    for query in (Query(user=3), Query()):
        ours, theirs = favoured.recommend(query, N_ITEMS), plain.recommend(query, N_ITEMS)
        assert ours.items.tolist() == theirs.items.tolist()
        assert ours.scores == pytest.approx(theirs.scores, rel=1e-4)


def test_medium_weighs_a_deviation_of_the_column_like_one_of_relevance() -> None:
    task = _task({item: float(item) for item in range(N_ITEMS)})
    plain = _trained(task)
    spreads = [
        np.log(np.asarray(plain.recommend(Query(user=user), N_ITEMS).scores)).std() for user in range(50)
    ]
    favours = {
        name: objective.towards(dataclasses.replace(task, objective=Objective("PRICE", name)), plain).favour
        for name in ("LOW", "MEDIUM", "HIGH")
    }

    assert favours["MEDIUM"].std() == pytest.approx(np.mean(spreads), rel=1e-3)
    assert favours["HIGH"] == pytest.approx(2.0 * favours["MEDIUM"])
    assert favours["LOW"] == pytest.approx(0.5 * favours["MEDIUM"])
    assert np.all(np.diff(favours["LOW"]) > 0)


def test_items_without_a_value_are_neither_favoured_nor_the_contrary() -> None:
    task = _task({item: float(item) for item in range(30)})
    favoured = _trained(dataclasses.replace(task, objective=Objective("PRICE", "HIGH")))

    assert np.all(favoured.favour[30:] == 0.0)
    assert favoured.favour[0] < 0.0 < favoured.favour[29]
    for query in (Query(user=3), Query()):
        ranked = favoured.recommend(query, N_ITEMS)
        assert ranked.scores is not None
        assert ranked.scores.sum() == pytest.approx(1.0, abs=1e-5)


def test_rewards_found_are_a_share_of_the_rewards_held_out() -> None:
    """The first user finds 0.2 of 0.2 + 0.6; the second all; the third has nothing to earn."""
    rewards = np.array([0.0, 0.2, 0.6, 1.0])
    lists = [_rows(3, 1), _rows(3, 2), _rows(0)]

    found = evaluation.average_rewards(lists, [_rows(1, 2, 1), _rows(2, 3), _rows(0)], rewards)
    assert found == pytest.approx((0.25 + 1.0) / 2)
    assert evaluation.average_rewards([], [], rewards) == 0.0
