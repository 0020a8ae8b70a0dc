"""Recommenders: domain recipes that train, deploy and renew themselves."""

import secrets
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select

from openpersonalize.control.context import Context
from openpersonalize.control.dataset_groups import DATASET_GROUP
from openpersonalize.control.exploration import read_exploration
from openpersonalize.control.quotas import keep_to_most_objects
from openpersonalize.control.recipes import recipe_of
from openpersonalize.control.resource import (
    Resource,
    active_parent,
    delete,
    describe,
    identity,
    list_,
    refuse_taken,
    refuse_update_under_way,
    start,
)
from openpersonalize.control.solution_config import Parameters, TrainingDataConfig
from openpersonalize.control.solution_versions import refuse_vanishing_data
from openpersonalize.control.tags import Tags, keep_tags
from openpersonalize.control.training_columns import check_training_columns
from openpersonalize.domain.limits import MOST_RECOMMENDERS
from openpersonalize.domain.training_columns import training_columns
from openpersonalize.errors import InvalidInputException, ResourceInUseException
from openpersonalize.jobs.lifecycle import (
    CREATE_RECOMMENDER,
    DELETE_RECOMMENDER,
    START_RECOMMENDER,
    STOP_RECOMMENDER,
    UPDATE_RECOMMENDER,
    request_cancel,
)
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, Number, Shape
from openpersonalize.recipes.catalogue import recipes_in
from openpersonalize.recipes.recipe import Recipe
from openpersonalize.storage import records
from openpersonalize.storage.tables import DatasetGroupRow, DatasetRow, RecommenderRow

operations = Operations()


class RecommenderConfig(Shape):
    item_exploration_config: Parameters | None = None
    min_recommendation_requests_per_second: Annotated[int, Number(minimum=1)] | None = None
    training_data_config: TrainingDataConfig | None = None
    enable_metadata_with_recommendations: bool | None = None


class CreateRecommenderRequest(Shape):
    name: Name
    dataset_group_arn: Arn
    recipe_arn: Arn
    recommender_config: RecommenderConfig | None = None
    tags: Tags | None = None


class CreateRecommenderResponse(Shape):
    recommender_arn: str


class UpdateRecommenderRequest(Shape):
    recommender_arn: Arn
    recommender_config: RecommenderConfig


class UpdateRecommenderResponse(Shape):
    recommender_arn: str


class StartRecommenderRequest(Shape):
    recommender_arn: Arn


class StartRecommenderResponse(Shape):
    recommender_arn: str


class StopRecommenderRequest(Shape):
    recommender_arn: Arn


class StopRecommenderResponse(Shape):
    recommender_arn: str


class RecommenderSummary(Shape):
    name: str
    recommender_arn: str = Field(validation_alias="arn")
    dataset_group_arn: str
    recipe_arn: str
    recommender_config: RecommenderConfig | None = None
    status: str
    creation_date_time: float
    last_updated_date_time: float


class RecommenderUpdateSummary(Shape):
    recommender_config: RecommenderConfig | None = None
    creation_date_time: float
    last_updated_date_time: float
    status: str
    failure_reason: str | None = None


class Recommender(RecommenderSummary):
    failure_reason: str | None = None
    latest_recommender_update: RecommenderUpdateSummary | None = Field(None, validation_alias="latest_update")
    model_metrics: dict[str, float] | None = None


def _to_full(row: RecommenderRow, context: Context) -> Shape:
    found = Recommender.model_validate(row)
    # AWS gives no metrics of a recommender that is going.
    return found.model_copy(update={"model_metrics": None}) if row.status.startswith("DELETE") else found


RECOMMENDER = Resource(
    noun="recommender",
    words="recommender",
    table=RecommenderRow,
    full=Recommender,
    summary=RecommenderSummary,
    parent="dataset_group_arn",
    to_full=_to_full,
)

DEFAULTS: Mapping[str, Any] = {
    "minRecommendationRequestsPerSecond": 1,
    "enableMetadataWithRecommendations": False,
    "itemExplorationConfig": {},
}
"""What a recommenderConfig says by leaving a member out."""


@operations.handles("CreateRecommender")
def create_recommender(request: CreateRecommenderRequest, context: Context) -> CreateRecommenderResponse:
    """Train a domain recipe on all data of its dataset group, and let it answer requests."""
    group = active_parent(context, DATASET_GROUP, request.dataset_group_arn)
    recipe = _recipe_for(context, request.recipe_arn, group)
    _check_datasets(context, recipe, group)
    config = _checked_config(context, request.recommender_config or RecommenderConfig(), recipe, group)
    refuse_vanishing_data(context, group.arn)
    arn = context.arn("recommender", request.name)
    refuse_taken(context, RecommenderRow, arn)
    of_group = RecommenderRow.dataset_group_arn == group.arn
    keep_to_most_objects(context, MOST_RECOMMENDERS, RecommenderRow, of_group)
    row = RecommenderRow(
        **identity(context, arn, request.name),
        dataset_group_arn=group.arn,
        recipe_arn=recipe.arn,
        recommender_config={"minRecommendationRequestsPerSecond": 1} | config,
        recommendation_cid=secrets.token_hex(3),
    )
    start(context, row, CREATE_RECOMMENDER)
    keep_tags(context, arn, request.tags)
    return CreateRecommenderResponse(recommender_arn=arn)


