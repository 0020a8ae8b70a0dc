"""What may stand in a solutionConfig: every setting against the recipe and the schemas of the group."""

import math
from dataclasses import dataclass

from sqlalchemy import select

from openpersonalize.control.context import Context
from openpersonalize.control.recipes import recipe_of
from openpersonalize.control.solution_config import (
    AutoMLConfig,
    AutoTrainingConfig,
    EventsConfig,
    OptimizationObjective,
    SolutionConfig,
)
from openpersonalize.control.training_columns import check_training_columns
from openpersonalize.control.tuning import check_tuning
from openpersonalize.domain.columns import Column
from openpersonalize.domain.schedules import MOST_DAYS, interval_s
from openpersonalize.domain.schemas import parse_schema
from openpersonalize.errors import InvalidInputException
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.recipe import PERSONALIZED_ACTIONS, USER_PERSONALIZATION, Recipe
from openpersonalize.storage.tables import DatasetGroupRow, DatasetRow, SchemaRow

WEIGH_EVENTS = ("aws-user-personalization-v2", "aws-personalized-ranking-v2")
HAVE_OBJECTIVES = ("aws-user-personalization", "aws-personalized-ranking")
_COLUMNS = "solutionConfig.trainingDataConfig"
_NUMBERS = ("int", "long", "float", "double")


@dataclass(frozen=True)
class Setting:
    """What a config is checked against."""

    context: Context
    group: DatasetGroupRow
    recipe: Recipe | None
    """None where AutoML is to choose one."""


def check_solution_config(config: SolutionConfig, setting: Setting) -> None:
    """Raise InvalidInputException for a setting that the recipe or the group's datasets cannot have.

    Under AutoML, where the recipe is open, what needs one has no effect, as on AWS, and is not checked.
    """
    if config.event_value_threshold is not None:
        _check_threshold(config.event_value_threshold)
    if config.auto_training_config is not None:
        check_schedule(config.auto_training_config, "solutionConfig.autoTrainingConfig")
    if config.auto_ml_config is not None:
        _check_candidates(config.auto_ml_config, setting.context)
    columns = config.training_data_config
    if setting.recipe is None:
        if columns is not None:
            check_training_columns(setting.context, columns, setting.group, _COLUMNS)
        return
    validate_hyperparameters(
        setting.recipe,
        config.algorithm_hyper_parameters or {},
        config.feature_transformation_parameters or {},
    )
    if config.hpo_config is not None:
        check_tuning(config.hpo_config, setting.recipe)
    if config.events_config is not None:
        check_events_config(config.events_config, setting, setting.recipe, "solutionConfig.eventsConfig")
    if config.optimization_objective is not None:
        _check_objective(config.optimization_objective, setting, setting.recipe)
    if columns is not None:
        if setting.recipe.recipe_type == PERSONALIZED_ACTIONS and columns.model_dump(exclude_defaults=True):
            raise InvalidInputException(
                f"{_COLUMNS} is for recipes of items and of segments, which "
                f"{setting.recipe.name} is not: leave it out."
            )
        check_training_columns(setting.context, columns, setting.group, _COLUMNS)
    if setting.recipe.recipe_type == PERSONALIZED_ACTIONS:
        _check_actions(setting, setting.recipe)


def _check_actions(setting: Setting, recipe: Recipe) -> None:
    """Raise InvalidInputException where a group has no actions to recommend."""
    if setting.group.domain is not None:
        raise InvalidInputException(
            f"{recipe.name} recommends actions, which a dataset group of a domain cannot have: use a dataset "
            "group without a domain."
        )
    if _columns(setting, "ACTIONS") is None:
        raise InvalidInputException(
            f"{recipe.name} recommends actions, and {setting.group.arn} has no Actions dataset: create one "
            "first."
        )


def _check_threshold(text: str) -> None:
    try:
        is_number = math.isfinite(float(text))
    except ValueError:
        is_number = False
    if not is_number:
        raise InvalidInputException(
            f"solutionConfig.eventValueThreshold is {text!r}: write a number as a string, such as '3.5'."
        )


