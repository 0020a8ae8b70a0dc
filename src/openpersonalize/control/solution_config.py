"""The shapes of a solutionConfig; `solution_checks` says what may stand in them."""

from typing import Annotated

from openpersonalize.protocol.shapes import Arn, Count, Number, Shape, Text

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
