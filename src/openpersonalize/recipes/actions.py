"""Trains the recipe of the actions that a user will most likely take."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from openpersonalize.domain import evaluation, evaluation_actions
from openpersonalize.errors import JobError
from openpersonalize.models.action_events import TAKEN, ActionEvents
from openpersonalize.models.action_rules import DAY_S, ActionRules
from openpersonalize.models.actions import N_ITEM_EVENTS, ActionModel
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.ranker import Question
from openpersonalize.recipes.action_data import (
    ActionData,
    action_data,
    examples_of,
    known_actions,
    newest_histories,
    similar_actions,
)
from openpersonalize.recipes.action_fit import fit, lent_by
from openpersonalize.recipes.action_update import known_before, renamed_traits, rows_before
from openpersonalize.recipes.recipe import PERSONALIZED_ACTIONS, Hyperparameter, Recipe, Where
from openpersonalize.recipes.training import Records, Task, Trained

LEAST_EVENTS = 50
"""So many TAKEN, and so many others, an action needs within `WINDOW_S` for a score."""
WINDOW_S = 6 * 7 * DAY_S
UPDATED_EVERY_S = 7_200.0
"""Every two hours."""


def train(task: Task) -> Trained:
    """Fit the probabilities that users take actions, and measure them on users held out."""
    data = action_data(task, task.interactions)
    generator = np.random.default_rng(task.seed)
    held_out = evaluation.hold_out(data.events.lengths, generator)
    part = data.without(held_out.users)
    model = _fit(task, part, "fitting without the test users", (2.0, 40.0))
    task.progress("evaluating", 42.0)
    metrics = evaluate(model, data, held_out)
    if task.is_trial:
        return Trained(model, metrics)
    return Trained(_fit(task, data, "fitting on all data", (50.0, 94.0)), metrics)


def _fit(task: Task, data: ActionData, phase: str, percents: tuple[float, float]) -> ActionModel:
    first, last = percents

    def progress(share: float) -> None:
        task.progress(phase, first + 0.6 * (last - first) * share)

    progress(0.0)
    generator = np.random.default_rng(task.seed)
    examples = examples_of(data, int(task.settings["action_optimization_period"]), generator, progress)
    task.progress(phase, first + 0.6 * (last - first))
    weights = fit(examples, data.features.similar, generator)
    interactions = data.interactions
    newest_item = int(interactions.histories.times.max(initial=0))
    return ActionModel(
        items=data.actions,
        users=interactions.users,
        store_items=interactions.items,
        histories=newest_histories(interactions.histories, N_ITEM_EVENTS),
        done=data.events,
        known_users=data.known_users,
        traits=data.traits.matrix,
        trait_names=data.traits.names,
        features=data.features,
        weights=weights,
        is_scored=have_enough(data.events, len(data.actions)),
        rules=rules_of(task.records["ACTIONS"], data.actions),
        newest=max(newest_item, data.events.newest),
    )


def have_enough(events: ActionEvents, n_actions: int) -> NDArray[np.bool_]:
    """Say which actions have enough events in the six weeks before the newest one."""
    is_late = events.times > events.newest - WINDOW_S
    is_taken = events.types == TAKEN
    n_taken = np.bincount(events.rows[is_late & is_taken], minlength=n_actions)
    n_others = np.bincount(events.rows[is_late & ~is_taken], minlength=n_actions)
    return np.asarray((n_taken >= LEAST_EVENTS) & (n_others >= LEAST_EVENTS), np.bool_)


def rules_of(records: Records, actions: IdIndex) -> ActionRules:
    """Return when actions may be recommended, and their values, by their records."""
    return ActionRules.of(len(actions), [(records.table, records.table.ids.find_all(actions), None)])


def evaluate(model: ActionModel, data: ActionData, held_out: evaluation.HeldOut) -> dict[str, float]:
    """Return the metrics of a model that was trained without the users held out.

    Each is asked about at the first of the events held out, and has done what they did before.
    """
    of_user, n_actions = data.doings(), len(data.actions)
    lists, targets, scores, is_taken = [], [], [], []
    for user, n_given in zip(held_out.users.tolist(), held_out.n_given.tolist(), strict=True):
        doings = of_user(user)
        now = int(doings.times[n_given])
        met, types = doings.actions[n_given:], doings.types[n_given:]
        before = doings.before(now)
        found = model.scores_at(before, now)
        is_open = model.rules.open(now, before.taken_at(n_actions))
        lists.append(model.ranked(found, model.rules.values, is_open, evaluation.LIST_LENGTH).items)
        targets.append(np.unique(met[types == TAKEN]))
        asked = np.unique(met)
        asked = asked[model.is_scored[asked]]
        scores.append(found[asked].astype(np.float64))
        is_taken.append(np.isin(asked, targets[-1]))
    nothing = np.empty(0)
    return evaluation_actions.metrics(
        lists,
        targets,
        n_actions,
        scores=np.concatenate([nothing, *scores]),
        is_taken=np.concatenate([nothing.astype(np.bool_), *is_taken]),
    )


def update(task: Task) -> Trained:
    """Let new actions, users and events in, and records as they are now; probabilities are not fitted anew.

    A new action gets what actions alike have in common. It has no score, as the training had no data of it.
    """
    previous = task.previous
    if not isinstance(previous, ActionModel):
        raise TypeError("There is no model of actions to update.")
    records = task.records.get("ACTIONS")
    if records is None or len(records.table) == 0:
        raise JobError("There are no actions to recommend: import some into an Actions dataset, or put them.")
    task.progress("updating", 20.0)
    actions = known_actions(records, task.actions)
    similar = similar_actions(records, actions)
    before = previous.items.find_all(actions)
    weights, is_old = previous.weights, before >= 0
    differences = np.where(is_old[:, None], weights.by_action[before] - weights.shared, 0.0)
    lent = lent_by(differences, LEAST_EVENTS * is_old.astype(np.float64), similar)
    by_action = weights.shared + np.where(is_old[:, None], differences, lent)
    events = task.actions.among(actions)
    histories = newest_histories(
        rows_before(task.interactions.histories, previous.store_items.find_all(task.interactions.items)),
        N_ITEM_EVENTS,
    )
    known_users, traits = renamed_traits(task.records.get("USERS"), previous.trait_names)
    model = replace(
        previous,
        items=actions,
        users=task.interactions.users,
        histories=histories,
        done=events,
        known_users=known_users,
        traits=traits,
        features=replace(previous.features, similar=similar),
        weights=replace(weights, by_action=by_action),
        is_scored=known_before(previous.is_scored, before),
        rules=rules_of(records, actions),
        newest=max(previous.newest, events.newest, int(histories.times.max(initial=0))),
    )
    return Trained(model, {})


RECIPES = (
    Recipe(
        "aws-next-best-action",
        PERSONALIZED_ACTIONS,
        "Recommends the actions that a user will most likely take.",
        created=datetime(2023, 8, 11, tzinfo=UTC),
        hyperparameters=(Hyperparameter("action_optimization_period", 14, 7, 28, where=Where.FEATURES),),
        question=Question.ACTIONS_FOR_USER,
        train=train,
        model=ActionModel,
        update=update,
        update_every_s=lambda _: UPDATED_EVERY_S,
        tables=("ACTIONS", "USERS", "ITEMS"),
    ),
)
