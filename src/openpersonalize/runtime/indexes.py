"""What requests read of the data itself: indexes of datasets, records that came since, and filters.

A thread looks at two counters and at the log of records. It maps a new index into memory as it is published,
reads the records that lie after its watermark into a small table over it, and swaps the snapshot when
something has changed. What users did since lies in the tail, which is asked to hold it.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.domain.schemas import parse_schema
from openpersonalize.errors import InvalidInputException
from openpersonalize.filters.records import Records
from openpersonalize.models import INDEX_KINDS
from openpersonalize.models.columns import ColumnTable
from openpersonalize.models.event_pairs import EventPairs
from openpersonalize.runtime.filters import Filters, read_filters
from openpersonalize.runtime.poller import Poller
from openpersonalize.storage import artifacts
from openpersonalize.storage.event_log import START, Position, end_of_log
from openpersonalize.storage.log_tables import RecordRow
from openpersonalize.storage.record_log import Record, read_records
from openpersonalize.storage.records import FILTERS, INDEXES, counter
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import DatasetGroupRow, DatasetRow, SchemaRow
from openpersonalize.storage.tail import Tail

log = logging.getLogger(__name__)

RETRY_S = 5.0
"""Seconds after which an index that could not be loaded is tried again."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True)
class Events:
    """The events of a dataset up to a watermark; what came since is in the tail."""

    pairs: EventPairs
    watermark: Position


@dataclass(frozen=True)
class Group:
    """What requests read of a dataset group's data, by type of dataset; what nothing needs is absent."""

    records: Mapping[str, Records] = field(default_factory=dict)
    events: Mapping[str, Events] = field(default_factory=dict)


NO_DATA = Group()


@dataclass(frozen=True)
class Snapshot:
    """Dataset groups by their number, and filters by ARN."""

    groups: Mapping[int, Group] = field(default_factory=dict)
    filters: Filters = field(default_factory=dict)


@dataclass(frozen=True)
class _Source:
    """A dataset that has an index, as its rows say."""

    dataset_id: int
    group_id: int
    dataset_type: str
    index_id: str
    schema_arn: str
    schema: str
    domain: str | None


@dataclass
class _Indexed:
    """A dataset whose index is in memory, and the records that came since, by id."""

    source: _Source
    columns: DatasetColumns
    index: ColumnTable | EventPairs
    watermark: Position
    newer: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    served: Records | Events | None = None
    """What requests see of it; None where that has to be made anew."""

    def put(self, record: Record) -> None:
        """Take a record that is newer than those before; safe to repeat."""
        values = {} if record.properties is None else _decode(record.properties)
        self.newer[record.record_id] = values | {self.columns.identifier or "": record.record_id}
        self.served = None


