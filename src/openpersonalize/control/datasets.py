"""Datasets: one of each type in a dataset group."""

import uuid
from typing import Annotated, cast

from pydantic import Field
from sqlalchemy import or_

from openpersonalize.control.context import Context
from openpersonalize.control.dataset_groups import DATASET_GROUP
from openpersonalize.control.resource import (
    UNDER_WAY,
    Resource,
    active_parent,
    delete,
    describe,
    identity,
    list_,
    refuse_dependants,
    refuse_taken,
    require_active,
    start,
)
from openpersonalize.control.schemas import SCHEMA
from openpersonalize.control.tags import Tags, keep_tags
from openpersonalize.domain.datasets import DatasetType, dataset_type_of, rules_of
from openpersonalize.domain.schemas import check_fits, check_replaces, parse_schema
from openpersonalize.errors import InvalidInputException
from openpersonalize.jobs.lifecycle import CREATE_DATASET, DELETE_DATASET, UPDATE, UPDATE_DATASET
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, Shape, Text
from openpersonalize.storage.tables import (
    DatasetGroupRow,
    DatasetImportJobRow,
    DatasetRow,
    RecommenderRow,
    SchemaRow,
    SolutionVersionRow,
)

operations = Operations()


class CreateDatasetRequest(Shape):
    name: Name
    schema_arn: Arn
    dataset_group_arn: Arn
    dataset_type: Annotated[str, Text(max_length=256, pattern=r"^[A-Za-z_]+$")]
    tags: Tags | None = None


class CreateDatasetResponse(Shape):
    dataset_arn: str


class UpdateDatasetRequest(Shape):
    dataset_arn: Arn
    schema_arn: Arn


class UpdateDatasetResponse(Shape):
    dataset_arn: str


class DatasetSummary(Shape):
    name: str
    dataset_arn: str = Field(validation_alias="arn")
    dataset_type: str
    status: str
    creation_date_time: float
    last_updated_date_time: float


class DatasetUpdateSummary(Shape):
    schema_arn: str | None = None
    status: str | None = None
    failure_reason: str | None = None
    creation_date_time: float | None = None
    last_updated_date_time: float | None = None


class Dataset(DatasetSummary):
    dataset_group_arn: str
    schema_arn: str
    latest_dataset_update: DatasetUpdateSummary | None = None
    tracking_id: str | None = None


def _to_full(row: DatasetRow, context: Context) -> Shape:
    return Dataset(
        **DatasetSummary.model_validate(row).model_dump(),
        dataset_group_arn=row.dataset_group_arn,
        schema_arn=row.schema_arn,
        latest_dataset_update=_newest_update(row),
        tracking_id=row.tracking_id,
    )


def _newest_update(row: DatasetRow) -> DatasetUpdateSummary | None:
    """The newest update; while it is under way, and when it failed, the dataset's own words are its."""
    if row.latest_update is None:
        return None
    update = dict(row.latest_update)
    if update["status"] != UPDATE.done:
        is_over = row.status not in (UPDATE.pending, UPDATE.running)
        update["status"] = "CREATE FAILED" if is_over else row.status
        update["failureReason"] = row.failure_reason
        update["lastUpdatedDateTime"] = row.last_updated_date_time
    return DatasetUpdateSummary.model_validate(update)


DATASET = Resource(
    noun="dataset",
    words="dataset",
    table=DatasetRow,
    full=Dataset,
    summary=DatasetSummary,
    parent="dataset_group_arn",
    to_full=_to_full,
)


@operations.handles("CreateDataset")
def create_dataset(request: CreateDatasetRequest, context: Context) -> CreateDatasetResponse:
    """Create an empty dataset of a type that the group has no dataset of."""
    group = active_parent(context, DATASET_GROUP, request.dataset_group_arn)
    schema = SCHEMA.get_for_child(context, request.schema_arn)
    dataset_type = _checked_type(request.dataset_type, group, schema)
    arn = context.arn("dataset", group.name, dataset_type)
    refuse_taken(context, DatasetRow, arn)
    row = DatasetRow(
        **identity(context, arn, request.name),
        dataset_group_arn=group.arn,
        dataset_type=dataset_type,
        schema_arn=schema.arn,
        tracking_id=str(uuid.uuid4()) if dataset_type == "ACTION_INTERACTIONS" else None,
    )
    start(context, row, CREATE_DATASET)
    keep_tags(context, arn, request.tags)
    return CreateDatasetResponse(dataset_arn=arn)


