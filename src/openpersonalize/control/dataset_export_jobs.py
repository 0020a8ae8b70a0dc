"""Dataset export jobs: the rows of a dataset into CSV files of a bucket."""

from typing import Annotated

from pydantic import Field

from openpersonalize.control.context import Context
from openpersonalize.control.datasets import DATASET
from openpersonalize.control.locations import S3DataConfig, check_location
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
from openpersonalize.jobs.lifecycle import EXPORT_DATASET
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, RoleArn, Shape, Text
from openpersonalize.storage.tables import DatasetExportJobRow

operations = Operations()

IngestionMode = Annotated[str, Text(values=("BULK", "PUT", "ALL"))]


class DatasetExportJobOutput(Shape):
    s3_data_destination: S3DataConfig


class CreateDatasetExportJobRequest(Shape):
    job_name: Name
    dataset_arn: Arn
    ingestion_mode: IngestionMode | None = None
    role_arn: RoleArn
    job_output: DatasetExportJobOutput
    tags: Tags | None = None


class CreateDatasetExportJobResponse(Shape):
    dataset_export_job_arn: str


class DatasetExportJobSummary(Shape):
    dataset_export_job_arn: str = Field(validation_alias="arn")
    job_name: str = Field(validation_alias="name")
    status: str
    creation_date_time: float
    last_updated_date_time: float
    failure_reason: str | None = None


class DatasetExportJob(DatasetExportJobSummary):
    dataset_arn: str
    ingestion_mode: str
    role_arn: str
    job_output: DatasetExportJobOutput


DATASET_EXPORT_JOB = Resource(
    noun="dataset_export_job",
    words="dataset export job",
    table=DatasetExportJobRow,
    full=DatasetExportJob,
    summary=DatasetExportJobSummary,
    parent="dataset_arn",
)


@operations.handles("CreateDatasetExportJob")
def create_dataset_export_job(
    request: CreateDatasetExportJobRequest, context: Context
) -> CreateDatasetExportJobResponse:
    """Export the rows of a dataset: those imported, those put one by one, or all."""
    check_location(request.job_output.s3_data_destination.path, "jobOutput.s3DataDestination.path")
    dataset = active_parent(context, DATASET, request.dataset_arn)
    arn = context.arn("dataset-export-job", request.job_name)
    refuse_taken(context, DatasetExportJobRow, arn)
    row = DatasetExportJobRow(
        **identity(context, arn, request.job_name),
        dataset_arn=dataset.arn,
        ingestion_mode=request.ingestion_mode or "PUT",
        role_arn=request.role_arn,
        job_output=request.job_output.model_dump(by_alias=True, exclude_none=True),
    )
    start(context, row, EXPORT_DATASET)
    keep_tags(context, arn, request.tags)
    return CreateDatasetExportJobResponse(dataset_export_job_arn=arn)


describe(operations, "DescribeDatasetExportJob", DATASET_EXPORT_JOB)
list_(operations, "ListDatasetExportJobs", DATASET_EXPORT_JOB)
