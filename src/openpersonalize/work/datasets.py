"""The job of a dataset's update: the new schema holds for what arrives from now on."""

from sqlalchemy.orm import Session

from openpersonalize.jobs.indexes import renew_index
from openpersonalize.jobs.lifecycle import UPDATE
from openpersonalize.jobs.worker import Publish, RunningJob
from openpersonalize.storage import records
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import DatasetRow


def update_dataset(job: RunningJob, stores: Stores) -> Publish:
    """Give a dataset the schema of its newest update.

    Its generations stay as they are: a reader takes a column that a file has not for null.
    """

    def publish(session: Session) -> None:
        dataset = records.named(session, DatasetRow, job.resource_arn)
        session.refresh(dataset, with_for_update=True)
        update = dict(dataset.latest_update or {})
        dataset.schema_arn = update["schemaArn"]
        dataset.latest_update = update | {"status": UPDATE.done, "lastUpdatedDateTime": stores.clock()}
        renew_index(session, dataset, now=stores.clock())

    return publish
