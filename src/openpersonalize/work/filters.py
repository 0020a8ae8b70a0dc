"""The jobs of filters: one becomes usable when what requests read for it is there."""

from sqlalchemy.orm import Session

from openpersonalize.errors import JobError
from openpersonalize.filters.checking import check, columns_of
from openpersonalize.filters.parser import parse
from openpersonalize.filters.tokens import FilterError
from openpersonalize.jobs.worker import Publish, RunningJob
from openpersonalize.storage import records
from openpersonalize.storage.group_schemas import group_schemas
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import FilterRow
from openpersonalize.work.indexing import ensure_indexes


def create_filter(job: RunningJob, stores: Stores) -> Publish:
    """Make the indexes of the datasets that a filter names, where they are missing."""
    with stores.database.read() as session:
        row = records.named(session, FilterRow, job.resource_arn)
        schemas = group_schemas(session, row.dataset_group_arn)
    try:
        columns = columns_of(check(parse(row.filter_expression), schemas))
    except FilterError as error:
        # It was right when it was created: a dataset that it names has gone since.
        raise JobError(error.message) from None
    types = sorted({column.partition(".")[0] for column in columns})
    publish_indexes = ensure_indexes(job, stores, row.dataset_group_arn, types)

    def publish(session: Session) -> None:
        publish_indexes(session)
        records.bump(session, records.FILTERS)

    return publish
