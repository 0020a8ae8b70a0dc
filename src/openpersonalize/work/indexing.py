"""The indexes of datasets: what serving reads of their rows, as artifacts.

Items, users and actions become a `ColumnTable`, interactions of either kind `EventPairs`. An index holds all
imported rows and what the log has up to its watermark, `[txid, id]` in its manifest: exactly what lies after
it is missing. Which generations and which schema it was made of is compared again when it is published, with
the dataset's row locked: where they have changed meanwhile, the index is made once more.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.domain.schemas import parse_schema
from openpersonalize.errors import JobError
from openpersonalize.jobs.indexes import begin_index
from openpersonalize.jobs.worker import Publish, RunningJob
from openpersonalize.models.columns import ColumnTable
from openpersonalize.models.event_pairs import EventPairs
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.storage import artifacts, event_log, records
from openpersonalize.storage.durable_files import move_into_place
from openpersonalize.storage.event_log import START, Log, Position, end_of_log
from openpersonalize.storage.generations import generation_folder, part_paths
from openpersonalize.storage.log_tables import ActionInteractionRow, EventRow, RecordRow
from openpersonalize.storage.record_log import read_action_interactions, read_records
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import (
    DatasetGroupRow,
    DatasetImportJobRow,
    DatasetRow,
    GenerationRow,
    SchemaRow,
)
from openpersonalize.work.event_tables import Row, event_pairs, write_rows
from openpersonalize.work.record_tables import Imported, Put, record_table

_EVENT_LOGS: Mapping[str, type[Log]] = {
    "INTERACTIONS": EventRow,
    "ACTION_INTERACTIONS": ActionInteractionRow,
}
_ITEM_COLUMNS = {"INTERACTIONS": "ITEM_ID", "ACTION_INTERACTIONS": "ACTION_ID"}
_PHASE = "indexing"
_ROWS_BETWEEN_LOOKS = 5000

Stored = TypeVar("Stored")


@dataclass(frozen=True)
class _Basis:
    """What an index is made of, beside the log: a schema and generations, in the order of reading."""

    schema_arn: str
    generations: tuple[tuple[str, float], ...]
    """The folder of each, and when its import was asked for."""


@dataclass(frozen=True)
class _Source:
    """A dataset as its index is made of it."""

    dataset_id: int
    dataset_type: str
    dataset_group_id: int
    columns: DatasetColumns
    basis: _Basis
    watermark: Position


def index_dataset(job: RunningJob, stores: Stores) -> Publish:
    """Make the index of a dataset; the one before serves until then, and on if this fails."""
    return build_index(job, stores, job.resource_arn)


def ensure_indexes(
    job: RunningJob, stores: Stores, dataset_group_arn: str, dataset_types: Iterable[str]
) -> Publish:
    """Make the indexes that datasets of a group lack; return what makes them the datasets' own.

    Types that the group has no dataset of are left out. For the work of another resource, which needs them.
    """
    with stores.database.read() as session:
        query = select(DatasetRow.arn).where(
            DatasetRow.dataset_group_arn == dataset_group_arn,
            DatasetRow.dataset_type.in_(list(dataset_types)),
            DatasetRow.index_id.is_(None),
        )
        lacking = list(session.scalars(query.order_by(DatasetRow.id)))
    built = [build_index(job, stores, arn) for arn in lacking]

    def publish(session: Session) -> None:
        for each in built:
            each(session)

    return publish


def gives_metadata(config: Mapping[str, Any] | None) -> bool:
    """Whether a campaign or recommender of this config answers with metadata, which needs the Items index."""
    return bool((config or {}).get("enableMetadataWithRecommendations"))


def leaves_out(recipe_arn: str) -> bool:
    """Whether a recommender of this recipe never recommends what its user had, by the Interactions index."""
    recipe = RECIPES.get(recipe_arn.rpartition("/")[2])
    return recipe is not None and recipe.leaves_out is not None


def build_index(job: RunningJob, stores: Stores, dataset_arn: str) -> Publish:
    """Make the index of a dataset; return what makes it the dataset's, if that is still there.

    Raises JobError when the dataset is gone.
    """
    source = _load(stores, dataset_arn)
    index_id = job.output_id()
    folder = job.scratch / index_id
    job.progress(_PHASE, 0.0)
    model = _model(job, stores, source)
    job.progress(_PHASE, 90.0)
    extra = {
        "watermark": list(source.watermark),
        "dataset_id": source.dataset_id,
        "dataset_type": source.dataset_type,
        "dataset_group_id": source.dataset_group_id,
    }
    artifacts.save(model, folder, extra=extra)
    job.progress(_PHASE, 99.0)
    move_into_place(folder, stores.artifacts / index_id)

    def publish(session: Session) -> None:
        dataset = session.scalar(
            select(DatasetRow)
            .where(DatasetRow.id == source.dataset_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if dataset is None:
            return
        dataset.index_id = index_id
        records.bump(session, records.INDEXES)
        if _basis(session, dataset) != source.basis:
            begin_index(session, dataset, now=stores.clock())

    return publish


def dataset_table(job: RunningJob, stores: Stores, dataset_arn: str) -> tuple[DatasetColumns, ColumnTable]:
    """A dataset of items, users or actions as it is now, and its columns. Raises JobError if it is gone."""
    source = _load(stores, dataset_arn)
    table = _model(job, stores, source)
    if not isinstance(table, ColumnTable):
        raise TypeError(f"{source.dataset_type} has no records.")
    return source.columns, table


def dataset_events(job: RunningJob, stores: Stores, dataset_arn: str) -> EventPairs:
    """The events of a dataset of interactions as it is now. Raises JobError if it is gone."""
    source = _load(stores, dataset_arn)
    pairs = _model(job, stores, source)
    if not isinstance(pairs, EventPairs):
        raise TypeError(f"{source.dataset_type} has no events.")
    return pairs


def _load(stores: Stores, dataset_arn: str) -> _Source:
    """What a dataset consists of. The log's end comes last, so that it has what came before the imports."""
    with stores.database.read() as session:
        found = session.execute(
            select(DatasetRow, SchemaRow, DatasetGroupRow.id)
            .join(SchemaRow, SchemaRow.arn == DatasetRow.schema_arn)
            .join(DatasetGroupRow, DatasetGroupRow.arn == DatasetRow.dataset_group_arn)
            .where(DatasetRow.arn == dataset_arn)
        ).one_or_none()
        if found is None:
            raise JobError(f"{dataset_arn} was deleted before it was indexed.")
        dataset, schema, group_id = found
        basis = _basis(session, dataset)
        log = _EVENT_LOGS.get(dataset.dataset_type, RecordRow)
        watermark = max(START, end_of_log(session, stores.database, log))
    columns = parse_schema(schema.schema, schema.domain).columns
    return _Source(dataset.id, dataset.dataset_type, group_id, columns, basis, watermark)


