"""Dataset import jobs: CSV files of a bucket into a dataset."""

from typing import Annotated

from pydantic import Field
from sqlalchemy import select

from openpersonalize.control.context import Context
from openpersonalize.control.datasets import DATASET
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
from openpersonalize.domain.limits import MOST_IMPORTS
from openpersonalize.errors import InvalidInputException, NotBuiltYet
from openpersonalize.jobs.lifecycle import IMPORT_DATASET
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, RoleArn, S3Location, Shape, Text
from openpersonalize.storage.objects import InvalidLocationError, split_location
from openpersonalize.storage.tables import DatasetImportJobRow, DatasetRow, GenerationRow

operations = Operations()

ImportMode = Annotated[str, Text(values=("FULL", "INCREMENTAL"))]


class DataSource(Shape):
    data_location: S3Location | None = None


class CreateDatasetImportJobRequest(Shape):
    job_name: Name
    dataset_arn: Arn
    data_source: DataSource
    role_arn: RoleArn | None = None
    tags: Tags | None = None
    import_mode: ImportMode | None = None
    publish_attribution_metrics_to_s3: bool | None = None


class CreateDatasetImportJobResponse(Shape):
    dataset_import_job_arn: str


class DatasetImportJobSummary(Shape):
    dataset_import_job_arn: str = Field(validation_alias="arn")
    job_name: str = Field(validation_alias="name")
    status: str
    creation_date_time: float
    last_updated_date_time: float
    failure_reason: str | None = None
    import_mode: str


class DatasetImportJob(DatasetImportJobSummary):
    dataset_arn: str
    data_source: DataSource
    role_arn: str | None = None
    publish_attribution_metrics_to_s3: bool


def _to_full(row: DatasetImportJobRow, context: Context) -> Shape:
    return DatasetImportJob(
        dataset_import_job_arn=row.arn,
        job_name=row.name,
        status=row.status,
        creation_date_time=row.creation_date_time,
        last_updated_date_time=row.last_updated_date_time,
        failure_reason=row.failure_reason,
        import_mode=row.import_mode,
        dataset_arn=row.dataset_arn,
        data_source=DataSource(data_location=row.data_location),
        role_arn=row.role_arn,
        publish_attribution_metrics_to_s3=row.publish_attribution_metrics_to_s3,
    )


DATASET_IMPORT_JOB = Resource(
    noun="dataset_import_job",
    words="dataset import job",
    table=DatasetImportJobRow,
    full=DatasetImportJob,
    summary=DatasetImportJobSummary,
    parent="dataset_arn",
    to_full=_to_full,
)


@operations.handles("CreateDatasetImportJob")
def create_dataset_import_job(
    request: CreateDatasetImportJobRequest, context: Context
) -> CreateDatasetImportJobResponse:
    """Import CSV files into a dataset."""
    location = _checked_location(request.data_source)
    if request.publish_attribution_metrics_to_s3:
        raise NotBuiltYet("publishAttributionMetricsToS3")
    dataset = active_parent(context, DATASET, request.dataset_arn)
    mode = request.import_mode or "FULL"
    if mode == "INCREMENTAL" and not _has_rows(context, dataset):
        raise InvalidInputException(
            f"importMode INCREMENTAL needs an earlier import that succeeded, and {dataset.arn} has none: "
            "import with importMode FULL first."
        )
    arn = context.arn("dataset-import-job", request.job_name)
    refuse_taken(context, DatasetImportJobRow, arn)
    keep_to_most_running(context, MOST_IMPORTS, DatasetImportJobRow)
    row = DatasetImportJobRow(
        **identity(context, arn, request.job_name),
        dataset_arn=dataset.arn,
        data_location=location,
        role_arn=request.role_arn,
        import_mode=mode,
        publish_attribution_metrics_to_s3=False,
    )
    start(context, row, IMPORT_DATASET)
    keep_tags(context, arn, request.tags)
    return CreateDatasetImportJobResponse(dataset_import_job_arn=arn)


def _checked_location(source: DataSource) -> str:
    """The location to read; whether anything is there, the job finds out."""
    if source.data_location is None:
        raise InvalidInputException(
            "dataSource.dataLocation is missing: name a file (s3://bucket/path/file.csv) or a folder "
            "(s3://bucket/folder/)."
        )
    try:
        split_location(source.data_location)
    except InvalidLocationError as error:
        raise InvalidInputException(str(error)) from None
    return source.data_location


def _has_rows(context: Context, dataset: DatasetRow) -> bool:
    imported = GenerationRow.mode.in_(("FULL", "INCREMENTAL"))
    query = select(GenerationRow.id).where(
        GenerationRow.dataset_id == dataset.id, GenerationRow.active, imported
    )
    return context.session.scalar(query.limit(1)) is not None


describe(operations, "DescribeDatasetImportJob", DATASET_IMPORT_JOB)
list_(operations, "ListDatasetImportJobs", DATASET_IMPORT_JOB)
