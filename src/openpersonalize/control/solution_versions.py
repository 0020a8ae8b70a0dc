"""Solution versions: trained models, and the metrics that their training measured."""

import secrets
from typing import Annotated

from sqlalchemy import select

from openpersonalize.control.context import Context
from openpersonalize.control.resource import (
    Resource,
    active_parent,
    already_exists,
    describe,
    identity,
    list_,
    start,
)
from openpersonalize.control.solution_config import SolutionConfig
from openpersonalize.control.solutions import SOLUTION, SolutionVersionSummary
from openpersonalize.control.tags import Tags, keep_tags
from openpersonalize.errors import InvalidInputException, NotBuiltYet, ResourceInUseException
from openpersonalize.jobs.lifecycle import TRAIN_SOLUTION_VERSION
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, Shape, Text
from openpersonalize.storage.tables import DatasetRow, SolutionRow, SolutionVersionRow

operations = Operations()


class CreateSolutionVersionRequest(Shape):
    name: Name | None = None
    solution_arn: Arn
    training_mode: Annotated[str, Text(values=("FULL", "UPDATE", "AUTOTRAIN"))] | None = None
    tags: Tags | None = None


class CreateSolutionVersionResponse(Shape):
    solution_version_arn: str


class TunedHPOParams(Shape):
    algorithm_hyper_parameters: dict[str, str] | None = None


class SolutionVersion(SolutionVersionSummary):
    name: str
    solution_arn: str
    perform_hpo: bool
    perform_auto_ml: bool
    perform_incremental_update: bool
    recipe_arn: str
    event_type: str | None = None
    dataset_group_arn: str
    solution_config: SolutionConfig | None = None
    training_hours: float | None = None
    tuned_hpo_params: TunedHPOParams | None = None


class GetSolutionMetricsRequest(Shape):
    solution_version_arn: Arn


class GetSolutionMetricsResponse(Shape):
    solution_version_arn: str
    metrics: dict[str, float]


SOLUTION_VERSION = Resource(
    noun="solution_version",
    words="solution version",
    table=SolutionVersionRow,
    full=SolutionVersion,
    summary=SolutionVersionSummary,
    parent="solution_arn",
)


@operations.handles("CreateSolutionVersion")
def create_solution_version(
    request: CreateSolutionVersionRequest, context: Context
) -> CreateSolutionVersionResponse:
    """Train a solution on all data of its dataset group."""
    solution = active_parent(context, SOLUTION, request.solution_arn)
    if request.training_mode == "UPDATE":
        raise NotBuiltYet("trainingMode UPDATE")
    if request.training_mode == "AUTOTRAIN":
        raise InvalidInputException("trainingMode AUTOTRAIN is the service's own: use FULL, or leave it out.")
    refuse_vanishing_data(context, solution.dataset_group_arn)
    if request.name is not None:
        _refuse_taken_name(context, solution, request.name)
    suffix = secrets.token_hex(4)
    arn = context.arn("solution", solution.name, suffix)
    row = SolutionVersionRow(
        **identity(context, arn, request.name or f"{solution.name}/{suffix}"),
        solution_arn=solution.arn,
        dataset_group_arn=solution.dataset_group_arn,
        recipe_arn=solution.recipe_arn,
        event_type=solution.event_type,
        solution_config=solution.solution_config,
        perform_hpo=solution.perform_hpo,
        perform_auto_ml=solution.perform_auto_ml,
        perform_incremental_update=solution.perform_incremental_update,
        training_mode="FULL",
        training_type="MANUAL",
    )
    start(context, row, TRAIN_SOLUTION_VERSION)
    keep_tags(context, arn, request.tags)
    return CreateSolutionVersionResponse(solution_version_arn=arn)


def refuse_vanishing_data(context: Context, dataset_group_arn: str) -> None:
    """Raise ResourceInUseException while a dataset is being deleted; keep all from it until the end."""
    datasets = context.session.scalars(
        select(DatasetRow)
        .where(DatasetRow.dataset_group_arn == dataset_group_arn)
        .with_for_update(read=True)
    )
    for dataset in datasets:
        if dataset.status.startswith("DELETE"):
            raise ResourceInUseException(f"{dataset.arn} is being deleted: wait until it is gone.")


def _refuse_taken_name(context: Context, solution: SolutionRow, name: str) -> None:
    taken = context.session.scalar(
        select(SolutionVersionRow.arn).where(
            SolutionVersionRow.solution_arn == solution.arn, SolutionVersionRow.name == name
        )
    )
    if taken is not None:
        raise already_exists(taken)


@operations.handles("GetSolutionMetrics")
def get_solution_metrics(request: GetSolutionMetricsRequest, context: Context) -> GetSolutionMetricsResponse:
    """Get the metrics that a training measured on events it had held out."""
    row = SOLUTION_VERSION.get(context, request.solution_version_arn)
    if row.status != "ACTIVE":
        raise ResourceInUseException("Cannot get metrics for solution since it is not in ACTIVE state.")
    return GetSolutionMetricsResponse(solution_version_arn=row.arn, metrics=row.metrics or {})


describe(operations, "DescribeSolutionVersion", SOLUTION_VERSION)
list_(operations, "ListSolutionVersions", SOLUTION_VERSION, check_parent=SOLUTION.get)