def check_schedule(config: AutoTrainingConfig, member: str) -> None:
    """Raise InvalidInputException unless the schedule is one of AWS's; `member` is where it stands."""
    text = config.scheduling_expression
    if interval_s(text) is None:
        raise InvalidInputException(
            f"{member}.schedulingExpression is {text!r}: write rate(N days) with N from 1 to {MOST_DAYS}."
        )


def _check_candidates(config: AutoMLConfig, context: Context) -> None:
    for arn in config.recipe_list or []:
        recipe = recipe_of(arn, context.scope)
        if recipe.recipe_type != USER_PERSONALIZATION or recipe.domain is not None:
            raise InvalidInputException(
                f"solutionConfig.autoMLConfig.recipeList has {arn}, which AutoML cannot choose: "
                f"name recipes of type {USER_PERSONALIZATION} without a domain."
            )


def check_events_config(config: EventsConfig, setting: Setting, recipe: Recipe, member: str) -> None:
    """Raise InvalidInputException for events that the recipe cannot weigh; `member` is where they stand."""
    events = config.event_parameters_list or []
    if not events:
        return
    if recipe.name not in WEIGH_EVENTS:
        raise InvalidInputException(
            f"{member} is for {' and '.join(WEIGH_EVENTS)}, not for {recipe.name}: leave it out, or use one "
            "of them."
        )
    types = [event.event_type for event in events]
    if None in types:
        raise InvalidInputException(f"{member} has an entry without an eventType: name one.")
    repeated = [kind for kind in types if types.count(kind) > 1]
    if repeated:
        raise InvalidInputException(f"{member} names the eventType {repeated[0]!r} twice: keep one entry.")
    columns = _columns(setting, "INTERACTIONS")
    needed = ["EVENT_TYPE"]
    if any(event.event_value_threshold is not None for event in events):
        needed.append("EVENT_VALUE")
    missing = [] if columns is None else [name for name in needed if name not in columns]
    if missing:
        raise InvalidInputException(
            f"{member} needs the column {missing[0]}, which the schema of the group's Interactions dataset "
            "does not have: use a dataset group whose schema has it."
        )


def _check_objective(objective: OptimizationObjective, setting: Setting, recipe: Recipe) -> None:
    member, name = "solutionConfig.optimizationObjective", objective.item_attribute
    if name is None and objective.objective_sensitivity in (None, "OFF"):
        return
    if recipe.name not in HAVE_OBJECTIVES:
        raise InvalidInputException(
            f"{member} is for {' and '.join(HAVE_OBJECTIVES)}, not for {recipe.name}: leave it out, or use "
            "one of them."
        )
    if name is None:
        raise InvalidInputException(f"{member} has no itemAttribute: name a numeric column of Items.")
    columns = _columns(setting, "ITEMS")
    if columns is None:
        return
    column = columns.get(name)
    if column is None or column.type not in _NUMBERS or column.nullable:
        usable = [known.name for known in columns.values() if known.type in _NUMBERS and not known.nullable]
        raise InvalidInputException(
            f"{member}.itemAttribute is {name!r}, which is not a numeric column of the Items dataset that is "
            f"never null: {'use one of ' + ', '.join(usable) if usable else 'its schema has none'}."
        )


def _columns(setting: Setting, dataset_type: str) -> dict[str, Column] | None:
    """The columns of the group's dataset of a type by name; None where it has no such dataset."""
    found = setting.context.session.execute(
        select(SchemaRow.schema, SchemaRow.domain)
        .join(DatasetRow, DatasetRow.schema_arn == SchemaRow.arn)
        .where(DatasetRow.dataset_group_arn == setting.group.arn, DatasetRow.dataset_type == dataset_type)
    ).one_or_none()
    if found is None:
        return None
    schema = parse_schema(found.schema, found.domain)
    return {column.name: column for column in schema.columns.columns}
