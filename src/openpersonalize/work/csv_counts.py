"""What an import held: rows, users, items, event types, time range, duplicates."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.work.csv_hashes import HashLog

EVENT_TYPES_COUNTED = 10_000
EVENT_TYPES_SHOWN = 100
_COUNTED_IDS = {"users": "USER_ID", "items": "ITEM_ID", "actions": "ACTION_ID"}


@dataclass(frozen=True)
class ImportCounts:
    """Counts of one import; `rows` without the duplicates, `distinct` by noun, times in epoch seconds."""

    rows: int
    records: int
    duplicates: int
    truncated: int
    distinct: Mapping[str, int]
    event_types: Mapping[str, int]
    n_event_types: int
    earliest: int | None
    latest: int | None

    def details(self) -> dict[str, object]:
        """Return what is kept with the job, as JSON values."""
        details: dict[str, object] = {
            "rows": self.rows,
            "records": self.records,
            "duplicates": self.duplicates,
            "truncated": self.truncated,
            **self.distinct,
        }
        if self.event_types:
            details |= {"eventTypes": dict(self.event_types), "nEventTypes": self.n_event_types}
        if self.earliest is not None:
            details["timeRange"] = [self.earliest, self.latest]
        return details


@dataclass
class Tally:
    """Counts frames while they pass; distinct ids by their hashes, in logs on disk."""

    columns: DatasetColumns
    folder: Path
    records: int = 0
    earliest: int | None = None
    latest: int | None = None
    event_types: Counter[str] = field(default_factory=Counter)
    _ids: dict[str, HashLog] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for noun, name in _COUNTED_IDS.items():
            if name in self.columns.names:
                self._ids[noun] = HashLog(self.folder / noun)

    def add(self, frame: pl.DataFrame) -> None:
        """Count the rows of a frame."""
        self.records += frame.height
        for noun, log in self._ids.items():
            log.append(frame[_COUNTED_IDS[noun]].hash().to_numpy())
        if "EVENT_TYPE" in self.columns.names:
            self._add_event_types(frame["EVENT_TYPE"])
        if "TIMESTAMP" in self.columns.names and frame.height:
            self._add_times(frame["TIMESTAMP"])

    def counts(self, *, duplicates: int, truncated: int) -> ImportCounts:
        """Return the counts of everything that was added."""
        shown = dict(self.event_types.most_common(EVENT_TYPES_SHOWN))
        return ImportCounts(
            rows=self.records - duplicates,
            records=self.records,
            duplicates=duplicates,
            truncated=truncated,
            distinct={noun: log.count_distinct() for noun, log in self._ids.items()},
            event_types=shown,
            n_event_types=len(self.event_types),
            earliest=self.earliest,
            latest=self.latest,
        )

    def _add_event_types(self, event_types: pl.Series) -> None:
        """Count by name; beyond a number of names that no dataset should have, only the known ones."""
        for name, count in event_types.drop_nulls().value_counts().iter_rows():
            if name in self.event_types or len(self.event_types) < EVENT_TYPES_COUNTED:
                self.event_types[name] += count

    def _add_times(self, times: pl.Series) -> None:
        lowest, highest = times.min(), times.max()
        if isinstance(lowest, int) and isinstance(highest, int):
            self.earliest = lowest if self.earliest is None else min(self.earliest, lowest)
            self.latest = highest if self.latest is None else max(self.latest, highest)
