"""Campaigns: solution versions that answer requests."""

import secrets
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select

from openpersonalize.control.context import Context
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
    require_active,
    start,
)
from openpersonalize.control.solution_config import Parameters
from openpersonalize.control.solution_versions import SOLUTION_VERSION
from openpersonalize.control.solutions import SOLUTION
from openpersonalize.control.tags import Tags, keep_tags
from openpersonalize.domain.limits import MOST_CAMPAIGNS
from openpersonalize.errors import InvalidInputException, ResourceInUseException
from openpersonalize.jobs.lifecycle import DELETE_CAMPAIGN, DEPLOY_CAMPAIGN
from openpersonalize.jobs.rollouts import begin_update, follows
from openpersonalize.jobs.trainings import newest_version
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, Number, Shape, Text
from openpersonalize.recipes.recipe import USER_SEGMENTATION, Recipe
from openpersonalize.recipes.semantic_similarity import SEMANTIC_SIMILARITY
from openpersonalize.storage import records
from openpersonalize.storage.tables import CampaignRow, SolutionRow, SolutionVersionRow

operations = Operations()

LATEST = "/$LATEST"

GIVE_METADATA = ("aws-user-personalization-v2", "aws-personalized-ranking-v2", SEMANTIC_SIMILARITY)
"""The recipes whose campaigns can give metadata unless their config says otherwise."""

TransactionsPerSecond = Annotated[int, Number(minimum=1)]
Influence = dict[Annotated[str, Text(values=("POPULARITY", "FRESHNESS"))], Annotated[float, Number(0, 1)]]


class CampaignConfig(Shape):
    item_exploration_config: Parameters | None = None
    enable_metadata_with_recommendations: bool | None = None
    sync_with_latest_solution_version: bool | None = None
    ranking_influence: Influence | None = None


class CreateCampaignRequest(Shape):
    name: Name
    solution_version_arn: Arn
    min_provisioned_tps: TransactionsPerSecond | None = None
    campaign_config: CampaignConfig | None = None
    tags: Tags | None = None


class CreateCampaignResponse(Shape):
    campaign_arn: str


class UpdateCampaignRequest(Shape):
    campaign_arn: Arn
    solution_version_arn: Arn | None = None
    min_provisioned_tps: TransactionsPerSecond | None = None
    campaign_config: CampaignConfig | None = None


class UpdateCampaignResponse(Shape):
    campaign_arn: str


class CampaignSummary(Shape):
    name: str
    campaign_arn: str = Field(validation_alias="arn")
    status: str
    creation_date_time: float
    last_updated_date_time: float
    failure_reason: str | None = None


class CampaignUpdateSummary(Shape):
    solution_version_arn: str
    min_provisioned_tps: int
    campaign_config: CampaignConfig | None = None
    status: str
    failure_reason: str | None = None
    creation_date_time: float
    last_updated_date_time: float


class Campaign(CampaignSummary):
    solution_version_arn: str
    min_provisioned_tps: int
    campaign_config: CampaignConfig | None = None
    latest_campaign_update: CampaignUpdateSummary | None = Field(None, validation_alias="latest_update")


CAMPAIGN = Resource(
    noun="campaign",
    words="campaign",
    table=CampaignRow,
    full=Campaign,
    summary=CampaignSummary,
    parent="solution_arn",
)


@operations.handles("CreateCampaign")
def create_campaign(request: CreateCampaignRequest, context: Context) -> CreateCampaignResponse:
    """Deploy a solution version."""
    version = _deployable_version(context, request.solution_version_arn)
    solution = active_parent(context, SOLUTION, version.solution_arn)
    config = _checked_config(request.campaign_config, recipe_of(version.recipe_arn, context.scope))
    _check_following(config, request.solution_version_arn)
    arn = context.arn("campaign", request.name)
    refuse_taken(context, CampaignRow, arn)
    of_group = select(SolutionRow.arn).where(SolutionRow.dataset_group_arn == solution.dataset_group_arn)
    keep_to_most_objects(context, MOST_CAMPAIGNS, CampaignRow, CampaignRow.solution_arn.in_(of_group))
    row = CampaignRow(
        **identity(context, arn, request.name),
        solution_version_arn=version.arn,
        solution_arn=version.solution_arn,
        min_provisioned_tps=request.min_provisioned_tps or 1,
        campaign_config=config,
        recommendation_cid=secrets.token_hex(3),
    )
    start(context, row, DEPLOY_CAMPAIGN)
    keep_tags(context, arn, request.tags)
    return CreateCampaignResponse(campaign_arn=arn)


