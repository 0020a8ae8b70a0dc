"""The records of a dataset as requests see them: those of its index, and over them those that came since."""

from dataclasses import dataclass

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.filters.masks import UNKNOWN, Record
from openpersonalize.models.columns import ColumnTable


@dataclass(frozen=True)
class Records:
    """The newest version of each record; one in `newer` replaces that in `base`."""

    columns: DatasetColumns
    base: ColumnTable
    newer: ColumnTable

    def find(self, record_id: str | None) -> Record:
        """The record of an id; one that is unknown, or None, has only nulls."""
        if record_id is None:
            return UNKNOWN
        row = self.newer.ids.find(record_id)
        if row >= 0:
            return Record(self.newer, row)
        row = self.base.ids.find(record_id)
        return UNKNOWN if row < 0 else Record(self.base, row)
