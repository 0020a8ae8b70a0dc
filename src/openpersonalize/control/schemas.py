"""Schemas: immutable Avro texts that say what a dataset's columns are."""

from typing import Annotated

from pydantic import Field
from sqlalchemy import select

from openpersonalize.control.context import Context
from openpersonalize.control.dataset_groups import Domain
from openpersonalize.control.quotas import keep_to_most_objects
from openpersonalize.control.resource import (
    Resource,
    describe,
    identity,
    list_,
    refuse_dependants,
    refuse_taken,
)
from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.domain.datasets import DatasetType
from openpersonalize.domain.limits import MOST_SCHEMAS
from openpersonalize.domain.schemas import parse_schema
from openpersonalize.jobs.lifecycle import UPDATE
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, Shape, Text
from openpersonalize.storage.tables import DatasetRow, SchemaRow

operations = Operations()


class CreateSchemaRequest(Shape):
    name: Name
    schema_: Annotated[str, Text(max_length=20_000)]
    domain: Domain | None = None


class CreateSchemaResponse(Shape):
    schema_arn: str


class DatasetSchemaSummary(Shape):
    name: str
    schema_arn: str = Field(validation_alias="arn")
    creation_date_time: float
    last_updated_date_time: float
    domain: str | None = None


class DatasetSchema(DatasetSchemaSummary):
    schema_: str


class DeleteSchemaRequest(Shape):
    schema_arn: Arn


SCHEMA = Resource(
    noun="schema",
    words="schema",
    table=SchemaRow,
    full=DatasetSchema,
    summary=DatasetSchemaSummary,
    missing="Resource Arn {arn} does not exist.",
)


@operations.handles("CreateSchema")
def create_schema(request: CreateSchemaRequest, context: Context) -> CreateSchemaResponse:
    """Create a schema, after checking its text against all rules of its dataset type."""
    parse_schema(request.schema_, request.domain)
    arn = context.arn("schema", request.name)
    refuse_taken(context, SchemaRow, arn)
    keep_to_most_objects(context, MOST_SCHEMAS, SchemaRow)
    context.session.add(
        SchemaRow(**identity(context, arn, request.name), schema=request.schema_, domain=request.domain)
    )
    return CreateSchemaResponse(schema_arn=arn)


@operations.handles("DeleteSchema")
def delete_schema(request: DeleteSchemaRequest, context: Context) -> None:
    """Delete a schema that no dataset uses."""
    row = SCHEMA.get_to_change(context, request.schema_arn)
    uses = DatasetRow.schema_arn == row.arn
    is_to_use = DatasetRow.latest_update["schemaArn"].as_string() == row.arn
    being_updated = DatasetRow.status.in_((UPDATE.pending, UPDATE.running))
    refuse_dependants(context, row, DatasetRow, "dataset", uses | (is_to_use & being_updated))
    context.session.delete(row)


def columns_of(context: Context, group_arn: str, dataset_type: DatasetType) -> DatasetColumns | None:
    """The columns of a dataset group's dataset of a type, None where it has no such dataset."""
    of_dataset = (DatasetRow.dataset_group_arn == group_arn, DatasetRow.dataset_type == dataset_type)
    query = select(SchemaRow).join(DatasetRow, DatasetRow.schema_arn == SchemaRow.arn).where(*of_dataset)
    row = context.session.scalar(query)
    return None if row is None else parse_schema(row.schema, row.domain).columns


describe(operations, "DescribeSchema", SCHEMA)
list_(operations, "ListSchemas", SCHEMA)