def _basis(session: Session, dataset: DatasetRow) -> _Basis:
    asked_at = func.coalesce(DatasetImportJobRow.creation_date_time, GenerationRow.created_at)
    generations = session.execute(
        select(GenerationRow.id, asked_at)
        .outerjoin(DatasetImportJobRow, DatasetImportJobRow.arn == GenerationRow.job_arn)
        .where(GenerationRow.dataset_id == dataset.id, GenerationRow.active)
        .order_by(GenerationRow.position, GenerationRow.created_at)
    )
    return _Basis(dataset.schema_arn, tuple((name, float(time)) for name, time in generations))


def _model(job: RunningJob, stores: Stores, source: _Source) -> ColumnTable | EventPairs:
    imports = [
        Imported(part_paths(generation_folder(stores.data_dir, name)), asked_at)
        for name, asked_at in source.basis.generations
    ]

    def progress(fraction: float) -> None:
        job.progress(_PHASE, 20.0 + 70.0 * fraction)

    if source.columns.identifier is not None:
        return record_table(source.columns, imports, _puts(stores, source, progress), progress)
    with stores.database.read() as session:
        written = write_rows(_rows(session, source, progress), job.scratch)
    parts = [imported.parts for imported in imports]
    pairs = event_pairs(parts, written, _ITEM_COLUMNS[source.dataset_type], progress)
    for path in written:
        path.unlink()
    return pairs


def _puts(stores: Stores, source: _Source, progress: Callable[[float], None]) -> dict[str, Put]:
    """The newest version of each record that was put by itself."""
    newest: dict[str, Put] = {}
    with stores.database.read() as session:
        stored = read_records(session, after=START, end=source.watermark, dataset_id=source.dataset_id)
        for _, record in _watched(stored, progress):
            newest[record.record_id] = Put(record.properties, record.received_at)
    return newest


def _rows(session: Session, source: _Source, progress: Callable[[float], None]) -> Iterator[Row]:
    """The events of the log up to the watermark."""
    if source.dataset_type == "INTERACTIONS":
        events = event_log.read(session, after=START, end=source.watermark, group=source.dataset_group_id)
        for _, event in _watched(events, progress):
            yield Row(event.user_key, event.item_id, event.event_type, event.timestamp)
        return
    interactions = read_action_interactions(
        session, after=START, end=source.watermark, dataset_id=source.dataset_id
    )
    for _, done in _watched(interactions, progress):
        yield Row(done.user_key, done.action_id, done.event_type, done.timestamp)


def _watched(stored: Iterable[Stored], progress: Callable[[float], None]) -> Iterator[Stored]:
    """The same, while the job is asked now and then whether it is to stop."""
    for place, each in enumerate(stored):
        if place % _ROWS_BETWEEN_LOOKS == 0:
            progress(0.0)
        yield each
