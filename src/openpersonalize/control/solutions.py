"""Solutions: a recipe and its settings for a dataset group."""

from pydantic import Field
from sqlalchemy import ColumnElement, select

from openpersonalize.control.context import Context
from openpersonalize.control.dataset_groups import DATASET_GROUP
from openpersonalize.control.recipes import recipe_of
from openpersonalize.control.resource import (
    UNDER_WAY,
    Resource,
    active_parent,
    delete,
    describe,
    identity,
    list_,
    refuse_dependants,
    refuse_taken,
    start,
)
from openpersonalize.control.solution_config import (
    AutoTrainingConfig,
    EventsConfig,
    EventType,
    SolutionConfig,
    check_solution_config,
)
from openpersonalize.control.tags import Tags, keep_tags
from openpersonalize.errors import InvalidInputException, NotBuiltYet
from openpersonalize.jobs.lifecycle import CREATE_SOLUTION, DELETE_SOLUTION
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, Shape
from openpersonalize.recipes.recipe import Recipe
from openpersonalize.storage.tables import CampaignRow, SolutionRow, SolutionVersionRow

operations = Operations()


class CreateSolutionRequest(Shape):
    name: Name
    perform_hpo: bool | None = None
    perform_auto_ml: bool | None = None
    perform_auto_training: bool | None = None
    perform_incremental_update: bool | None = None
    recipe_arn: Arn | None = None
    dataset_group_arn: Arn
    event_type: EventType | None = None
    solution_config: SolutionConfig | None = None
    tags: Tags | None = None


class CreateSolutionResponse(Shape):
    solution_arn: str


class SolutionSummary(Shape):
    name: str
    solution_arn: str = Field(validation_alias="arn")
    status: str
    creation_date_time: float
    last_updated_date_time: float
    recipe_arn: str | None = None


class AutoMLResult(Shape):
    best_recipe_arn: str | None = None


class SolutionVersionSummary(Shape):
    solution_version_arn: str = Field(validation_alias="arn")
    status: str
    training_mode: str
    training_type: str
    creation_date_time: float
    last_updated_date_time: float
    failure_reason: str | None = None


class SolutionUpdateConfig(Shape):
    auto_training_config: AutoTrainingConfig | None = None
    events_config: EventsConfig | None = None


class SolutionUpdateSummary(Shape):
    solution_update_config: SolutionUpdateConfig | None = None
    status: str | None = None
    perform_auto_training: bool | None = None
    perform_incremental_update: bool | None = None
    creation_date_time: float | None = None
    last_updated_date_time: float | None = None
    failure_reason: str | None = None


class Solution(SolutionSummary):
    perform_hpo: bool
    perform_auto_ml: bool
    perform_auto_training: bool
    perform_incremental_update: bool
    dataset_group_arn: str
    event_type: str | None = None
    solution_config: SolutionConfig | None = None
    auto_ml_result: AutoMLResult | None = None
    latest_solution_version: SolutionVersionSummary | None = None
    latest_solution_update: SolutionUpdateSummary | None = None


def newest_version(
    context: Context, solution_arn: str, *conditions: ColumnElement[bool]
) -> SolutionVersionRow | None:
    """The newest version of a solution that meets the conditions; None where there is none."""
    query = select(SolutionVersionRow).where(SolutionVersionRow.solution_arn == solution_arn, *conditions)
    return context.session.scalar(query.order_by(SolutionVersionRow.id.desc()).limit(1))


def _with_latest_version(row: SolutionRow, context: Context) -> Shape:
    version = newest_version(context, row.arn)
    solution = Solution.model_validate(row)
    if version is None:
        return solution
    return solution.model_copy(
        update={"latest_solution_version": SolutionVersionSummary.model_validate(version)}
    )


SOLUTION = Resource(
    noun="solution",
    words="solution",
    table=SolutionRow,
    full=Solution,
    summary=SolutionSummary,
    parent="dataset_group_arn",
    to_full=_with_latest_version,
)


@operations.handles("CreateSolution")
def create_solution(request: CreateSolutionRequest, context: Context) -> CreateSolutionResponse:
    """Create a solution: choose a recipe and its settings."""
    group = active_parent(context, DATASET_GROUP, request.dataset_group_arn)
    recipe = _checked_recipe(request, context)
    config = request.solution_config
    check_solution_config(config or SolutionConfig(), recipe)
    arn = context.arn("solution", request.name)
    refuse_taken(context, SolutionRow, arn)
    row = SolutionRow(
        **identity(context, arn, request.name),
        dataset_group_arn=group.arn,
        recipe_arn=recipe.arn,
        perform_hpo=False,
        perform_auto_ml=False,
        # True is AWS's default; as long as nothing trains by itself, it would be a false promise.
        perform_auto_training=False,
        perform_incremental_update=False,
        event_type=request.event_type,
        solution_config=None if config is None else config.model_dump(by_alias=True, exclude_none=True),
    )
    start(context, row, CREATE_SOLUTION)
    keep_tags(context, arn, request.tags)
    return CreateSolutionResponse(solution_arn=arn)


def _checked_recipe(request: CreateSolutionRequest, context: Context) -> Recipe:
    """The recipe that is asked for. Raises for one that makes no solution, and for what is not served."""
    if request.perform_auto_ml:
        raise NotBuiltYet("performAutoML")
    if request.recipe_arn is None:
        raise InvalidInputException(
            "recipeArn is missing: name a recipe, such as one that ListRecipes gives."
        )
    recipe = recipe_of(request.recipe_arn, context.scope)
    if recipe.domain is not None:
        raise InvalidInputException(
            f"{recipe.arn} is a recipe of domain {recipe.domain}, from which recommenders are made: "
            "choose a recipe without a domain."
        )
    if recipe.is_legacy:
        raise InvalidInputException(
            f"{recipe.arn} is a legacy recipe, of which no solution can be made any more: use "
            f"{recipe.arn.rpartition('/')[0]}/aws-user-personalization."
        )
    if request.perform_hpo:
        raise NotBuiltYet("performHPO")
    if request.perform_incremental_update:
        raise NotBuiltYet("performIncrementalUpdate")
    if request.perform_auto_training:
        raise NotBuiltYet("performAutoTraining")
    return recipe


def _refuse_in_use(context: Context, row: SolutionRow) -> None:
    refuse_dependants(context, row, CampaignRow, "campaign", CampaignRow.solution_arn == row.arn)
    refuse_dependants(
        context,
        row,
        SolutionVersionRow,
        "solution version",
        SolutionVersionRow.solution_arn == row.arn,
        SolutionVersionRow.status.in_(UNDER_WAY),
    )


describe(operations, "DescribeSolution", SOLUTION)
list_(operations, "ListSolutions", SOLUTION)
delete(operations, "DeleteSolution", SOLUTION, DELETE_SOLUTION, prepare=_refuse_in_use)
