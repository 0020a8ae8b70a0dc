"""The jobs of campaigns: they let the runtime serve a solution version's artifact."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.errors import JobError
from openpersonalize.jobs import rollouts
from openpersonalize.jobs.worker import Publish, RunningJob
from openpersonalize.storage import records
from openpersonalize.storage.artifacts import read_manifest
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import CampaignRow, SolutionVersionRow
from openpersonalize.work.indexing import ensure_indexes, gives_metadata


def deploy_campaign(job: RunningJob, stores: Stores) -> Publish:
    """Deploy a campaign's solution version."""
    with stores.database.read() as session:
        row = records.named(session, CampaignRow, job.resource_arn)
        version_arn, config = row.solution_version_arn, row.campaign_config
    _check_artifact(stores, version_arn)
    publish_indexes = _index_items(job, stores, version_arn, config)

    def publish(session: Session) -> None:
        publish_indexes(session)
        campaign = records.named(session, CampaignRow, job.resource_arn)
        campaign.artifact_id = _artifact_of(session, version_arn)
        records.bump(session, records.DEPLOYMENTS)
        rollouts.look_if_behind(session, campaign, now=stores.clock())

    return publish


def update_campaign(job: RunningJob, stores: Stores) -> Publish:
    """Put the settings of a campaign's newest update into force; until then the old ones serve."""
    with stores.database.read() as session:
        wanted = records.named(session, CampaignRow, job.resource_arn).latest_update or {}
    _check_artifact(stores, wanted["solutionVersionArn"])
    publish_indexes = _index_items(job, stores, wanted["solutionVersionArn"], wanted.get("campaignConfig"))

    def publish(session: Session) -> None:
        publish_indexes(session)
        campaign = records.named(session, CampaignRow, job.resource_arn)
        campaign.solution_version_arn = wanted["solutionVersionArn"]
        campaign.min_provisioned_tps = wanted["minProvisionedTPS"]
        campaign.campaign_config = wanted.get("campaignConfig")
        campaign.artifact_id = _artifact_of(session, wanted["solutionVersionArn"])
        campaign.last_updated_date_time = stores.clock()
        records.bump(session, records.DEPLOYMENTS)
        rollouts.look_if_behind(session, campaign, now=stores.clock())

    return publish


def roll_out_campaign(job: RunningJob, stores: Stores) -> Publish:
    """Begin the update of a campaign that is to serve the newest version of its solution."""

    def publish(session: Session) -> None:
        campaign = records.named(session, CampaignRow, job.resource_arn)
        # A client may be asking for an update at this moment.
        session.refresh(campaign, with_for_update=True)
        rollouts.roll_out(session, campaign, now=stores.clock())

    return publish


def _index_items(
    job: RunningJob, stores: Stores, version_arn: str, config: Mapping[str, Any] | None
) -> Publish:
    """Make the index that answers with metadata need; return what publishes it."""
    with stores.database.read() as session:
        group_arn = records.named(session, SolutionVersionRow, version_arn).dataset_group_arn
    return ensure_indexes(job, stores, group_arn, ("ITEMS",) if gives_metadata(config) else ())


def _check_artifact(stores: Stores, version_arn: str) -> None:
    """Raise JobError when a version has no model, and CorruptArtifactError when it cannot be read."""
    with stores.database.read() as session:
        artifact_id = _artifact_of(session, version_arn)
    read_manifest(stores.artifacts / artifact_id)


def _artifact_of(session: Session, version_arn: str) -> str:
    """The artifact of a version, which stays it until the transaction ends. Raises JobError."""
    query = select(SolutionVersionRow.artifact_id).where(SolutionVersionRow.arn == version_arn)
    artifact_id = session.scalar(query.with_for_update(read=True))
    if artifact_id is None:
        raise JobError(
            f"The solution version {version_arn} has no trained model any more: use another version."
        )
    return artifact_id
