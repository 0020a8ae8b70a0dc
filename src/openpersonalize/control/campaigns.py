"""Campaigns: solution versions that answer requests."""

import secrets
from typing import Annotated, Any

from pydantic import Field

from openpersonalize.control.context import Context
from openpersonalize.control.exploration import read_exploration
from openpersonalize.control.recipes import recipe_of
from openpersonalize.control.resource import (
    UNDER_WAY,
    Resource,
    active_parent,
    delete,
    describe,
    identity,
    list_,
    refuse_taken,
    require_active,
    start,
)
from openpersonalize.control.solution_config import Parameters
from openpersonalize.control.solution_versions import SOLUTION_VERSION
from openpersonalize.control.solutions import SOLUTION, newest_version
from openpersonalize.control.tags import Tags, keep_tags
from openpersonalize.errors import InvalidInputException, NotBuiltYet, ResourceInUseException
from openpersonalize.jobs.lifecycle import DELETE_CAMPAIGN, DEPLOY_CAMPAIGN, UPDATE_CAMPAIGN
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, Number, Shape, Text
from openpersonalize.recipes.catalogue import USER_SEGMENTATION
from openpersonalize.recipes.recipe import Recipe
from openpersonalize.storage import records
from openpersonalize.storage.tables import CampaignRow, SolutionVersionRow

operations = Operations()

LATEST = "/$LATEST"

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
    active_parent(context, SOLUTION, version.solution_arn)
    config = _checked_config(
        request.campaign_config, request.solution_version_arn, recipe_of(version.recipe_arn, context.scope)
    )
    arn = context.arn("campaign", request.name)
    refuse_taken(context, CampaignRow, arn)
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
    _refuse_update_under_way(row)
    wanted = _wanted(context, row, request)
    if all(getattr(row, column) == value for column, value in wanted.items()):
        raise InvalidInputException(
            f"The update would not change {row.arn}: give a solutionVersionArn, minProvisionedTPS or "
            "campaignConfig that it does not have."
        )
    if row.status == "ACTIVE":
        now = context.stores.clock()
        row.latest_update = {
            "solutionVersionArn": wanted["solution_version_arn"],
            "minProvisionedTPS": wanted["min_provisioned_tps"],
            **({} if wanted["campaign_config"] is None else {"campaignConfig": wanted["campaign_config"]}),
            "creationDateTime": now,
        }
        start(context, row, UPDATE_CAMPAIGN)
    else:
        # Nothing serves that would have to go on: the deployment is simply tried again.
        for column, value in wanted.items():
            setattr(row, column, value)
        start(context, row, DEPLOY_CAMPAIGN)
    return UpdateCampaignResponse(campaign_arn=row.arn)


def _wanted(context: Context, row: CampaignRow, request: UpdateCampaignRequest) -> dict[str, Any]:
    """The columns as the update wants them; what it leaves out stays."""
    version_arn = request.solution_version_arn or row.solution_version_arn
    version = _deployable_version(context, version_arn)
    if version.solution_arn != row.solution_arn:
        raise InvalidInputException(
            f"{version.arn} is not a version of {row.solution_arn}, which the campaign serves: "
            "create another campaign for it."
        )
    config = row.campaign_config
    if request.campaign_config is not None:
        recipe = recipe_of(version.recipe_arn, context.scope)
        config = _checked_config(request.campaign_config, version_arn, recipe)
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
    version = newest_version(context, solution.arn, SolutionVersionRow.status == "ACTIVE")
    if version is None:
        raise ResourceInUseException(
            f"{solution.arn} has no ACTIVE solution version: wait until one is trained."
        )
    return version


def _checked_config(config: CampaignConfig | None, version_arn: str, recipe: Recipe) -> dict[str, Any] | None:
    """The config as it is kept. Raises InvalidInputException, or NotBuiltYet for what is not served yet."""
    if config is None:
        return None
    if config.sync_with_latest_solution_version:
        if not version_arn.endswith(LATEST):
            raise InvalidInputException(
                f"syncWithLatestSolutionVersion needs a solutionVersionArn that ends in {LATEST}, "
                f"not {version_arn}."
            )
        raise NotBuiltYet("campaignConfig.syncWithLatestSolutionVersion")
    if config.enable_metadata_with_recommendations:
        raise NotBuiltYet("campaignConfig.enableMetadataWithRecommendations")
    _check_exploration(config.item_exploration_config or {}, recipe)
    if any(weight > 0 for weight in (config.ranking_influence or {}).values()):
        raise NotBuiltYet("campaignConfig.rankingInfluence")
    kept: dict[str, Any] = config.model_dump(by_alias=True, exclude_none=True)
    return kept


def _check_exploration(given: dict[str, str], recipe: Recipe) -> None:
    values = read_exploration(given, recipe, "campaignConfig")
    if given and values.get("explorationWeight") != 0:
        raise NotBuiltYet("campaignConfig.itemExplorationConfig with an explorationWeight other than 0")


def _refuse_update_under_way(row: CampaignRow) -> None:
    status = (row.latest_update or {}).get("status", "")
    if status in UNDER_WAY:
        raise ResourceInUseException(f"{row.arn} has an update in state {status}: wait until that has ended.")


def _prepare_deletion(context: Context, row: CampaignRow) -> None:
    _refuse_update_under_way(row)
    records.bump(context.session, records.DEPLOYMENTS)


describe(operations, "DescribeCampaign", CAMPAIGN)
list_(operations, "ListCampaigns", CAMPAIGN)
delete(operations, "DeleteCampaign", CAMPAIGN, DELETE_CAMPAIGN, prepare=_prepare_deletion)
