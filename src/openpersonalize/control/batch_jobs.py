"""What batch inference jobs and batch segment jobs have in common."""

from dataclasses import dataclass
from typing import Any

from openpersonalize.control.context import Context
from openpersonalize.control.filters import FILTER
from openpersonalize.control.locations import S3DataConfig, check_location
from openpersonalize.control.recipes import recipe_of
from openpersonalize.control.resource import active_parent
from openpersonalize.control.solution_versions import SOLUTION_VERSION
from openpersonalize.control.solutions import SOLUTION
from openpersonalize.control.tags import Tags
from openpersonalize.errors import InvalidInputException
from openpersonalize.filters.parser import parse
from openpersonalize.filters.syntax import Filter, Target
from openpersonalize.protocol.shapes import Arn, Name, RoleArn, Shape
from openpersonalize.recipes.recipe import Recipe
from openpersonalize.storage.tables import SolutionVersionRow


class JobInput(Shape):
    s3_data_source: S3DataConfig


class JobOutput(Shape):
    s3_data_destination: S3DataConfig


class CreateBatchJobRequest(Shape):
    """The members that both kinds take."""

    job_name: Name
    solution_version_arn: Arn
    filter_arn: Arn | None = None
    num_results: int | None = None
    job_input: JobInput
    job_output: JobOutput
    role_arn: RoleArn
    tags: Tags | None = None


@dataclass(frozen=True)
class BatchModel:
    """The solution version that a job asks, and its recipe."""

    version: SolutionVersionRow
    recipe: Recipe


def active_model(context: Context, arn: str) -> BatchModel:
    """The version of an ARN, which stays ACTIVE until the transaction ends.

    Raises ResourceNotFoundException or ResourceInUseException.
    """
    version = active_parent(context, SOLUTION_VERSION, arn)
    active_parent(context, SOLUTION, version.solution_arn)
    return BatchModel(version, recipe_of(version.recipe_arn, context.scope))


def common_columns(
    context: Context,
    request: CreateBatchJobRequest,
    version: SolutionVersionRow,
    *,
    most_results: int,
    target: Target = "ItemID",
) -> dict[str, Any]:
    """The columns that both kinds keep. Raises the errors that filters, places and numResults deserve.

    `target` is what a filter has to choose among.
    """
    _check_locations(request)
    if request.num_results is not None and not 1 <= request.num_results <= most_results:
        raise InvalidInputException(
            f"numResults is {request.num_results}: it must be from 1 to {most_results}."
        )
    if request.filter_arn is not None:
        _check_filter(context, request.filter_arn, version, target)
    return {
        "solution_version_arn": version.arn,
        "filter_arn": request.filter_arn,
        "num_results": request.num_results,
        "job_input": request.job_input.model_dump(by_alias=True, exclude_none=True),
        "job_output": request.job_output.model_dump(by_alias=True, exclude_none=True),
        "role_arn": request.role_arn,
    }


def _check_locations(request: CreateBatchJobRequest) -> None:
    source, destination = request.job_input.s3_data_source.path, request.job_output.s3_data_destination.path
    check_location(source, "jobInput.s3DataSource.path")
    check_location(destination, "jobOutput.s3DataDestination.path")
    if source.removesuffix("/") == destination.removesuffix("/"):
        raise InvalidInputException(
            f"The job would read and write {source}: choose another jobOutput.s3DataDestination.path."
        )


def _check_filter(context: Context, arn: str, version: SolutionVersionRow, target: Target) -> None:
    """Raise unless the filter may be used with the version; keep it from being deleted until the end."""
    row = active_parent(context, FILTER, arn)
    if row.dataset_group_arn != version.dataset_group_arn:
        raise InvalidInputException(
            f"{arn} is a filter of {row.dataset_group_arn}, and {version.arn} is of "
            f"{version.dataset_group_arn}: use a filter of the same dataset group."
        )
    chosen = parse(row.filter_expression).target
    if chosen != target:
        raise InvalidInputException(
            f"The filter chooses by {chosen}, and the job's answers are chosen by {target}: {arn}. Use one "
            f"whose expressions have {target}."
        )


def filter_tree(context: Context, arn: str) -> Filter:
    """The tree of a filter that the request may use."""
    return parse(active_parent(context, FILTER, arn).filter_expression)
