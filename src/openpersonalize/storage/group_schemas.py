"""The schemas of a dataset group's datasets, by which its filters are checked."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.domain.schemas import parse_schema
from openpersonalize.storage.tables import DatasetRow, SchemaRow


def group_schemas(session: Session, group_arn: str) -> Mapping[str, DatasetColumns]:
    """The columns of the datasets that a group has, by dataset type; not of those being made or deleted."""
    query = (
        select(DatasetRow.dataset_type, SchemaRow.schema, SchemaRow.domain)
        .join(SchemaRow, DatasetRow.schema_arn == SchemaRow.arn)
        .where(
            DatasetRow.dataset_group_arn == group_arn,
            ~DatasetRow.status.startswith("CREATE"),
            ~DatasetRow.status.startswith("DELETE"),
        )
    )
    return {
        dataset_type: parse_schema(text, domain).columns
        for dataset_type, text, domain in session.execute(query)
    }
