"""CSV files in, a folder of checked Parquet parts out: the whole of an import but for its job."""

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.domain.limits import MIN_INTERACTIONS
from openpersonalize.errors import JobError
from openpersonalize.storage.objects import ChangedObjectError, ObjectStore, StoredObject
from openpersonalize.work.csv_chunks import CHUNK_BYTES, read_chunks
from openpersonalize.work.csv_counts import ImportCounts, Tally
from openpersonalize.work.csv_duplicates import duplicate_rows, row_hashes
from openpersonalize.work.csv_frames import DTYPES, FrameReader
from openpersonalize.work.csv_hashes import HashLog
from openpersonalize.work.csv_headers import Layout, read_header, require_same_header
from openpersonalize.work.csv_parts import PartWriter
from openpersonalize.work.csv_rejects import RejectedLinesError, Rejects

READING_PERCENT, FINISHED_PERCENT = 80.0, 95.0  # the rest is for publishing

Progress = Callable[[str, float], None]  # phase, percent of the whole job


@dataclass(frozen=True)
class Written:
    """A finished folder: the rows of each part by its name, and the counts."""

    rows_by_part: dict[str, int]
    counts: ImportCounts


@dataclass
class _Import:
    """One run of `import_csv`."""

    objects: ObjectStore
    columns: DatasetColumns
    writer: PartWriter
    tally: Tally
    log: HashLog
    rejects: Rejects
    progress: Progress
    writing: Executor
    n_bytes: int
    written: Future[None] | None = None
    n_read: int = 0
    n_cut: int = 0

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns in which duplicates are equal."""
        identifier = self.columns.identifier
        return (identifier,) if identifier else self.columns.names

    def read_file(self, stored: StoredObject, chunk_bytes: int) -> None:
        """Read one file to its end, even after bad lines, so that all of them are counted."""
        with self.objects.open(stored.uri, stored.version) as stream:
            layout = read_header(stream, stored.uri, self.columns)
            reader = FrameReader(stored.uri, self.columns, layout, self.rejects)
            started = self.n_read
            for chunk in read_chunks(stream, stored.uri, first_line=2, size=chunk_bytes):
                frame = reader.read(chunk)
                self.n_read = started + stream.tell()
                self.progress("reading", READING_PERCENT * min(1.0, self.n_read / self.n_bytes))
                if frame is not None and not self.rejects.total:
                    self._pass_on(frame)
            self.n_cut += reader.n_cut
            if stream.tell() != stored.size or self.objects.list_objects(stored.uri) != [stored]:
                raise ChangedObjectError(stored.uri)

    def _pass_on(self, frame: pl.DataFrame) -> None:
        """Count and write a frame while the next one is read; wait until the one before is done."""
        self.wait()
        self.written = self.writing.submit(self._take, frame)

    def wait(self) -> None:
        """Wait until everything that was passed on is counted and written."""
        if self.written is not None:
            self.written.result()
            self.written = None

    def _take(self, frame: pl.DataFrame) -> None:
        self.tally.add(frame)
        self.log.append(row_hashes(frame.select(self.keys)))
        self.writer.add(frame)

    def finish(self) -> Written:
        """Write the last part, remove duplicates and count; after `wait`."""
        self.writer.finish(_empty_frame(self.columns))
        self._advance(0)
        removed = duplicate_rows(
            self.log, self.writer.parts, self.keys, keep_last=self.columns.identifier is not None
        )
        n_removed = int(removed.sum())
        if n_removed:
            self.writer.remove(removed, self._advance)
        counts = self.tally.counts(duplicates=n_removed, truncated=self.n_cut)
        return Written(dict(self.writer.rows), counts)

    def _advance(self, fraction: float) -> None:
        percent = READING_PERCENT + (FINISHED_PERCENT - READING_PERCENT) * fraction
        self.progress("removing duplicates", percent)


def import_csv(
    objects: ObjectStore,
    files: Sequence[StoredObject],
    columns: DatasetColumns,
    folder: Path,
    *,
    min_interactions: int = MIN_INTERACTIONS,
    chunk_bytes: int = CHUNK_BYTES,
    progress: Progress = lambda phase, percent: None,
) -> Written:
    """Write the rows of CSV files as Parquet parts into an existing, empty folder, in file order.

    Exact duplicates of events are removed; of other rows with one id the last stays. Memory does not grow
    with the files, but for one byte a row.

    Raises `RejectedLinesError` for bad lines, `JobError` for a file or an import that is bad as a whole.
    """
    _check_headers(objects, files, columns)
    with (
        tempfile.TemporaryDirectory(dir=folder.parent, prefix="hashes-") as hashes,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="import-writer") as writing,
    ):
        run = _Import(
            objects,
            columns,
            PartWriter(folder),
            Tally(columns, Path(hashes)),
            HashLog(Path(hashes) / "rows"),
            Rejects(),
            progress,
            writing,
            n_bytes=max(1, sum(stored.size for stored in files)),
        )
        for stored in files:
            run.read_file(stored, chunk_bytes)
        if run.rejects.total:
            raise RejectedLinesError(run.rejects)
        run.wait()
        _require_enough(columns, run.tally.records, min_interactions)
        return run.finish()


def _check_headers(objects: ObjectStore, files: Sequence[StoredObject], columns: DatasetColumns) -> None:
    """Read the headers of all files first, so that a bad one costs no time."""
    headers: list[tuple[str, Layout]] = []
    for stored in files:
        with objects.open(stored.uri, stored.version) as stream:
            headers.append((stored.uri, read_header(stream, stored.uri, columns)))
        require_same_header(headers[0], headers[-1])


def _require_enough(columns: DatasetColumns, n_records: int, min_interactions: int) -> None:
    if columns.dataset_type == "INTERACTIONS" and n_records < min_interactions:
        raise JobError(
            f"Dataset has fewer than {min_interactions} interactions. The files hold {n_records}: "
            f"import at least {min_interactions} in one job."
        )


def _empty_frame(columns: DatasetColumns) -> pl.DataFrame:
    return pl.DataFrame(schema={column.name: DTYPES[column.type] for column in columns.columns})
