"""The work of a dataset import job: CSV objects become a generation of the dataset."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.domain.limits import IMPORT_BYTES, MIN_INTERACTIONS
from openpersonalize.domain.schemas import parse_schema
from openpersonalize.errors import JobError
from openpersonalize.jobs.indexes import renew_index
from openpersonalize.jobs.worker import RunningJob
from openpersonalize.storage import records
from openpersonalize.storage.generations import publish, seal
from openpersonalize.storage.objects import StoredObject
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import DatasetImportJobRow, DatasetRow, GenerationRow, SchemaRow
from openpersonalize.work.csv_imports import Written, import_csv
from openpersonalize.work.csv_rejects import REASON_CHARACTERS, RejectedLinesError, shortened

FULL, INCREMENTAL = "FULL", "INCREMENTAL"


@dataclass(frozen=True)
class _Task:
    """What an import job asks for."""

    dataset_id: int
    columns: DatasetColumns
    location: str
    mode: str


def run_import(job: RunningJob, stores: Stores) -> Callable[[Session], None]:
    """Write a generation and return what makes it the dataset's: FULL replaces, INCREMENTAL adds.

    A failed or repeated attempt leaves nothing that the database names. Rejected lines and counts are kept
    with the job. Raises `JobError` for what the customer can mend.
    """
    task = _load(job, stores)
    folder = job.scratch / "generation"
    folder.mkdir()
    try:
        files = _files(stores, task.location)
        if stores.limits.amounts:
            _keep_to_size(files, task.mode)
        written = import_csv(
            stores.objects,
            files,
            task.columns,
            folder,
            min_interactions=MIN_INTERACTIONS if stores.limits.minimums else 0,
            progress=job.progress,
        )
        if stores.limits.minimums:
            _require_enough_to_add(task, written)
    except RejectedLinesError as error:
        job.note(rejects=error.rejects.details())
        raise
    except JobError as error:
        raise JobError(shortened(str(error), REASON_CHARACTERS)) from error
    job.note(counts=written.counts.details())
    job.progress("publishing", 95)
    seal(folder, written.rows_by_part)
    job.progress("publishing", 99)
    generation_id = job.output_id()
    publish(folder, stores.data_dir, generation_id)
    return _activate(job, stores, task, written, generation_id)


def _load(job: RunningJob, stores: Stores) -> _Task:
    with stores.database.read() as session:
        row = records.named(session, DatasetImportJobRow, job.resource_arn)
        dataset = session.scalar(select(DatasetRow).where(DatasetRow.arn == row.dataset_arn))
        if dataset is None:
            raise JobError(f"{row.dataset_arn} was deleted before the import began. Create it again.")
        schema = records.named(session, SchemaRow, dataset.schema_arn)
        columns = parse_schema(schema.schema, schema.domain).columns
        return _Task(dataset.id, columns, row.data_location, row.import_mode)


def _files(stores: Stores, location: str) -> list[StoredObject]:
    """List the objects to import; in a folder, names that begin with '.' or '_' are no data, as in Hadoop."""
    files = stores.objects.list_objects(location)
    if [file.uri for file in files] == [location]:
        return files
    visible = [file for file in files if file.uri.rpartition("/")[2][0] not in "._"]
    if not visible:
        raise JobError(
            f"Invalid Data location. {location} holds only files whose names begin with '.' or '_'. "
            "Rename the files to import."
        )
    return visible


def _keep_to_size(files: list[StoredObject], mode: str) -> None:
    size, most = sum(file.size for file in files), IMPORT_BYTES[mode]
    if size > most:
        raise JobError(
            f"The files hold {size} bytes: an import of mode {mode} takes at most {most}. "
            "Import them in several jobs, or keep less in them."
        )


def _require_enough_to_add(task: _Task, written: Written) -> None:
    """Interactions with actions have a minimum where they are added, and none as the first rows."""
    is_added = task.mode == INCREMENTAL and task.columns.dataset_type == "ACTION_INTERACTIONS"
    if is_added and written.counts.records < MIN_INTERACTIONS:
        raise JobError(
            f"Dataset has fewer than {MIN_INTERACTIONS} action interactions. The files hold "
            f"{written.counts.records}: add at least {MIN_INTERACTIONS} in one job of mode {INCREMENTAL}."
        )


def _activate(
    job: RunningJob, stores: Stores, task: _Task, written: Written, generation_id: str
) -> Callable[[Session], None]:
    generation = GenerationRow(
        id=generation_id,
        dataset_id=task.dataset_id,
        job_arn=job.resource_arn,
        mode=task.mode,
        active=True,
        rows=written.counts.rows,
        counts=written.counts.details(),
        created_at=stores.clock(),
    )

    def activate(session: Session) -> None:
        # The lock makes imports of one dataset that end at the same time take their places one by one.
        dataset = session.scalar(select(DatasetRow).where(DatasetRow.id == task.dataset_id).with_for_update())
        if dataset is None:
            raise JobError("The dataset was deleted while the import ran. Create it and import again.")
        # What was streamed and compacted since is not the import's to replace.
        bulk = (GenerationRow.dataset_id == task.dataset_id, GenerationRow.mode.in_((FULL, INCREMENTAL)))
        if task.mode == FULL:
            session.execute(update(GenerationRow).where(*bulk).values(active=False))
            generation.position = 0
        else:
            last = session.scalar(select(func.max(GenerationRow.position)).where(*bulk, GenerationRow.active))
            generation.position = 0 if last is None else last + 1
        session.add(generation)
        renew_index(session, dataset, now=stores.clock())

    return activate
