"""Searches for hyperparameters: what is tried, and that nothing depends on timing."""

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from openpersonalize.errors import JobError
from openpersonalize.recipes.catalogue import BUILT, RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.recipe import Value
from openpersonalize.recipes.training import Task, Trained
from openpersonalize.recipes.tuning import METRIC, Found, Plan, measured, ranges_of, search, train_tuned
from openpersonalize.storage import artifacts
from openpersonalize.work import auto_ml
from tests.planted import taste_store
from tests.trainers import TRAINERS
from tests.world import DEADLINE_S

STORE = taste_store(n_users=40, n_clusters=2, items_per_cluster=30).interactions
SIMS = RECIPES["aws-sims"]
OF_MORE_DATA = {"aws-item-attribute-affinity", "aws-next-best-action", "aws-semantic-similarity"}
"""Recipes that need records of items or actions."""


def settings_of(recipe: str) -> dict[str, Value]:
    return validate_hyperparameters(RECIPES[recipe], {}, {})


def found_by(n_at_once: int) -> tuple[Found, list[Mapping[str, Value]]]:
    """A search of whose trials that run at once the last ends first; what each was given, as they end."""
    starts: list[Mapping[str, Value]] = []
    ends: list[Mapping[str, Value]] = []
    turn = threading.Condition()

    def train(task: Task) -> Trained:
        minimum = int(task.settings["min_cointeraction_count"])
        with turn:
            place = len(starts) % n_at_once
            starts.append(task.settings)
            turn.notify_all()
            assert turn.wait_for(lambda: len(ends) % n_at_once == n_at_once - 1 - place, DEADLINE_S)
            ends.append(task.settings)
            turn.notify_all()
        assert task.is_trial
        assert task.interactions.n_events == Task(STORE, {}).training_part.n_events < STORE.n_events
        return Trained(None, {METRIC: 1.0 / (1 + minimum)})  # type: ignore[arg-type]  # nobody asks it

    task = Task(STORE, settings_of("aws-sims"), n_threads=4)
    plan = Plan(ranges_of(SIMS, None), n_trials=12, n_parallel=4, n_at_once=n_at_once)
    return search(train, task, plan), ends


def test_trials_depend_on_the_seed_and_not_on_which_ends_first() -> None:
    one, ends = found_by(4)
    other, other_ends = found_by(1)

    assert one == other
    assert ends != other_ends
    assert one.trials[0].metric == 0.25
    assert one.metric == max(trial.metric for trial in one.trials) > 0.25
    assert one.settings == {
        "popularity_discount_factor": float(one.tuned["popularity_discount_factor"]),
        "min_cointeraction_count": int(one.tuned["min_cointeraction_count"]),
    }


def test_a_tuned_training_gives_the_same_bytes_again(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        plan = Plan(ranges_of(SIMS, None), n_trials=4, n_parallel=2, n_at_once=2)
        task = Task(STORE, settings_of("aws-sims"), n_threads=2)
        trained = train_tuned(TRAINERS["aws-sims"], task, plan)
        digests.append((artifacts.save(trained.model, tmp_path / name, extra={}), trained.trials))

    assert digests[0] == digests[1]


def test_ranges_that_only_the_search_knows_are_in_the_settings_of_its_trials() -> None:
    seen: list[tuple[int, int]] = []

    def train(task: Task) -> Trained:
        widths = (int(task.settings[f"item_{kind}_hidden_dim"]) for kind in ("id", "metadata"))
        seen.append((next(widths), next(widths)))
        return Trained(None, {METRIC: 0.0})  # type: ignore[arg-type]  # nobody asks it

    given = {
        "integerHyperParameterRanges": [{"name": "item_id_hidden_dim", "minValue": 150}],
        "continuousHyperParameterRanges": [],
    }
    recipe = RECIPES["aws-similar-items"]
    plan = Plan(ranges_of(recipe, given), n_trials=5)
    search(train, Task(STORE, settings_of(recipe.name)), plan)

    assert seen[0] == (150, 100)
    assert all(150 <= first <= 200 and 30 <= second <= 200 for first, second in seen)


@pytest.mark.parametrize(
    ("low", "high", "n_values"), [(0.5, 0.5002, 3), (0.12343, 0.12344, 1), (0.3, 0.3, 1)]
)
def test_a_search_ends_where_a_range_of_fractions_holds_fewer_values_than_trials(
    low: float, high: float, n_values: int
) -> None:
    def train(task: Task) -> Trained:
        return Trained(None, {METRIC: 0.0})  # type: ignore[arg-type]  # nobody asks it

    given = {
        "continuousHyperParameterRanges": [
            {"name": "popularity_discount_factor", "minValue": low, "maxValue": high}
        ],
        "integerHyperParameterRanges": [{"name": "min_cointeraction_count", "minValue": 3, "maxValue": 3}],
    }
    plan = Plan(ranges_of(SIMS, given), n_trials=10, n_parallel=4)
    trials = search(train, Task(STORE, settings_of("aws-sims")), plan).trials
    tried = [float(trial.parameters["popularity_discount_factor"]) for trial in trials]

    assert len(set(tried)) == len(tried) == n_values
    assert all(low <= value <= high for value in tried)


@pytest.mark.parametrize("recipe", sorted(name for name in TRAINERS if ranges_of(RECIPES[name], None)))
def test_progress_rises_through_trials_and_the_training_in_full(recipe: str) -> None:
    told: list[tuple[str, float]] = []
    task = Task(STORE, settings_of(recipe), progress=lambda phase, percent: told.append((phase, percent)))
    trained = train_tuned(TRAINERS[recipe], task, Plan(ranges_of(RECIPES[recipe], None), 2, 2, 2))
    percents = [percent for _, percent in told]

    assert percents == sorted(percents)
    assert percents[0] < 10 and percents[-1] > 80
    assert [f"tuning, {n} of 2 trials done" in dict(told) for n in (0, 1, 2)] == [True] * 3
    assert "training on all data" in dict(told)
    assert len(trained.trials) == 2 and trained.tuned is not None


@pytest.mark.parametrize("recipe", sorted(set(TRAINERS) - OF_MORE_DATA))
def test_progress_of_every_recipe_rises(recipe: str) -> None:
    told: list[tuple[str, float]] = []
    TRAINERS[recipe](
        Task(STORE, settings_of(recipe), progress=lambda phase, percent: told.append((phase, percent)))
    )
    percents = [percent for _, percent in told]

    assert percents == sorted(percents)
    assert percents[0] > 0 and percents[-1] < 96
    assert len(set(dict(told))) > 1


def test_a_metric_is_one_of_the_recipes_own() -> None:
    assert measured({"precision": 0.5, METRIC: 0.25}, None) == 0.25
    assert measured({"precision": 0.5, "recall": 0.25}, None) == 0.5
    assert measured({"precision": 0.5, METRIC: 0.25}, "precision") == 0.5
    with pytest.raises(JobError, match=f"'rmse' is no metric of this recipe: use one of {METRIC}, precision"):
        measured({"precision": 0.5, METRIC: 0.25}, "rmse")


def test_automl_without_a_list_tries_all_that_could_answer_a_user() -> None:
    names = [recipe.name for recipe in auto_ml.candidates({})]

    assert {"aws-user-personalization", "aws-popularity-count"} <= set(names) <= BUILT
    assert not any(RECIPES[name].domain for name in names)
    listed = {"autoMLConfig": {"recipeList": ["arn:aws:personalize:::recipe/aws-hrnn"]}}
    assert [recipe.name for recipe in auto_ml.candidates(listed)] == ["aws-hrnn"]
