"""Batch segment jobs: the users who would like each item, or combination of attributes, of a file."""

from pydantic import Field

from openpersonalize.control.batch_jobs import (
    CreateBatchJobRequest,
    JobInput,
    JobOutput,
    active_model,
    common_columns,
    filter_tree,
)
from openpersonalize.control.context import Context
from openpersonalize.control.quotas import keep_to_most_running
from openpersonalize.control.resource import Resource, describe, identity, list_, refuse_taken, start
from openpersonalize.control.tags import keep_tags
from openpersonalize.domain.limits import MOST_BATCH_SEGMENTS, MOST_SEGMENT_USERS
from openpersonalize.errors import InvalidInputException
from openpersonalize.jobs.lifecycle import SEGMENT_BATCH
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Shape
from openpersonalize.recipes.recipe import USER_SEGMENTATION
from openpersonalize.storage.tables import BatchSegmentJobRow

operations = Operations()


class CreateBatchSegmentJobRequest(CreateBatchJobRequest):
    """Nothing beside the common members."""


class CreateBatchSegmentJobResponse(Shape):
    batch_segment_job_arn: str


class BatchSegmentJobSummary(Shape):
    batch_segment_job_arn: str = Field(validation_alias="arn")
    job_name: str = Field(validation_alias="name")
    status: str
    creation_date_time: float
    last_updated_date_time: float
    failure_reason: str | None = None
    solution_version_arn: str


class BatchSegmentJob(BatchSegmentJobSummary):
    filter_arn: str | None = None
    num_results: int | None = None
    job_input: JobInput
    job_output: JobOutput
    role_arn: str


BATCH_SEGMENT_JOB = Resource(
    noun="batch_segment_job",
    words="batch segment job",
    table=BatchSegmentJobRow,
    full=BatchSegmentJob,
    summary=BatchSegmentJobSummary,
    parent="solution_version_arn",
)


@operations.handles("CreateBatchSegmentJob")
def create_batch_segment_job(
    request: CreateBatchSegmentJobRequest, context: Context
) -> CreateBatchSegmentJobResponse:
    """Make a segment of users for each line of a file."""
    model = active_model(context, request.solution_version_arn)
    if model.recipe.recipe_type != USER_SEGMENTATION:
        raise InvalidInputException(
            f"{model.version.arn} is of {model.recipe.name}, which makes no segments of users: use a version "
            "of aws-item-affinity or aws-item-attribute-affinity, or create a batch inference job."
        )
    columns = common_columns(
        context, request, model.version, most_results=MOST_SEGMENT_USERS, target="UserID"
    )
    if request.filter_arn is not None and model.recipe.name == "aws-item-attribute-affinity":
        _refuse_events(context, request.filter_arn)
    arn = context.arn("batch-segment-job", request.job_name)
    refuse_taken(context, BatchSegmentJobRow, arn)
    keep_to_most_running(context, MOST_BATCH_SEGMENTS, BatchSegmentJobRow)
    start(context, BatchSegmentJobRow(**identity(context, arn, request.job_name), **columns), SEGMENT_BATCH)
    keep_tags(context, arn, request.tags)
    return CreateBatchSegmentJobResponse(batch_segment_job_arn=arn)


def _refuse_events(context: Context, arn: str) -> None:
    if any(expression.is_of_events for expression in filter_tree(context, arn).expressions):
        raise InvalidInputException(
            f"The filter looks at interactions, which aws-item-attribute-affinity cannot: {arn}. Use one "
            "whose expressions name columns of Users."
        )


describe(operations, "DescribeBatchSegmentJob", BATCH_SEGMENT_JOB)
list_(operations, "ListBatchSegmentJobs", BATCH_SEGMENT_JOB)