@operations.handles("UpdateCampaign")
def update_campaign(request: UpdateCampaignRequest, context: Context) -> UpdateCampaignResponse:
    """Change a campaign's solution version or settings; the old ones serve until the new ones can."""
    row = CAMPAIGN.get_to_change(context, request.campaign_arn)
    if row.status not in ("ACTIVE", "CREATE FAILED"):
        raise ResourceInUseException(f"{row.arn} is in state {row.status}: wait until that has ended.")
    refuse_update_under_way(row)
    wanted = _wanted(context, row, request)
    is_same = all(getattr(row, column) == value for column, value in wanted.items())
    given = request.solution_version_arn, request.min_provisioned_tps, request.campaign_config
    # To ask a failed campaign for what it has is to ask it to try again.
    if is_same and (row.status == "ACTIVE" or given == (None, None, None)):
        raise InvalidInputException(
            f"The update would not change {row.arn}: give a solutionVersionArn, minProvisionedTPS or "
            "campaignConfig that it does not have."
        )
    if row.status == "ACTIVE":
        begin_update(
            context.session,
            row,
            version_arn=wanted["solution_version_arn"],
            min_provisioned_tps=wanted["min_provisioned_tps"],
            config=wanted["campaign_config"],
            now=context.stores.clock(),
        )
    else:
        # Nothing serves that would have to go on: the deployment is simply tried again.
        for column, value in wanted.items():
            setattr(row, column, value)
        start(context, row, DEPLOY_CAMPAIGN)
    return UpdateCampaignResponse(campaign_arn=row.arn)


def _wanted(context: Context, row: CampaignRow, request: UpdateCampaignRequest) -> dict[str, Any]:
    """The columns as the update wants them; what it leaves out stays."""
    config, followed = row.campaign_config, f"{row.solution_arn}{LATEST}"
    # What follows its solution already need not be told so again.
    present = followed if follows(config) else row.solution_version_arn
    version_arn = request.solution_version_arn or present
    version = _deployable_version(context, version_arn)
    if version.solution_arn != row.solution_arn:
        raise InvalidInputException(
            f"{version.arn} is not a version of {row.solution_arn}, which the campaign serves: "
            "create another campaign for it."
        )
    if request.campaign_config is not None:
        config = _checked_config(request.campaign_config, recipe_of(version.recipe_arn, context.scope))
    _check_following(config, version_arn)
    return {
        "solution_version_arn": version.arn,
        "min_provisioned_tps": request.min_provisioned_tps or row.min_provisioned_tps,
        "campaign_config": config,
    }


def _deployable_version(context: Context, arn: str) -> SolutionVersionRow:
    """The version of an ARN, or the newest ACTIVE one of `<solutionArn>/$LATEST`.

    Raises ResourceNotFoundException, ResourceInUseException or InvalidInputException.
    """
    if arn.endswith(LATEST):
        version = _latest_version(context, arn.removesuffix(LATEST))
    else:
        version = SOLUTION_VERSION.get(context, arn)
        require_active(version, SOLUTION_VERSION)
    if recipe_of(version.recipe_arn, context.scope).recipe_type == USER_SEGMENTATION:
        raise InvalidInputException(
            f"{version.arn} is of {version.recipe_arn}, which makes segments of users in batch jobs: "
            "it cannot be deployed as a campaign."
        )
    return version


def _latest_version(context: Context, solution_arn: str) -> SolutionVersionRow:
    solution = SOLUTION.get(context, solution_arn)
    version = newest_version(context.session, solution.arn, SolutionVersionRow.status == "ACTIVE")
    if version is None:
        raise ResourceInUseException(
            f"{solution.arn} has no ACTIVE solution version: wait until one is trained."
        )
    return version


def _checked_config(config: CampaignConfig | None, recipe: Recipe) -> dict[str, Any] | None:
    """The config as it is kept: as sent, with the recipe's defaults. Raises InvalidInputException."""
    gives_metadata = recipe.name in GIVE_METADATA
    if config is None:
        return {"enableMetadataWithRecommendations": True} if gives_metadata else None
    read_exploration(config.item_exploration_config or {}, recipe, "campaignConfig")
    if config.ranking_influence and recipe.name != SEMANTIC_SIMILARITY:
        raise InvalidInputException(
            f"campaignConfig.rankingInfluence is for {SEMANTIC_SIMILARITY}, not for {recipe.name}: "
            "leave it out."
        )
    kept: dict[str, Any] = config.model_dump(by_alias=True, exclude_none=True)
    return {"enableMetadataWithRecommendations": True} | kept if gives_metadata else kept


def _check_following(config: dict[str, Any] | None, version_arn: str) -> None:
    """Raise InvalidInputException where a campaign is to follow its solution and to serve one version."""
    if follows(config) and not version_arn.endswith(LATEST):
        raise InvalidInputException(
            f"syncWithLatestSolutionVersion needs a solutionVersionArn that ends in {LATEST}, "
            f"not {version_arn}: use that, or set syncWithLatestSolutionVersion to false."
        )


def _prepare_deletion(context: Context, row: CampaignRow) -> None:
    refuse_update_under_way(row)
    records.bump(context.session, records.DEPLOYMENTS)


describe(operations, "DescribeCampaign", CAMPAIGN)
list_(operations, "ListCampaigns", CAMPAIGN)
delete(operations, "DeleteCampaign", CAMPAIGN, DELETE_CAMPAIGN, prepare=_prepare_deletion)