class Indexes:
    """Keeps the snapshot fresh."""

    def __init__(self, stores: Stores, tail: Tail, *, retry_s: float = RETRY_S) -> None:
        self._stores = stores
        self._tail = tail
        self.snapshot = Snapshot()
        self.poller = Poller("filters and records", self.refresh)
        self._retry_s = retry_s
        self._counters = (-1, -1)
        self._retry_at = float("inf")
        self._datasets: Mapping[int, _Indexed] = {}
        self._read_up_to = START

    def refresh(self) -> None:
        """Swap the snapshot if something in it has changed; what fails is done again by the next call."""
        with self._stores.database.read() as session:
            counters = counter(session, FILTERS), counter(session, INDEXES)
            filters, datasets = self.snapshot.filters, self._datasets
            sources = None
            if counters != self._counters or time.monotonic() > self._retry_at:
                # The filters first: the indexes that they need are published with them, or before.
                filters, sources = read_filters(session, filters), _sources(session)
        if sources is not None:
            self._retry_at = float("inf")
            datasets = self._mapped(sources)
        read_up_to = self._read_records(datasets)
        if sources is not None or any(each.served is None for each in datasets.values()):
            groups = _groups(datasets.values(), self.snapshot.groups)
            # The events first: an answer must never miss what was sent before it.
            self._tail.serve(_watermarks(groups), "filters")
            self.snapshot = Snapshot(groups, filters)
        self._counters, self._datasets, self._read_up_to = counters, datasets, read_up_to

    def _mapped(self, sources: Iterable[_Source]) -> Mapping[int, _Indexed]:
        """The datasets with their indexes; where one cannot be loaded, as it was before."""
        mapped: dict[int, _Indexed] = {}
        for source in sources:
            dataset = self._datasets.get(source.dataset_id)
            if dataset is None or dataset.source != source:
                dataset = self._load(source) or dataset
            if dataset is not None:
                mapped[source.dataset_id] = dataset
        return mapped

    def _load(self, source: _Source) -> _Indexed | None:
        folder = self._stores.artifacts / source.index_id
        try:
            columns = parse_schema(source.schema, source.domain).columns
            watermark = Position(*artifacts.read_manifest(folder)["extra"]["watermark"])
            index = artifacts.load(folder, INDEX_KINDS)
        except (artifacts.CorruptArtifactError, OSError, InvalidInputException) as error:
            log.error("an index cannot be loaded", extra={"artifact": source.index_id, "why": str(error)})
            self._retry_at = time.monotonic() + self._retry_s
            return None
        return _Indexed(source, columns, index, watermark)

    def _read_records(self, datasets: Mapping[int, _Indexed]) -> Position:
        """Take what the log has: of a new index all after its watermark, of the others what is new."""
        known = {
            dataset_id: dataset
            for dataset_id, dataset in datasets.items()
            if dataset is self._datasets.get(dataset_id)
        }
        with self._stores.database.read() as session:
            end = end_of_log(session, self._stores.database, RecordRow)
            if known and end > self._read_up_to:
                for _, record in read_records(session, after=self._read_up_to, end=end):
                    if record.dataset_id in known:
                        known[record.dataset_id].put(record)
            for dataset_id in datasets.keys() - known.keys():
                dataset = datasets[dataset_id]
                for _, record in read_records(
                    session, after=dataset.watermark, end=end, dataset_id=dataset_id
                ):
                    dataset.put(record)
        return end


def _sources(session: Session) -> list[_Source]:
    rows = session.execute(
        select(
            DatasetRow.id,
            DatasetGroupRow.id,
            DatasetRow.dataset_type,
            DatasetRow.index_id,
            DatasetRow.schema_arn,
            SchemaRow.schema,
            SchemaRow.domain,
        )
        .join(DatasetGroupRow, DatasetGroupRow.arn == DatasetRow.dataset_group_arn)
        .join(SchemaRow, SchemaRow.arn == DatasetRow.schema_arn)
        .where(DatasetRow.index_id.is_not(None))
    )
    return [
        _Source(dataset_id, group_id, kind, str(index_id), schema_arn, schema, domain)
        for dataset_id, group_id, kind, index_id, schema_arn, schema, domain in rows
    ]


def _groups(datasets: Iterable[_Indexed], before: Mapping[int, Group]) -> Mapping[int, Group]:
    """The groups; one in which nothing has changed is the one before."""
    records: dict[int, dict[str, Records]] = {}
    events: dict[int, dict[str, Events]] = {}
    for dataset in datasets:
        served, source = _served(dataset), dataset.source
        if isinstance(served, Records):
            records.setdefault(source.group_id, {})[source.dataset_type] = served
        else:
            events.setdefault(source.group_id, {})[source.dataset_type] = served
    groups = {}
    for group_id in records.keys() | events.keys():
        group, known = Group(records.get(group_id, {}), events.get(group_id, {})), before.get(group_id)
        groups[group_id] = known if known is not None and _is_same(group, known) else group
    return groups


def _served(dataset: _Indexed) -> Records | Events:
    if dataset.served is None:
        index = dataset.index
        if isinstance(index, EventPairs):
            dataset.served = Events(index, dataset.watermark)
        else:
            newer = ColumnTable.build(dataset.columns.columns, dataset.newer)
            dataset.served = Records(dataset.columns, index, newer)
    return dataset.served


def _is_same(one: Group, other: Group) -> bool:
    mine, theirs = {**one.records, **one.events}, {**other.records, **other.events}
    return mine.keys() == theirs.keys() and all(mine[kind] is theirs[kind] for kind in mine)


def _watermarks(groups: Mapping[int, Group]) -> dict[int, Position]:
    """Up to where the indexes have the interactions of their groups."""
    return {
        group_id: group.events["INTERACTIONS"].watermark
        for group_id, group in groups.items()
        if "INTERACTIONS" in group.events
    }
