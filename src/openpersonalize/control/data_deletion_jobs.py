"""Data deletion jobs: all that a dataset group holds of given users, erased."""

from pydantic import Field

from openpersonalize.control.context import Context
from openpersonalize.control.dataset_groups import DATASET_GROUP
from openpersonalize.control.dataset_import_jobs import DataSource
from openpersonalize.control.locations import check_location
from openpersonalize.control.quotas import keep_to_most_running
from openpersonalize.control.resource import (
    Resource,
    active_parent,
    describe,
    identity,
    list_,
    refuse_taken,
    start,
)
from openpersonalize.control.tags import Tags, keep_tags
from openpersonalize.domain.limits import MOST_PENDING_DELETIONS
from openpersonalize.errors import InvalidInputException
from openpersonalize.jobs.lifecycle import DELETE_DATA
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, RoleArn, Shape
from openpersonalize.storage.tables import DataDeletionJobRow

operations = Operations()


class CreateDataDeletionJobRequest(Shape):
    job_name: Name
    dataset_group_arn: Arn
    data_source: DataSource
    role_arn: RoleArn
    tags: Tags | None = None


class CreateDataDeletionJobResponse(Shape):
    data_deletion_job_arn: str


class DataDeletionJobSummary(Shape):
    data_deletion_job_arn: str = Field(validation_alias="arn")
    dataset_group_arn: str
    job_name: str = Field(validation_alias="name")
    status: str
    creation_date_time: float
    last_updated_date_time: float
    failure_reason: str | None = None


class DataDeletionJob(DataDeletionJobSummary):
    data_source: DataSource
    role_arn: str
    num_deleted: int | None = None


def _to_full(row: DataDeletionJobRow, context: Context) -> Shape:
    return DataDeletionJob(
        data_deletion_job_arn=row.arn,
        dataset_group_arn=row.dataset_group_arn,
        job_name=row.name,
        status=row.status,
        creation_date_time=row.creation_date_time,
        last_updated_date_time=row.last_updated_date_time,
        failure_reason=row.failure_reason,
        data_source=DataSource(data_location=row.data_location),
        role_arn=row.role_arn,
        num_deleted=row.num_deleted,
    )


DATA_DELETION_JOB = Resource(
    noun="data_deletion_job",
    words="data deletion job",
    table=DataDeletionJobRow,
    full=DataDeletionJob,
    summary=DataDeletionJobSummary,
    parent="dataset_group_arn",
    to_full=_to_full,
)


@operations.handles("CreateDataDeletionJob")
def create_data_deletion_job(
    request: CreateDataDeletionJobRequest, context: Context
) -> CreateDataDeletionJobResponse:
    """Delete from all datasets of a dataset group what they hold of the users that CSV files name."""
    location = request.data_source.data_location
    if location is None:
        raise InvalidInputException(
            "dataSource.dataLocation is missing: name a CSV file of user ids (s3://bucket/path/file.csv) "
            "or a folder (s3://bucket/folder/)."
        )
    check_location(location, "dataSource.dataLocation")
    group = active_parent(context, DATASET_GROUP, request.dataset_group_arn)
    arn = context.arn("data-deletion-job", request.job_name)
    refuse_taken(context, DataDeletionJobRow, arn)
    of_group = DataDeletionJobRow.dataset_group_arn == group.arn
    is_pending = DataDeletionJobRow.status == DELETE_DATA.phase.pending
    keep_to_most_running(context, MOST_PENDING_DELETIONS, DataDeletionJobRow, of_group, is_pending)
    row = DataDeletionJobRow(
        **identity(context, arn, request.job_name),
        dataset_group_arn=group.arn,
        data_location=location,
        role_arn=request.role_arn,
    )
    start(context, row, DELETE_DATA)
    keep_tags(context, arn, request.tags)
    return CreateDataDeletionJobResponse(data_deletion_job_arn=arn)


describe(operations, "DescribeDataDeletionJob", DATA_DELETION_JOB)
list_(operations, "ListDataDeletionJobs", DATA_DELETION_JOB, newest_first=True)
