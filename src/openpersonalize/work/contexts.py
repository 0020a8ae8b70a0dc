"""The contextual columns of a dataset group's interactions, and their values in streamed events."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.domain.columns import ColumnType
from openpersonalize.domain.datasets import contextual
from openpersonalize.domain.schemas import parse_schema
from openpersonalize.storage.tables import DatasetRow, SchemaRow

_CATEGORIES: frozenset[ColumnType] = frozenset({"string", "boolean", "int", "long"})
"""Types of which each value is a category; the others are numbers without steps."""


def contextual_columns(session: Session, dataset_group_arn: str) -> dict[str, bool]:
    """Return the contextual columns of a group's Interactions schema, and whether values are categories."""
    row = session.execute(
        select(SchemaRow.schema, SchemaRow.domain)
        .join(DatasetRow, DatasetRow.schema_arn == SchemaRow.arn)
        .where(DatasetRow.dataset_group_arn == dataset_group_arn, DatasetRow.dataset_type == "INTERACTIONS")
    ).first()
    if row is None:
        return {}
    columns = contextual(parse_schema(row.schema, row.domain).columns)
    return {column.name: column.type in _CATEGORIES for column in columns}


def streamed_values(properties: Sequence[str | None], contexts: Mapping[str, bool]) -> list[pl.Series]:
    """Return the texts of streamed events' contextual columns whose values are categories.

    They are those that polars makes of the same values in the Parquet files of an import.
    """
    names = [name for name, is_categories in contexts.items() if is_categories]
    texts: dict[str, list[str | None]] = {name: [None] * len(properties) for name in names}
    for event, text in enumerate(properties if names else ()):
        if text is None:
            continue
        document = msgspec.json.decode(text)
        for name in names:
            texts[name][event] = _text(document.get(name))
    return [pl.Series(name, texts[name], pl.String) for name in names]


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
