"""The trainingDataConfig of solutions and recommenders: which columns of which datasets are trained on."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from openpersonalize.control.context import Context
from openpersonalize.control.solution_config import TrainingDataConfig
from openpersonalize.domain.datasets import dataset_type_of
from openpersonalize.domain.schemas import parse_schema
from openpersonalize.errors import InvalidInputException
from openpersonalize.storage.tables import DatasetGroupRow, DatasetRow, SchemaRow

ALWAYS_USED = ("USER_ID", "ITEM_ID", "ACTION_ID", "TIMESTAMP", "EVENT_TYPE")


def check_training_columns(
    context: Context, config: TrainingDataConfig, group: DatasetGroupRow, member: str
) -> None:
    """Raise InvalidInputException for columns that the group does not have, or that training cannot miss.

    `member` is where the config stands in the request.
    """
    excluded = config.excluded_dataset_columns or {}
    included = config.included_dataset_columns or {}
    if not excluded and not included:
        return
    columns = _columns_by_type(context, group)
    _check_known(excluded, columns, f"{member}.excludedDatasetColumns")
    _check_known(included, columns, f"{member}.includedDatasetColumns")
    needed = sorted({name for names in excluded.values() for name in names if name in ALWAYS_USED})
    if needed:
        raise InvalidInputException(
            f"{member}.excludedDatasetColumns has {', '.join(needed)}, which all training uses: leave it out."
        )
    both = sorted(_named(excluded) & _named(included))
    if both:
        raise InvalidInputException(
            f"{member} both includes and excludes the column {both[0][1]} of {both[0][0]}: do one of the two."
        )


def _columns_by_type(context: Context, group: DatasetGroupRow) -> dict[str, tuple[str, ...]]:
    rows = context.session.execute(
        select(DatasetRow.dataset_type, SchemaRow.schema, SchemaRow.domain)
        .join(SchemaRow, SchemaRow.arn == DatasetRow.schema_arn)
        .where(DatasetRow.dataset_group_arn == group.arn)
    )
    return {dataset_type: parse_schema(text, domain).columns.names for dataset_type, text, domain in rows}


def _check_known(
    given: Mapping[str, Sequence[str]], columns: Mapping[str, Sequence[str]], member: str
) -> None:
    for dataset, names in given.items():
        known = columns.get(_type(dataset))
        if known is None:
            raise InvalidInputException(
                f"{member} names the dataset {dataset!r}, which the dataset group does not have: "
                f"{'use one of ' + ', '.join(sorted(columns)) if columns else 'create it first'}."
            )
        unknown = [name for name in names if name not in known]
        if unknown:
            raise InvalidInputException(
                f"{member} names the column {unknown[0]!r}, which the {_type(dataset)} dataset has not: "
                f"its columns are {', '.join(known)}."
            )


def _named(given: Mapping[str, Sequence[str]]) -> set[tuple[str, str]]:
    return {(_type(dataset), name) for dataset, names in given.items() for name in names}


def _type(dataset: str) -> str:
    return dataset_type_of(dataset) or dataset.upper()