def _checked_type(text: str, group: DatasetGroupRow, schema: SchemaRow) -> DatasetType:
    """The type that a text names. Raises InvalidInputException when group or schema don't fit it."""
    dataset_type = dataset_type_of(text)
    if dataset_type is None:
        raise InvalidInputException(
            f"The datasetType is {text!r}: use Interactions, Items, Users, Actions or Action_Interactions."
        )
    if rules_of(dataset_type, group.domain) is None:
        raise InvalidInputException(
            f"A dataset group of domain {group.domain} has no {dataset_type} datasets: "
            "use a dataset group without a domain."
        )
    if schema.domain != group.domain:
        raise InvalidInputException(
            f"The schema's domain is {schema.domain or 'none'}, the dataset group's is "
            f"{group.domain or 'none'}: use a schema of the group's domain."
        )
    check_fits(parse_schema(schema.schema, schema.domain), dataset_type)
    return dataset_type


REPLACEABLE = ("ITEMS", "USERS")
"""Types of datasets whose schema can be replaced."""


@operations.handles("UpdateDataset")
def update_dataset(request: UpdateDatasetRequest, context: Context) -> UpdateDatasetResponse:
    """Replace a dataset's schema by one with more fields; rows that are there have no values of these."""
    row = DATASET.get_to_change(context, request.dataset_arn)
    schema = SCHEMA.get_for_child(context, request.schema_arn)
    if row.dataset_type not in REPLACEABLE:
        raise InvalidInputException(
            f"{row.arn} is a dataset of {row.dataset_type}: only the schemas of Items and Users can be "
            "replaced."
        )
    old = SCHEMA.get(context, row.schema_arn)
    if schema.domain != old.domain:
        raise InvalidInputException(
            f"The schema's domain is {schema.domain or 'none'}, the dataset's is {old.domain or 'none'}: "
            "use a schema of the same domain."
        )
    require_active(row, DATASET)
    new = parse_schema(schema.schema, schema.domain)
    check_fits(new, cast(DatasetType, row.dataset_type))
    check_replaces(new.columns, parse_schema(old.schema, old.domain).columns)
    _refuse_imports(context, row)
    row.latest_update = {
        "schemaArn": schema.arn,
        "status": UPDATE.pending,
        "creationDateTime": context.stores.clock(),
    }
    start(context, row, UPDATE_DATASET)
    return UpdateDatasetResponse(dataset_arn=row.arn)


def _refuse_imports(context: Context, row: DatasetRow) -> None:
    refuse_dependants(
        context,
        row,
        DatasetImportJobRow,
        "dataset import job",
        DatasetImportJobRow.dataset_arn == row.arn,
        DatasetImportJobRow.status.in_(UNDER_WAY),
    )


_IS_TRAINING = or_(
    RecommenderRow.status.in_(UNDER_WAY),
    *(
        sub_record["status"].as_string().in_(UNDER_WAY)
        for sub_record in (RecommenderRow.latest_update, RecommenderRow.retraining)
    ),
)
"""Whether a recommender trains, or may in its update."""


def _refuse_in_use(context: Context, row: DatasetRow) -> None:
    _refuse_imports(context, row)
    for table, words, is_training in (
        (SolutionVersionRow, "solution version", SolutionVersionRow.status.in_(UNDER_WAY)),
        (RecommenderRow, "recommender", _IS_TRAINING),
    ):
        of_group = table.dataset_group_arn == row.dataset_group_arn
        refuse_dependants(context, row, table, words, of_group, is_training)


describe(operations, "DescribeDataset", DATASET)
list_(operations, "ListDatasets", DATASET)
delete(operations, "DeleteDataset", DATASET, DELETE_DATASET, prepare=_refuse_in_use)
