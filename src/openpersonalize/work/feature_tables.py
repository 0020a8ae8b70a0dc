"""The records of items, users and actions for training: a table of each, and which columns are features."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from openpersonalize.domain.columns import Column, is_time
from openpersonalize.domain.training_columns import training_columns
from openpersonalize.jobs.worker import RunningJob
from openpersonalize.storage import artifacts
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import DatasetRow
from openpersonalize.work.indexing import dataset_table

EXCLUDED, INCLUDED = "excludedDatasetColumns", "includedDatasetColumns"


def write_tables(
    job: RunningJob,
    stores: Stores,
    dataset_group_arn: str,
    dataset_types: Iterable[str],
    config: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Write the tables of a group's datasets into the job's scratch folder; say where, by type, for a spec.

    Types that the group has no dataset of are left out. `config` is a solutionConfig or recommenderConfig.
    """
    with stores.database.read() as session:
        query = select(DatasetRow.arn, DatasetRow.dataset_type).where(
            DatasetRow.dataset_group_arn == dataset_group_arn,
            DatasetRow.dataset_type.in_(list(dataset_types)),
        )
        datasets = session.execute(query.order_by(DatasetRow.id)).all()
    written: dict[str, dict[str, Any]] = {}
    for arn, dataset_type in datasets:
        columns, table = dataset_table(job, stores, arn)
        folder = job.scratch / f"records-{dataset_type.lower()}"
        artifacts.save(table, folder, extra={})
        used = [column for column in columns.columns if is_feature(column, dataset_type, config)]
        written[dataset_type] = {
            "folder": str(folder),
            "features": [column.name for column in used if column.name != columns.identifier],
            "textual": [column.name for column in used if column.textual],
            "item_name": next((column.name for column in columns.columns if column.item_name), None),
        }
    return written


def is_feature(column: Column, dataset_type: str, config: Mapping[str, Any]) -> bool:
    """Whether training may use a column as a feature (reference/recipes.md §1.4)."""
    if column.type == "boolean" or is_time(column):
        return False
    if column.type == "string" and not (column.categorical or column.textual):
        return False
    return is_used(column.name, dataset_type, config)


def is_used(name: str, dataset_type: str, config: Mapping[str, Any]) -> bool:
    """Whether a config's trainingDataConfig leaves a column to training."""
    chosen = training_columns(config)
    if name in chosen.get(EXCLUDED, {}).get(dataset_type, ()):
        return False
    included = chosen.get(INCLUDED, {}).get(dataset_type)
    return included is None or name in included
