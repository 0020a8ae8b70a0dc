"""Solution versions: trained models, and the metrics that their training measured."""

from typing import Annotated

from openpersonalize.control.context import Context
from openpersonalize.control.quotas import keep_to_most_running
from openpersonalize.control.recipes import recipe_of
from openpersonalize.control.resource import (
    Resource,
    describe,
    list_,
    refuse_existing,
    require_active,
)
from openpersonalize.control.solution_config import SolutionConfig
from openpersonalize.control.solutions import SOLUTION, SolutionVersionSummary
from openpersonalize.control.tags import Tags, keep_tags
from openpersonalize.domain.limits import MOST_TRAININGS
from openpersonalize.errors import InvalidInputException, ResourceInUseException
from openpersonalize.jobs.lifecycle import TRAIN_SOLUTION_VERSION, stop
from openpersonalize.jobs.trainings import begin_training, newest_version, vanishing_dataset
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, Shape, Text
from openpersonalize.storage.tables import SolutionRow, SolutionVersionRow

operations = Operations()

UPDATABLE = "aws-user-personalization"
"""The recipe whose versions can be updated; AWS's other one, aws-hrnn-coldstart, is a legacy recipe."""


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


class StopSolutionVersionCreationRequest(Shape):
    solution_version_arn: Arn


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
    # Exclusive, so that of two requests one sees the other's name.
    solution = SOLUTION.get_to_change(context, request.solution_arn)
    require_active(solution, SOLUTION)
    if request.training_mode == "UPDATE":
        _check_update_mode(solution, context)
    refuse_vanishing_data(context, solution.dataset_group_arn)
    if request.name is not None:
        of_name = SolutionVersionRow.solution_arn == solution.arn, SolutionVersionRow.name == request.name
        refuse_existing(context, SolutionVersionRow, *of_name)
    keep_to_most_running(context, MOST_TRAININGS, SolutionVersionRow)
    row = begin_training(
        context.session,
        solution,
        now=context.stores.clock(),
        name=request.name,
        # AUTOTRAIN stands in AWS's list without a word about it.
        training_mode="UPDATE" if request.training_mode == "UPDATE" else "FULL",
    )
    keep_tags(context, row.arn, request.tags)
    return CreateSolutionVersionResponse(solution_version_arn=row.arn)


def _check_update_mode(solution: SolutionRow, context: Context) -> None:
    """Raise InvalidInputException unless a version can be the update of an earlier one."""
    recipe = None if solution.recipe_arn is None else recipe_of(solution.recipe_arn, context.scope)
    if recipe is None or recipe.name != UPDATABLE:
        raise InvalidInputException(
            f"trainingMode UPDATE is for solutions of {UPDATABLE}, which {solution.arn} is not: use FULL."
        )
    # What a schedule has trained is of AUTOTRAIN, and as complete.
    full = SolutionVersionRow.status == "ACTIVE", SolutionVersionRow.training_mode != "UPDATE"
    if newest_version(context.session, solution.arn, *full) is None:
        raise InvalidInputException(
            f"trainingMode UPDATE needs an ACTIVE solution version of {solution.arn} that was trained with "
            "FULL: train one first."
        )


def refuse_vanishing_data(context: Context, dataset_group_arn: str) -> None:
    """Raise ResourceInUseException while a dataset is being deleted; keep all from it until the end."""
    dataset = vanishing_dataset(context.session, dataset_group_arn)
    if dataset is not None:
        raise ResourceInUseException(f"{dataset.arn} is being deleted: wait until it is gone.")


@operations.handles("StopSolutionVersionCreation")
def stop_solution_version_creation(request: StopSolutionVersionCreationRequest, context: Context) -> None:
    """Stop a training; the version stays, without a model."""
    row = SOLUTION_VERSION.get(context, request.solution_version_arn)
    if not stop(context.session, row, TRAIN_SOLUTION_VERSION, now=context.stores.clock()):
        problem = f"{row.arn} is in state {row.status}: there is no training to be stopped."
        if row.status == "CREATE STOPPING":
            raise ResourceInUseException(problem)
        raise InvalidInputException(problem)


@operations.handles("GetSolutionMetrics")
def get_solution_metrics(request: GetSolutionMetricsRequest, context: Context) -> GetSolutionMetricsResponse:
    """Get the metrics that a training measured on events it had held out."""
    row = SOLUTION_VERSION.get(context, request.solution_version_arn)
    if row.status != "ACTIVE":
        raise ResourceInUseException("Cannot get metrics for solution since it is not in ACTIVE state.")
    return GetSolutionMetricsResponse(solution_version_arn=row.arn, metrics=row.metrics or {})


describe(operations, "DescribeSolutionVersion", SOLUTION_VERSION)
list_(operations, "ListSolutionVersions", SOLUTION_VERSION, check_parent=SOLUTION.get)
