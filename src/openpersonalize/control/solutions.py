"""Solutions: a recipe and its settings for a dataset group."""

from typing import Any

from pydantic import Field

from openpersonalize.control.context import Context
from openpersonalize.control.dataset_groups import DATASET_GROUP
from openpersonalize.control.quotas import keep_to_most_objects
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
    refuse_update_under_way,
    require_active,
    start,
)
from openpersonalize.control.solution_checks import (
    Setting,
    check_events_config,
    check_schedule,
    check_solution_config,
)
from openpersonalize.control.solution_config import (
    AutoTrainingConfig,
    EventsConfig,
    EventType,
    SolutionConfig,
)
from openpersonalize.control.tags import Tags, keep_tags
from openpersonalize.control.tuning import tunable
from openpersonalize.domain.limits import MOST_SOLUTIONS
from openpersonalize.domain.schedules import FIRST_TRAINING_S, training_interval_s
from openpersonalize.errors import InvalidInputException
from openpersonalize.jobs.lifecycle import CREATE_SOLUTION, DELETE_SOLUTION, UPDATE_SOLUTION
from openpersonalize.jobs.trainings import newest_version
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, Shape
from openpersonalize.recipes.recipe import Recipe
from openpersonalize.recipes.semantic_similarity import SEMANTIC_SIMILARITY
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


class SolutionUpdateConfig(Shape):
    auto_training_config: AutoTrainingConfig | None = None
    events_config: EventsConfig | None = None


class UpdateSolutionRequest(Shape):
    solution_arn: Arn
    perform_auto_training: bool | None = None
    perform_incremental_update: bool | None = None
    solution_update_config: SolutionUpdateConfig | None = None


class UpdateSolutionResponse(Shape):
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
    latest_solution_update: SolutionUpdateSummary | None = Field(None, validation_alias="latest_update")


def _with_latest_version(row: SolutionRow, context: Context) -> Shape:
    version = newest_version(context.session, row.arn)
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
    check_solution_config(request.solution_config or SolutionConfig(), Setting(context, group, recipe))
    arn = context.arn("solution", request.name)
    refuse_taken(context, SolutionRow, arn)
    keep_to_most_objects(context, MOST_SOLUTIONS, SolutionRow, SolutionRow.dataset_group_arn == group.arn)
    trains_itself = request.perform_auto_training is not False
    row = SolutionRow(
        **identity(context, arn, request.name),
        dataset_group_arn=group.arn,
        recipe_arn=None if recipe is None else recipe.arn,
        # AutoML tunes what it chooses, whatever the request says.
        perform_hpo=bool(request.perform_hpo or request.perform_auto_ml),
        perform_auto_ml=bool(request.perform_auto_ml),
        perform_auto_training=trains_itself,
        perform_incremental_update=bool(request.perform_incremental_update),
        event_type=request.event_type,
        solution_config=_kept(request.solution_config),
        next_training_at=context.stores.clock() + FIRST_TRAINING_S if trains_itself else None,
    )
    start(context, row, CREATE_SOLUTION)
    keep_tags(context, arn, request.tags)
    return CreateSolutionResponse(solution_arn=arn)


def _kept(config: Shape | None) -> dict[str, Any] | None:
    """A config as it was sent."""
    return None if config is None else config.model_dump(by_alias=True, exclude_none=True)


def _checked_recipe(request: CreateSolutionRequest, context: Context) -> Recipe | None:
    """The recipe that is asked for; None for AutoML. Raises for one that makes no such solution."""
    if request.perform_auto_ml:
        if request.recipe_arn is not None:
            raise InvalidInputException(
                "performAutoML chooses the recipe itself: leave out recipeArn, or performAutoML."
            )
        _check_incremental_update(request.perform_incremental_update, None)
        return None
    if request.recipe_arn is None:
        raise InvalidInputException(
            "recipeArn is missing: name a recipe, such as one that ListRecipes gives, or set performAutoML."
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
    if request.perform_hpo and not tunable(recipe):
        raise InvalidInputException(
            f"{recipe.name} has no hyperparameters that performHPO could tune: leave it out."
        )
    _check_incremental_update(request.perform_incremental_update, recipe)
    return recipe


def _check_incremental_update(is_wanted: bool | None, recipe: Recipe | None) -> None:
    if is_wanted and (recipe is None or recipe.name != SEMANTIC_SIMILARITY):
        raise InvalidInputException(
            f"performIncrementalUpdate is for solutions of {SEMANTIC_SIMILARITY}: leave it out."
        )


@operations.handles("UpdateSolution")
def update_solution(request: UpdateSolutionRequest, context: Context) -> UpdateSolutionResponse:
    """Change when a solution is trained and how it weighs events; the old settings hold until then."""
    row = SOLUTION.get_to_change(context, request.solution_arn)
    require_active(row, SOLUTION)
    refuse_update_under_way(row)
    config = request.solution_update_config or SolutionUpdateConfig()
    _check_update(request, config, row, context)
    wanted = row.perform_auto_training, row.perform_incremental_update
    if request.perform_auto_training is not None:
        wanted = request.perform_auto_training, wanted[1]
    if request.perform_incremental_update is not None:
        wanted = wanted[0], request.perform_incremental_update
    is_same = wanted == (row.perform_auto_training, row.perform_incremental_update)
    if is_same and not _changes_config(row.solution_config or {}, _kept(config) or {}):
        raise InvalidInputException(
            f"The update would not change {row.arn}: give a performAutoTraining, performIncrementalUpdate or "
            "solutionUpdateConfig that it does not have."
        )
    kept = _kept(request.solution_update_config)
    row.latest_update = {
        **({} if kept is None else {"solutionUpdateConfig": kept}),
        "performAutoTraining": wanted[0],
        "performIncrementalUpdate": wanted[1],
        "creationDateTime": context.stores.clock(),
    }
    start(context, row, UPDATE_SOLUTION)
    return UpdateSolutionResponse(solution_arn=row.arn)


def _check_update(
    request: UpdateSolutionRequest, config: SolutionUpdateConfig, row: SolutionRow, context: Context
) -> None:
    recipe = None if row.recipe_arn is None else recipe_of(row.recipe_arn, context.scope)
    _check_incremental_update(request.perform_incremental_update, recipe)
    if config.auto_training_config is not None:
        check_schedule(config.auto_training_config, "solutionUpdateConfig.autoTrainingConfig")
    if config.events_config is not None and recipe is not None:
        group = DATASET_GROUP.get(context, row.dataset_group_arn)
        setting = Setting(context, group, recipe)
        check_events_config(config.events_config, setting, recipe, "solutionUpdateConfig.eventsConfig")


def _changes_config(before: dict[str, Any], update: dict[str, Any]) -> bool:
    after = before | update
    return training_interval_s(before) != training_interval_s(after) or _events(before) != _events(after)


def _events(config: dict[str, Any]) -> list[Any]:
    return (config.get("eventsConfig") or {}).get("eventParametersList") or []


def _refuse_in_use(context: Context, row: SolutionRow) -> None:
    refuse_update_under_way(row)
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
