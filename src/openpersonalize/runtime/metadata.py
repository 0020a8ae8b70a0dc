"""Metadata in answers: columns of items, under lower-case names, as texts."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.domain.limits import MOST_METADATA_COLUMNS
from openpersonalize.errors import InvalidInputException
from openpersonalize.filters.masks import Record
from openpersonalize.filters.records import Records
from openpersonalize.models.columns import shown
from openpersonalize.runtime.deployments import Deployment
from openpersonalize.runtime.indexes import Group

MOST_KEPT = 16_000_000
"""Characters of encoded metadata that a deployment remembers."""

_encode = msgspec.json.encode
_UPDATES = {
    "campaign": "UpdateCampaign, in campaignConfig",
    "recommender": "UpdateRecommender, in recommenderConfig",
}

Asked = Mapping[str, Sequence[str]]


def is_asked(columns: Asked | None) -> bool:
    """Whether a request asks for metadata; empty maps and lists count as absent."""
    return columns is not None and any(columns.values())


def check_asked(columns: Asked) -> None:
    """Raise InvalidInputException for a wrong type of dataset or too many columns."""
    for dataset, names in columns.items():
        if dataset.upper() != "ITEMS":
            raise InvalidInputException(f"metadataColumns names {dataset}: give columns of ITEMS only.")
        if len(names) > MOST_METADATA_COLUMNS:
            raise InvalidInputException(
                f"metadataColumns names {len(names)} columns: at most {MOST_METADATA_COLUMNS} can be asked "
                "for at once."
            )


class Metadata:
    """What a request asks for of each item; made only after the request has been checked."""

    def __init__(self, columns: Asked, deployment: Deployment, group: Group) -> None:
        """Raises InvalidInputException where the deployment gives none, or has not these columns."""
        if not deployment.gives_metadata:
            raise InvalidInputException(
                f"{deployment.arn} gives no metadata: set enableMetadataWithRecommendations to true with "
                f"{_UPDATES[deployment.kind]}, or leave metadataColumns out."
            )
        records = group.records.get("ITEMS")
        if records is None:
            raise InvalidInputException(
                "The dataset group has no Items that metadataColumns can be read from: create an Items "
                f"dataset, import items, and update {deployment.arn} once."
            )
        self._records: Records = records
        names = [name for given in columns.values() for name in given]
        self._columns = tuple(dict.fromkeys(_column(name, records.columns) for name in names))
        self._items = deployment.model.items
        self._kept = deployment.remembered("metadata", records, _Kept)

    def of_rows(self, rows: NDArray[np.int32]) -> list[str]:
        """Encoded metadata of rows of the model: the member, with a comma before it."""
        kept = self._kept.by_row(self._columns)
        wanted = rows.tolist()
        try:
            return [kept[row] for row in wanted]
        except KeyError:
            for row, item_id in zip(wanted, self._items.texts(rows), strict=True):
                if row not in kept:
                    kept[row] = self._kept.counted(self.of_item(item_id))
            return [kept[row] for row in wanted]

    def of_item(self, item_id: str) -> str:
        """The same of an item that the model need not know."""
        return f',"metadata":{_encode(_values(self._records.find(item_id), self._columns)).decode()}'


class _Kept:
    """Encoded metadata of items, by what was asked for and row; all of it is dropped when it is too much."""

    def __init__(self) -> None:
        self._by_columns: dict[tuple[str, ...], dict[int, str]] = {}
        self._n_characters = 0

    def by_row(self, columns: tuple[str, ...]) -> dict[int, str]:
        if self._n_characters > MOST_KEPT:
            self._by_columns.clear()
            self._n_characters = 0
        return self._by_columns.setdefault(columns, {})

    def counted(self, encoded: str) -> str:
        self._n_characters += len(encoded)
        return encoded


def _column(name: str, columns: DatasetColumns) -> str:
    """The column of a name in any case. Raises InvalidInputException."""
    wanted = name.upper()
    for column in columns.columns:
        if column.name.upper() == wanted:
            return column.name
    raise InvalidInputException(
        f"metadataColumns names {name}, which is no column of Items: use columns of its schema."
    )


def _values(record: Record, columns: Sequence[str]) -> dict[str, str]:
    """The values of columns that are not null."""
    values: dict[str, Any] = {column.lower(): record.value(column) for column in columns}
    return {name: shown(value) for name, value in values.items() if value is not None}