@operations.handles("UpdateRecommender")
def update_recommender(request: UpdateRecommenderRequest, context: Context) -> UpdateRecommenderResponse:
    """Change a recommender's config; the old one serves until the new one can. What is left out stays."""
    row = RECOMMENDER.get_to_change(context, request.recommender_arn)
    if row.status != "ACTIVE":
        raise ResourceInUseException(
            f"{row.arn} is in state {row.status}, and only an ACTIVE recommender can be updated: "
            f"{'start it first' if row.status == 'INACTIVE' else 'wait until it is, or create another one'}."
        )
    refuse_update_under_way(row)
    group = DATASET_GROUP.get_for_child(context, row.dataset_group_arn)
    recipe = recipe_of(row.recipe_arn, context.scope)
    before = row.recommender_config or {}
    wanted = before | _checked_config(context, request.recommender_config, recipe, group)
    if _meaning(wanted) == _meaning(before):
        raise InvalidInputException(
            f"The update would not change {row.arn}: give a recommenderConfig with something that it has not."
        )
    if training_columns(wanted) != training_columns(before):
        refuse_vanishing_data(context, group.arn)
    row.latest_update = {"recommenderConfig": wanted, "creationDateTime": context.stores.clock()}
    start(context, row, UPDATE_RECOMMENDER)
    return UpdateRecommenderResponse(recommender_arn=row.arn)


@operations.handles("StopRecommender")
def stop_recommender(request: StopRecommenderRequest, context: Context) -> StopRecommenderResponse:
    """Let an ACTIVE recommender rest: it answers no requests and is not trained again until it is started."""
    row = RECOMMENDER.get_to_change(context, request.recommender_arn)
    refuse_update_under_way(row)
    request_cancel(context.session, row.arn)  # of a weekly training
    start(context, row, STOP_RECOMMENDER)
    records.bump(context.session, records.DEPLOYMENTS)
    return StopRecommenderResponse(recommender_arn=row.arn)


@operations.handles("StartRecommender")
def start_recommender(request: StartRecommenderRequest, context: Context) -> StartRecommenderResponse:
    """Let an INACTIVE recommender answer again, with the model that it has."""
    row = RECOMMENDER.get_to_change(context, request.recommender_arn)
    start(context, row, START_RECOMMENDER)
    return StartRecommenderResponse(recommender_arn=row.arn)


def _recipe_for(context: Context, arn: str, group: DatasetGroupRow) -> Recipe:
    """The recipe of an ARN, which is of the group's domain.

    Raises ResourceNotFoundException or InvalidInputException.
    """
    recipe = recipe_of(arn, context.scope)
    if group.domain is None:
        raise InvalidInputException(
            f"{group.arn} is a custom dataset group, which has no recommenders: create a solution and a "
            "campaign in it, or use a dataset group with a domain."
        )
    if recipe.domain != group.domain:
        own = [
            name for name, one in recipes_in(context.scope.partition).items() if one.domain == group.domain
        ]
        kind = "no recipe of a domain" if recipe.domain is None else f"a recipe of domain {recipe.domain}"
        raise InvalidInputException(
            f"{arn} is {kind}, and the group is of domain {group.domain}: use one of {', '.join(own)}."
        )
    return recipe


def _check_datasets(context: Context, recipe: Recipe, group: DatasetGroupRow) -> None:
    """Raise InvalidInputException where a group lacks a dataset that a use case needs."""
    query = select(DatasetRow.dataset_type).where(DatasetRow.dataset_group_arn == group.arn)
    present = set(context.session.scalars(query))
    for dataset_type in recipe.needs_datasets:
        if dataset_type not in present:
            raise InvalidInputException(
                f"{recipe.name} needs a dataset of type {dataset_type}, which {group.arn} does not have: "
                "create it and import some, then create the recommender."
            )


def _checked_config(
    context: Context, config: RecommenderConfig, recipe: Recipe, group: DatasetGroupRow
) -> dict[str, Any]:
    """The config as it was sent. Raises InvalidInputException."""
    read_exploration(config.item_exploration_config or {}, recipe, "recommenderConfig")
    if config.training_data_config is not None:
        columns = config.training_data_config
        check_training_columns(context, columns, group, "recommenderConfig.trainingDataConfig")
    kept: dict[str, Any] = config.model_dump(by_alias=True, exclude_none=True)
    return kept


def _meaning(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a config says, however it says it."""
    return {**DEFAULTS, **config, "trainingDataConfig": training_columns(config)}


def _prepare_deletion(context: Context, row: RecommenderRow) -> None:
    refuse_update_under_way(row)
    records.bump(context.session, records.DEPLOYMENTS)


describe(operations, "DescribeRecommender", RECOMMENDER)
list_(operations, "ListRecommenders", RECOMMENDER)
delete(operations, "DeleteRecommender", RECOMMENDER, DELETE_RECOMMENDER, prepare=_prepare_deletion)
