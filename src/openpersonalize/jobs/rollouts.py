"""Roll-outs: campaigns that get new solution versions, by a client's wish or by following their solution.

A campaign follows its solution when its config has syncWithLatestSolutionVersion. Each new ACTIVE version
begins a look (`ROLL_OUT_CAMPAIGN`) for each follower, which comes after all that is under way for the
campaign, and begins the update to what is the newest version by then. A look that finds an update ahead looks
again after it; one whose deployment failed is deployed with that version. A campaign whose deployment or
update ends looks, too: a version that became ACTIVE in the meantime may not have seen that the campaign
follows.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.jobs.lifecycle import DEPLOY_CAMPAIGN, ROLL_OUT_CAMPAIGN, UPDATE_CAMPAIGN, begin
from openpersonalize.jobs.trainings import newest_version
from openpersonalize.storage.tables import CampaignRow, JobRow, SolutionVersionRow


def begin_update(
    session: Session,
    campaign: CampaignRow,
    *,
    version_arn: str,
    min_provisioned_tps: int,
    config: Mapping[str, Any] | None,
    now: float,
) -> None:
    """Begin an update of an ACTIVE campaign, which goes on serving as before until it has ended."""
    campaign.latest_update = {
        "solutionVersionArn": version_arn,
        "minProvisionedTPS": min_provisioned_tps,
        **({} if config is None else {"campaignConfig": config}),
        "creationDateTime": now,
    }
    begin(session, campaign, UPDATE_CAMPAIGN, now=now)


def announce(session: Session, solution_arn: str, *, now: float) -> None:
    """Let the campaigns that follow a solution look for its newest version."""
    query = select(CampaignRow).where(
        CampaignRow.solution_arn == solution_arn, ~CampaignRow.status.startswith("DELETE")
    )
    for campaign in session.scalars(query.with_for_update()):
        if follows(campaign.campaign_config):
            begin_look(session, campaign, now=now)


def look_if_behind(session: Session, campaign: CampaignRow, *, now: float) -> None:
    """Let a campaign that follows its solution look for a newer version, if there is one."""
    if follows(campaign.campaign_config) and _version_to_follow(session, campaign) is not None:
        begin_look(session, campaign, now=now)


def begin_look(session: Session, campaign: CampaignRow, *, now: float) -> None:
    """Begin a look for a newer version, after all that is under way for the campaign, unless one waits.

    One that waits sees what this transaction does: both lock the campaign.
    """
    of_campaign = JobRow.resource_arn == campaign.arn, JobRow.kind == ROLL_OUT_CAMPAIGN.kind
    waiting = select(JobRow.id).where(*of_campaign, JobRow.state == "queued").limit(1)
    if session.scalar(waiting) is not None:
        return
    changed_at = campaign.last_updated_date_time
    campaign.roll_out = {"creationDateTime": now}
    begin(session, campaign, ROLL_OUT_CAMPAIGN, now=now)
    campaign.last_updated_date_time = changed_at  # looking changes nothing


def roll_out(session: Session, campaign: CampaignRow, *, now: float) -> None:
    """Begin the update of a campaign to the newest version, if it follows its solution and is behind."""
    if campaign.status not in ("ACTIVE", "CREATE FAILED") or not follows(campaign.campaign_config):
        return
    if (campaign.latest_update or {}).get("status", "").endswith(("PENDING", "IN_PROGRESS")):
        begin_look(session, campaign, now=now)
        return
    version = _version_to_follow(session, campaign)
    if version is None:
        return
    if campaign.status == "ACTIVE":
        begin_update(
            session,
            campaign,
            version_arn=version.arn,
            min_provisioned_tps=campaign.min_provisioned_tps,
            config=campaign.campaign_config,
            now=now,
        )
    else:
        # Nothing serves: the deployment that failed is tried again with what has come since.
        campaign.solution_version_arn = version.arn
        begin(session, campaign, DEPLOY_CAMPAIGN, now=now)


def follows(config: Mapping[str, Any] | None) -> bool:
    """Whether a campaign with this config gets every new version of its solution."""
    return bool((config or {}).get("syncWithLatestSolutionVersion"))


def _version_to_follow(session: Session, campaign: CampaignRow) -> SolutionVersionRow | None:
    """The newest ACTIVE version of the campaign's solution; None where it serves already."""
    version = newest_version(session, campaign.solution_arn, SolutionVersionRow.status == "ACTIVE")
    return None if version is None or version.arn == campaign.solution_version_arn else version
