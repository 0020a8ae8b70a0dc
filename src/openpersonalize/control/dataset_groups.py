"""Dataset groups: the roof over datasets, trackers, solutions and campaigns."""

from typing import Annotated

from pydantic import Field

from openpersonalize.control.context import Context
from openpersonalize.control.quotas import keep_to_most_objects
from openpersonalize.control.resource import (
    Resource,
    delete,
    describe,
    identity,
    list_,
    refuse_dependants,
    refuse_taken,
    start,
)
from openpersonalize.control.tags import Tags, keep_tags
from openpersonalize.domain.datasets import DOMAINS
from openpersonalize.domain.limits import MOST_DATASET_GROUPS
from openpersonalize.errors import InvalidInputException
from openpersonalize.jobs.lifecycle import CREATE_DATASET_GROUP, DELETE_DATASET_GROUP
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import KmsKeyArn, Name, RoleArn, Shape, Text
from openpersonalize.storage.tables import (
    DatasetGroupRow,
    DatasetRow,
    EventTrackerRow,
    FilterRow,
    MetricAttributionRow,
    RecommenderRow,
    SolutionRow,
)

operations = Operations()

Domain = Annotated[str, Text(values=DOMAINS)]


class CreateDatasetGroupRequest(Shape):
    name: Name
    role_arn: RoleArn | None = None
    kms_key_arn: KmsKeyArn | None = None
    domain: Domain | None = None
    tags: Tags | None = None


class CreateDatasetGroupResponse(Shape):
    dataset_group_arn: str
    domain: str | None = None


class DatasetGroupSummary(Shape):
    name: str
    dataset_group_arn: str = Field(validation_alias="arn")
    status: str
    creation_date_time: float
    last_updated_date_time: float
    failure_reason: str | None = None
    domain: str | None = None


class DatasetGroup(DatasetGroupSummary):
    role_arn: str | None = None
    kms_key_arn: str | None = None


DATASET_GROUP = Resource(
    noun="dataset_group",
    words="dataset group",
    table=DatasetGroupRow,
    full=DatasetGroup,
    summary=DatasetGroupSummary,
)


@operations.handles("CreateDatasetGroup")
def create_dataset_group(request: CreateDatasetGroupRequest, context: Context) -> CreateDatasetGroupResponse:
    """Create a dataset group, custom or of a domain."""
    if (request.role_arn is None) != (request.kms_key_arn is None):
        given, absent = ("roleArn", "kmsKeyArn") if request.role_arn else ("kmsKeyArn", "roleArn")
        raise InvalidInputException(f"{given} is given without {absent}: give both, or neither.")
    arn = context.arn("dataset-group", request.name)
    refuse_taken(context, DatasetGroupRow, arn)
    keep_to_most_objects(context, MOST_DATASET_GROUPS, DatasetGroupRow)
    row = DatasetGroupRow(
        **identity(context, arn, request.name),
        domain=request.domain,
        role_arn=request.role_arn,
        kms_key_arn=request.kms_key_arn,
    )
    start(context, row, CREATE_DATASET_GROUP)
    keep_tags(context, arn, request.tags)
    return CreateDatasetGroupResponse(dataset_group_arn=arn, domain=request.domain)


def _refuse_in_use(context: Context, row: DatasetGroupRow) -> None:
    for table, words in (
        (EventTrackerRow, "event tracker"),
        (MetricAttributionRow, "metric attribution"),
        (FilterRow, "filter"),
        (RecommenderRow, "recommender"),
        (SolutionRow, "solution"),
        (DatasetRow, "dataset"),
    ):
        refuse_dependants(context, row, table, words, table.dataset_group_arn == row.arn)


describe(operations, "DescribeDatasetGroup", DATASET_GROUP)
list_(operations, "ListDatasetGroups", DATASET_GROUP)
delete(operations, "DeleteDatasetGroup", DATASET_GROUP, DELETE_DATASET_GROUP, prepare=_refuse_in_use)
