"""The solutionConfig: its shapes, and what of it can be served."""

import math
from typing import Annotated

from openpersonalize.errors import InvalidInputException, NotBuiltYet
from openpersonalize.protocol.shapes import Arn, Count, Number, Shape, Text
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.recipe import Recipe

Short = Annotated[str, Text(max_length=256)]
Parameters = Annotated[dict[Short, Annotated[str, Text(max_length=1000)]], Count(None, 100)]
EventType = Annotated[str, Text(max_length=256)]
_BOUND = 1_000_000


class HPOObjective(Shape):
    type: Short | None = None
    metric_name: Short | None = None
    metric_regex: Short | None = None


class HPOResourceConfig(Shape):
    max_number_of_training_jobs: Short | None = None
    max_parallel_training_jobs: Short | None = None


class IntegerHyperParameterRange(Shape):
    name: Short | None = None
    min_value: Annotated[int, Number(minimum=-_BOUND)] | None = None
    max_value: Annotated[int, Number(maximum=_BOUND)] | None = None


class ContinuousHyperParameterRange(Shape):
    name: Short | None = None
    min_value: Annotated[float, Number(minimum=-_BOUND)] | None = None
    max_value: Annotated[float, Number(minimum=-_BOUND)] | None = None


class CategoricalHyperParameterRange(Shape):
    name: Short | None = None
    values: Annotated[list[Annotated[str, Text(max_length=1000)]], Count(None, 100)] | None = None


class HyperParameterRanges(Shape):
    integer_hyper_parameter_ranges: Annotated[list[IntegerHyperParameterRange], Count(None, 100)] | None = (
        None
    )
    continuous_hyper_parameter_ranges: (
        Annotated[list[ContinuousHyperParameterRange], Count(None, 100)] | None
    ) = None
    categorical_hyper_parameter_ranges: (
        Annotated[list[CategoricalHyperParameterRange], Count(None, 100)] | None
    ) = None


class HPOConfig(Shape):
    hpo_objective: HPOObjective | None = None
    hpo_resource_config: HPOResourceConfig | None = None
    algorithm_hyper_parameter_ranges: HyperParameterRanges | None = None


class AutoMLConfig(Shape):
    metric_name: Short | None = None
    recipe_list: Annotated[list[Arn], Count(None, 100)] | None = None


class EventParameters(Shape):
    event_type: EventType | None = None
    event_value_threshold: float | None = None
    weight: Annotated[float, Number(0, 1)] | None = None


class EventsConfig(Shape):
    event_parameters_list: Annotated[list[EventParameters], Count(None, 10)] | None = None


class OptimizationObjective(Shape):
    item_attribute: Annotated[str, Text(1, 150)] | None = None
    objective_sensitivity: Annotated[str, Text(values=("LOW", "MEDIUM", "HIGH", "OFF"))] | None = None


ColumnNames = Annotated[
    list[Annotated[str, Text(max_length=150, pattern=r"[A-Za-z_][A-Za-z\d_]*")]], Count(None, 50)
]
ColumnsByDataset = Annotated[
    dict[Annotated[str, Text(max_length=256, pattern=r"^[A-Za-z_]+$")], ColumnNames], Count(None, 3)
]


class TrainingDataConfig(Shape):
    excluded_dataset_columns: ColumnsByDataset | None = None
    included_dataset_columns: ColumnsByDataset | None = None


class AutoTrainingConfig(Shape):
    scheduling_expression: Annotated[str, Text(1, 16, r"rate\(\d+ days?\)")] | None = None


class SolutionConfig(Shape):
    event_value_threshold: Short | None = None
    hpo_config: HPOConfig | None = None
    algorithm_hyper_parameters: Parameters | None = None
    feature_transformation_parameters: Parameters | None = None
    auto_ml_config: AutoMLConfig | None = None
    events_config: EventsConfig | None = None
    optimization_objective: OptimizationObjective | None = None
    training_data_config: TrainingDataConfig | None = None
    auto_training_config: AutoTrainingConfig | None = None


def check_solution_config(config: SolutionConfig, recipe: Recipe) -> None:
    """Raise InvalidInputException for what is wrong in a config, NotBuiltYet for what is not served yet."""
    validate_hyperparameters(
        recipe, config.algorithm_hyper_parameters or {}, config.feature_transformation_parameters or {}
    )
    if config.event_value_threshold is not None:
        _check_threshold(config.event_value_threshold)
    if (
        config.auto_training_config is not None
        and config.auto_training_config.scheduling_expression is not None
    ):
        _check_schedule(config.auto_training_config.scheduling_expression)
        raise NotBuiltYet("solutionConfig.autoTrainingConfig")
    if config.hpo_config is not None and config.hpo_config.model_dump(exclude_none=True):
        raise NotBuiltYet("solutionConfig.hpoConfig")
    if config.auto_ml_config is not None and config.auto_ml_config.model_dump(exclude_none=True):
        raise NotBuiltYet("solutionConfig.autoMLConfig")
    if config.events_config is not None and config.events_config.event_parameters_list:
        raise NotBuiltYet("solutionConfig.eventsConfig")
    objective = config.optimization_objective
    if objective is not None and objective.objective_sensitivity != "OFF":
        raise NotBuiltYet("solutionConfig.optimizationObjective")
    columns = config.training_data_config
    if columns is not None and (columns.excluded_dataset_columns or columns.included_dataset_columns):
        raise NotBuiltYet("solutionConfig.trainingDataConfig")


def _check_threshold(text: str) -> None:
    try:
        is_number = math.isfinite(float(text))
    except ValueError:
        is_number = False
    if not is_number:
        raise InvalidInputException(
            f"solutionConfig.eventValueThreshold is {text!r}: write a number as a string, such as '3.5'."
        )


def _check_schedule(text: str) -> None:
    days = int(text.removeprefix("rate(").split(" ")[0])
    if not 1 <= days <= 30:
        raise InvalidInputException(
            f"solutionConfig.autoTrainingConfig.schedulingExpression is {text!r}: write rate(N days) with N "
            "from 1 to 30."
        )
