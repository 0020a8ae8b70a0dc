"""Filters: expressions that choose which items a request may answer."""

from typing import Annotated

from pydantic import Field

from openpersonalize.control.context import Context
from openpersonalize.control.dataset_groups import DATASET_GROUP
from openpersonalize.control.quotas import keep_to_most_objects
from openpersonalize.control.resource import (
    UNDER_WAY,
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
from openpersonalize.domain.limits import MOST_FILTERS
from openpersonalize.errors import InvalidInputException
from openpersonalize.jobs.lifecycle import CREATE_FILTER, DELETE_FILTER
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, Shape, Text
from openpersonalize.storage.tables import BatchInferenceJobRow, BatchSegmentJobRow, FilterRow

operations = Operations()


class CreateFilterRequest(Shape):
    name: Name
    dataset_group_arn: Arn
    filter_expression: Annotated[str, Text(1, 2500, sensitive=True)]
    tags: Tags | None = None


class CreateFilterResponse(Shape):
    filter_arn: str


class FilterSummary(Shape):
    name: str
    filter_arn: str = Field(validation_alias="arn")
    creation_date_time: float
    last_updated_date_time: float
    dataset_group_arn: str
    failure_reason: str | None = None
    status: str


class Filter(FilterSummary):
    filter_expression: str


FILTER = Resource(
    noun="filter",
    words="filter",
    table=FilterRow,
    full=Filter,
    summary=FilterSummary,
    parent="dataset_group_arn",
)


@operations.handles("CreateFilter")
def create_filter(request: CreateFilterRequest, context: Context) -> CreateFilterResponse:
    """Create a filter for the recommendations of a dataset group."""
    group = DATASET_GROUP.get_for_child(context, request.dataset_group_arn)
    if group.status != "ACTIVE":
        # The only Create whose model has no ResourceInUseException.
        raise InvalidInputException(
            f"The dataset group is not ACTIVE but in state {group.status}: {group.arn}. Wait until it is."
        )
    arn = context.arn("filter", request.name)
    refuse_taken(context, FilterRow, arn)
    keep_to_most_objects(context, MOST_FILTERS, FilterRow, FilterRow.dataset_group_arn == group.arn)
    row = FilterRow(
        **identity(context, arn, request.name),
        dataset_group_arn=group.arn,
        filter_expression=request.filter_expression,
    )
    start(context, row, CREATE_FILTER)
    keep_tags(context, arn, request.tags)
    return CreateFilterResponse(filter_arn=arn)


def _refuse_in_use(context: Context, row: FilterRow) -> None:
    for table, words in (
        (BatchInferenceJobRow, "batch inference job"),
        (BatchSegmentJobRow, "batch segment job"),
    ):
        under_way = table.status.in_(UNDER_WAY)
        refuse_dependants(context, row, table, words, table.filter_arn == row.arn, under_way)


describe(operations, "DescribeFilter", FILTER)
list_(operations, "ListFilters", FILTER)
delete(operations, "DeleteFilter", FILTER, DELETE_FILTER, prepare=_refuse_in_use)
