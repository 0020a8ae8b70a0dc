"""The job of metric attributions that changes something: an update puts in force what it asked for."""

from sqlalchemy.orm import Session

from openpersonalize.jobs.worker import Publish, RunningJob
from openpersonalize.storage import records
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import MetricAttributionRow


def update_metric_attribution(job: RunningJob, stores: Stores) -> Publish:
    """Give a metric attribution the metrics and the output that its update wants."""

    def publish(session: Session) -> None:
        row = records.named(session, MetricAttributionRow, job.resource_arn)
        wanted = row.wanted or {}
        row.metrics, row.metrics_output_config = wanted["metrics"], wanted["metricsOutputConfig"]
        row.wanted = None

    return publish
