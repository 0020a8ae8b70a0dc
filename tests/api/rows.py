"""Many resources at once, put into the tables as jobs would leave them: for tests of lists and quotas."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Float, Integer, LargeBinary, String, insert, inspect
from sqlalchemy.types import TypeEngine

from openpersonalize.storage.tables import (
    BatchInferenceJobRow,
    BatchSegmentJobRow,
    CampaignRow,
    DataDeletionJobRow,
    DatasetExportJobRow,
    DatasetGroupRow,
    DatasetImportJobRow,
    DatasetRow,
    EventTrackerRow,
    FilterRow,
    MetricAttributionRow,
    RecommenderRow,
    Resource,
    SchemaRow,
    SolutionRow,
    SolutionVersionRow,
)
from tests.world import World

KINDS: Mapping[type[Resource], str] = {
    DatasetGroupRow: "dataset-group",
    SchemaRow: "schema",
    DatasetRow: "dataset",
    DatasetImportJobRow: "dataset-import-job",
    DatasetExportJobRow: "dataset-export-job",
    DataDeletionJobRow: "data-deletion-job",
    EventTrackerRow: "event-tracker",
    SolutionRow: "solution",
    SolutionVersionRow: "solution",
    CampaignRow: "campaign",
    RecommenderRow: "recommender",
    FilterRow: "filter",
    MetricAttributionRow: "metric-attribution",
    BatchInferenceJobRow: "batch-inference-job",
    BatchSegmentJobRow: "batch-segment-job",
}
"""Every table of resources, parents before children, and the word in the ARNs of its rows."""

PARENTS: Mapping[str, type[Resource]] = {
    "dataset_group_arn": DatasetGroupRow,
    "schema_arn": SchemaRow,
    "dataset_arn": DatasetRow,
    "solution_arn": SolutionRow,
    "solution_version_arn": SolutionVersionRow,
}
VALUES = {
    "status": "ACTIVE",
    "import_mode": "FULL",
    "ingestion_mode": "PUT",
    "dataset_type": "INTERACTIONS",
    "batch_inference_job_mode": "BATCH_INFERENCE",
    "training_mode": "FULL",
    "training_type": "MANUAL",
    "recipe_arn": "arn:aws:personalize:::recipe/aws-popularity-count",
}


def fill(world: World, table: type[Resource], names: Sequence[str], **columns: Any) -> list[str]:
    """Add a row of each name and give their ARNs; its parents are those of the same name, unless given."""
    rows = [row_of(world, table, number, name) | columns for number, name in enumerate(names)]
    with world.server.stores.database.write() as session:
        session.execute(insert(table), rows)
    return [row["arn"] for row in rows]


def arn_of(world: World, table: type[Resource], name: str) -> str:
    """The ARN of a row."""
    return world.arn(KINDS[table], *((name, "12345678") if table is SolutionVersionRow else (name,)))


def row_of(world: World, table: type[Resource], number: int, name: str) -> dict[str, Any]:
    """A row of a name with something in each column that needs it."""
    row = {"arn": arn_of(world, table, name), "name": name, "account": world.account, "region": world.region}
    for column in inspect(table).columns:
        key = inspect(table).get_property_by_column(column).key
        if key in row or key == "id" or column.nullable or column.default is not None:
            continue
        if key in PARENTS:
            row[key] = arn_of(world, PARENTS[key], name)
        else:
            row[key] = (
                VALUES[key] if key in VALUES else value_of(column.type, f"{key}-{number}-{world.account}")
            )
    return row


def value_of(kind: TypeEngine[Any], text: str) -> Any:
    """A value of a column's type."""
    if isinstance(kind, String):
        return text[: kind.length]
    if isinstance(kind, Float):
        return 1_700_000_000.0
    if isinstance(kind, LargeBinary):
        return text.encode()
    return 1 if isinstance(kind, Integer) else {}
