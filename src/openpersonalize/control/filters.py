"""Filters: expressions that choose which items a request may answer."""

from typing import Annotated

from pydantic import Field
from sqlalchemy import select

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
from openpersonalize.domain.limits import MOST_FILTERS, MOST_GROUP_FILTER_COLUMNS
from openpersonalize.errors import InvalidInputException, LimitExceededException
from openpersonalize.filters.checking import Schemas, check, columns_of
from openpersonalize.filters.parser import parse
from openpersonalize.filters.tokens import FilterError
from openpersonalize.jobs.lifecycle import CREATE_FILTER, DELETE_FILTER
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, Shape, Text
from openpersonalize.storage import records
from openpersonalize.storage.group_schemas import group_schemas
from openpersonalize.storage.tables import BatchInferenceJobRow, BatchSegmentJobRow, FilterRow

operations = Operations()


FilterExpression = Annotated[str, Text(1, 2500, sensitive=True)]


class CreateFilterRequest(Shape):
    name: Name
    dataset_group_arn: Arn
    filter_expression: FilterExpression
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
    """Create a filter for the recommendations of a dataset group; a wrong expression is refused at once."""
    group = DATASET_GROUP.get_for_child(context, request.dataset_group_arn)
    if group.status != "ACTIVE":
        # The only Create whose model has no ResourceInUseException.
        raise InvalidInputException(
            f"The dataset group is not ACTIVE but in state {group.status}: {group.arn}. Wait until it is."
        )
    columns = columns_of(check(parse(request.filter_expression), group_schemas(context.session, group.arn)))
    arn = context.arn("filter", request.name)
    refuse_taken(context, FilterRow, arn)
    keep_to_most_objects(context, MOST_FILTERS, FilterRow, FilterRow.dataset_group_arn == group.arn)
    _keep_to_most_columns(context, group.arn, columns)
    row = FilterRow(
        **identity(context, arn, request.name),
        dataset_group_arn=group.arn,
        filter_expression=request.filter_expression,
    )
    start(context, row, CREATE_FILTER)
    keep_tags(context, arn, request.tags)
    return CreateFilterResponse(filter_arn=arn)


def _keep_to_most_columns(context: Context, group_arn: str, columns: frozenset[str]) -> None:
    """Raise LimitExceededException when the group's filters and one of these columns name too many."""
    if not context.stores.limits.amounts:
        return
    schemas = group_schemas(context.session, group_arn)
    query = select(FilterRow.filter_expression).where(
        FilterRow.dataset_group_arn == group_arn, ~FilterRow.status.endswith("FAILED")
    )
    named = [_columns(text, schemas) for text in context.session.scalars(query)]
    n_columns = len(columns.union(*named))
    if n_columns > MOST_GROUP_FILTER_COLUMNS:
        raise LimitExceededException(
            f"The filters of the dataset group would name {n_columns} columns, and may name "
            f"{MOST_GROUP_FILTER_COLUMNS}: delete filters whose columns you don't need."
        )


def _columns(expression: str, schemas: Schemas) -> frozenset[str]:
    """The columns that a filter of the group names; none where a dataset that it needs is gone."""
    try:
        return columns_of(check(parse(expression), schemas))
    except FilterError:
        return frozenset()


def _prepare_deletion(context: Context, row: FilterRow) -> None:
    _refuse_in_use(context, row)
    # No request may use it from now on.
    records.bump(context.session, records.FILTERS)


def _refuse_in_use(context: Context, row: FilterRow) -> None:
    for table, words in (
        (BatchInferenceJobRow, "batch inference job"),
        (BatchSegmentJobRow, "batch segment job"),
    ):
        under_way = table.status.in_(UNDER_WAY)
        refuse_dependants(context, row, table, words, table.filter_arn == row.arn, under_way)


describe(operations, "DescribeFilter", FILTER)
list_(operations, "ListFilters", FILTER)
delete(operations, "DeleteFilter", FILTER, DELETE_FILTER, prepare=_prepare_deletion)
