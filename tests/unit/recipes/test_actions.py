"""The recipe of actions: probabilities of a planted truth, and what it does with little data."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from openpersonalize.domain.columns import Column
from openpersonalize.errors import JobError
from openpersonalize.models.action_events import NOT_TAKEN, TAKEN, VIEWED, ActionEvents
from openpersonalize.models.actions import ActionModel, Doings
from openpersonalize.models.columns import ColumnTable
from openpersonalize.models.grouping import grouped
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes import actions
from openpersonalize.recipes.action_data import decisions, known_actions
from openpersonalize.recipes.actions import have_enough
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.training import Records, Task
from openpersonalize.storage import artifacts

NOW, DAY = 1_700_000_000, 86_400
N_USERS, N_ACTIONS, N_ITEMS, EACH = 600, 8, 30, 6
COLUMNS = (Column("ACTION_ID", "string"), Column("KIND", "string", categorical=True), Column("VALUE", "long"))
SETTINGS = {"action_optimization_period": 14}

Truth = NDArray[np.float64]


def records(kinds: Mapping[str, str], columns: tuple[Column, ...] = COLUMNS) -> Records:
    rows = {name: {"ACTION_ID": name, "KIND": kind, "VALUE": 1} for name, kind in kinds.items()}
    return Records(ColumnTable.build(columns, rows), ("KIND",))


def events_of(
    users: NDArray[np.int64], rows: NDArray[np.int64], types: NDArray[np.int64], times: NDArray[np.int64]
) -> ActionEvents:
    """Events in any order."""
    by_time = np.argsort(times, kind="stable")
    starts, order = grouped(users[by_time].astype(np.int32), N_USERS)
    order = by_time[order]
    return ActionEvents(
        IdIndex.build([f"u{user}" for user in range(N_USERS)]),
        IdIndex.build([f"a{action}" for action in range(N_ACTIONS)]),
        starts,
        rows[order].astype(np.int32),
        types[order].astype(np.int32),
        times[order],
    )


def planted() -> tuple[Task, Truth]:
    """Two kinds of users, by what they read; every user meets each action once. The chances are known."""
    generator = np.random.default_rng(3)
    kinds = np.arange(N_USERS) % 2
    items = [generator.choice(N_ITEMS // 2, EACH, replace=False) * 2 + kind for kind in kinds]
    users = IdIndex.build([f"u{user}" for user in range(N_USERS)])
    histories = Histories(
        np.arange(N_USERS + 1) * EACH,
        np.concatenate(items).astype(np.int32),
        np.tile(NOW - 60 * DAY + np.arange(EACH), N_USERS),
    )
    interactions = Interactions(users, IdIndex.build([f"i{item}" for item in range(N_ITEMS)]), histories)
    logits = np.linspace(-1.5, 1.0, N_ACTIONS) + np.where(np.arange(N_ACTIONS) % 2, 1.5, -1.5) * (
        2 * kinds[:, None] - 1
    )
    truth = 1.0 / (1.0 + np.exp(-logits))
    met_by, met = np.divmod(np.arange(N_USERS * N_ACTIONS), N_ACTIONS)
    times = NOW - generator.integers(1, 40, len(met)) * DAY
    taken = np.where(generator.random(len(met)) < truth.ravel(), TAKEN, NOT_TAKEN)
    events = events_of(
        np.tile(met_by, 2),
        np.tile(met, 2),
        np.concatenate([np.full(len(met), VIEWED), taken]),
        np.concatenate([times, times + 60]),
    )
    kinds_of_actions = {f"a{action}": ("odd", "even")[action % 2] for action in range(N_ACTIONS)}
    return Task(interactions, SETTINGS, records={"ACTIONS": records(kinds_of_actions)}, actions=events), truth


@pytest.fixture(scope="module")
def store() -> tuple[Task, Truth]:
    return planted()


@pytest.fixture(scope="module")
def model(store: tuple[Task, Truth]) -> ActionModel:
    return trial(store[0])


def trial(task: Task) -> ActionModel:
    """A model of the training part, which takes half the time."""
    trained = actions.train(replace(task, is_trial=True)).model
    assert isinstance(trained, ActionModel)
    return trained


@pytest.fixture(scope="module")
def halves(store: tuple[Task, Truth]) -> tuple[NDArray[np.float64], Truth]:
    """What a model of two thirds of the users predicts for the others, before they met anything."""
    task, truth = store
    unseen = np.arange(400, N_USERS)
    part = replace(
        task,
        actions=task.actions.without_users(unseen),
        interactions=task.interactions.without_users(unseen),
    )
    model = trial(part)
    assert model.is_scored.all()
    histories, nothing = task.interactions.histories, np.empty(0, np.int32)
    predicted = [
        model.scores_at(
            Doings(
                histories.items_of(user),
                histories.times_of(user),
                nothing,
                nothing,
                nothing.astype(np.int64),
                np.empty(0),
            ),
            NOW - 20 * DAY,
        )
        for user in unseen.tolist()
    ]
    return np.array(predicted, np.float64), truth[unseen]


def reliability(
    predicted: NDArray[np.float64], truth: Truth, n_bins: int = 8
) -> list[tuple[float, float, float]]:
    """By bin: the mean prediction, the share that was taken, and half the width of its interval of 99 %."""
    taken = np.random.default_rng(1).random(truth.shape) < truth
    bins = np.minimum((predicted * n_bins).astype(int), n_bins - 1)
    table = []
    for one in range(n_bins):
        inside = bins == one
        n = np.count_nonzero(inside)
        if n >= 30:
            share = taken[inside].mean()
            half = 2.58 * np.sqrt(max(share * (1 - share), 0.01) / n)
            table.append((float(predicted[inside].mean()), float(share), float(half)))
    return table


def test_predictions_are_what_is_observed_of_users_that_were_not_seen(
    halves: tuple[NDArray[np.float64], Truth],
) -> None:
    table = reliability(*halves)

    assert len(table) >= 5
    for predicted, observed, half in table:
        assert abs(predicted - observed) < half + 0.05, table


def test_predictions_follow_the_truth(halves: tuple[NDArray[np.float64], Truth]) -> None:
    predicted, truth = halves

    assert np.corrcoef(predicted.ravel(), truth.ravel())[0, 1] > 0.93
    assert np.abs(predicted - truth).mean() < 0.08


def test_a_decision_lasts_for_the_period_and_counts_once() -> None:
    rows = np.array([0, 1, 0, 0, 0], np.int32)
    types = np.array([VIEWED, NOT_TAKEN, TAKEN, VIEWED, VIEWED], np.int32)
    times = np.array([0, 5, 10, 12, 100])

    places, is_taken = decisions(rows, types, times, 50)

    assert places.tolist() == [0, 1, 4]
    assert is_taken.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("n_taken", "n_viewed", "n_refused", "days_ago", "enough"),
    [(50, 25, 25, 40, True), (49, 60, 0, 1, False), (60, 25, 24, 1, False), (80, 40, 40, 43, False)],
)
def test_a_score_needs_fifty_taken_and_fifty_others_within_six_weeks(
    n_taken: int, n_viewed: int, n_refused: int, days_ago: int, enough: bool
) -> None:
    types = np.repeat([TAKEN, VIEWED, NOT_TAKEN], [n_taken, n_viewed, n_refused])
    rows = np.append(np.zeros(len(types), np.int64), 1)
    times = np.append(np.full(len(types), NOW - days_ago * DAY), NOW)
    events = events_of(np.arange(len(rows)) % N_USERS, rows, np.append(types, VIEWED), times)

    assert have_enough(events, N_ACTIONS).tolist() == [enough] + [False] * (N_ACTIONS - 1)


def test_without_action_interactions_the_most_valuable_comes_first_without_a_score(
    store: tuple[Task, Truth],
) -> None:
    task, _ = store
    rows = {name: {"ACTION_ID": name, "KIND": "x", "VALUE": value} for name, value in (("a", 2), ("b", 9))}
    given = Records(ColumnTable.build(COLUMNS, rows), ("KIND",))
    model = actions.train(replace(task, records={"ACTIONS": given}, actions=ActionEvents.none())).model
    assert isinstance(model, ActionModel)

    scores = model.scores(model.doings("u1"))
    ranked = model.ranked(scores, model.rules.values, np.ones(2, np.bool_), 5)

    assert [model.items.text(row) for row in ranked.items.tolist()] == ["b", "a"]
    assert scores.tolist() == [0.0, 0.0]


def test_nearly_equal_actions_are_ordered_by_value(model: ActionModel) -> None:
    scores = np.array([0.5, 0.505, 0.9, 0.2, 0.1, 0.1, 0.1, 0.1], np.float32)
    values = np.array([9, 1, 1, 10, 1, 1, 1, 1])

    ranked = model.ranked(scores, values, np.ones(N_ACTIONS, np.bool_), 4)

    assert ranked.items.tolist() == [2, 0, 1, 3]


def test_training_without_actions_says_what_to_do(store: tuple[Task, Truth]) -> None:
    with pytest.raises(JobError, match="import some into an Actions dataset"):
        actions.train(replace(store[0], records={}))


def test_of_too_many_actions_the_newest_and_those_met_last_are_known() -> None:
    created = (*COLUMNS, Column("CREATION_TIMESTAMP", "long"))
    rows = {
        f"a{number}": {"ACTION_ID": f"a{number}", "CREATION_TIMESTAMP": number} for number in range(1_002)
    }
    table = Records(ColumnTable.build(created, rows))
    one = np.zeros(1, np.int64)
    events = events_of(one, one, one, np.array([NOW]))

    known = known_actions(table, events)

    assert len(known) == 1_000
    assert known.find("a0") >= 0
    assert known.find("a1") == known.find("a2") == -1


def digest(model: object, folder: Path) -> str:
    return artifacts.save(model, folder, extra={})


def test_the_same_data_and_seed_give_the_same_bytes_and_load_as_they_were(
    store: tuple[Task, Truth], model: ActionModel, tmp_path: Path
) -> None:
    models = [model, trial(store[0])]
    digests = {digest(model, tmp_path / str(place)) for place, model in enumerate(models)}
    loaded: ActionModel = artifacts.load(tmp_path / "0", {"actions": ActionModel})

    assert len(digests) == 1
    assert np.array_equal(loaded.scores(loaded.doings("u7")), model.scores(model.doings("u7")))
