"""The garbage collector: a chore that removes what nothing needs any more, and nothing that anybody reads.

Rows go first, in the transaction of whatever made them superfluous; files go later, here. So a crash in
between leaves garbage, which a later look finds, and never a row without its files.

When a folder of `generations/` or `artifacts/` may go:
- A folder that a job has published is named by a row in the transaction that ends the job. So as long as
  the job is unfinished, the folder is left alone; when it has ended and no row names the folder, none ever
  will, as a job that has ended is not taken again and rows take names over only from rows that keep them.
- The first look that finds it so marks the folder with the time and with the jobs that run at this moment.
  Only they may have learnt its name while a row still had it: a training that reads a generation which an
  import has replaced. The folder stays until none of these attempts runs any more.
- And it stays for `GRACE_S`, for API processes, which are no jobs: one that is about to map the model that a
  retraining has just replaced. What is mapped already stays readable without its name.
The mark lies in the folder itself, so any worker goes on with what another one began.

The jobs are asked for before the rows, and those that run for the mark after them: the order is what makes
this right, without a lock. Each node looks at the folders of its own data directory only; whose data
directory has served another database before keeps that one's folders.
"""

import json
import logging
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from openpersonalize.jobs.lifecycle import UNFINISHED
from openpersonalize.jobs.queue import files_prefix
from openpersonalize.jobs.worker import discard, end_what_was_left
from openpersonalize.storage import objects, records, shown
from openpersonalize.storage.erasing import Log, erase
from openpersonalize.storage.log_tables import ActionInteractionRow, EventRow, RecordRow
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import (
    AnswerRow,
    CampaignRow,
    DatasetGroupRow,
    DatasetRow,
    GenerationRow,
    JobRow,
    RecommenderRow,
    SolutionVersionRow,
)

log = logging.getLogger(__name__)

EVERY_S = 600.0
GRACE_S = 900.0
ANSWERS_KEPT_S = 3_600.0
UPLOADS_KEPT_S = 86_400.0
"""Since the last write to a file: whoever writes it may have to wait for something long."""

MARK = ".unnamed.json"
MOST_DIGITS = 18  # of a row number; what is longer is none

Attempt = tuple[int, int]
"""A job's number and the number of the attempt at it."""


def collect(stores: Stores, grace_s: float = GRACE_S) -> int:
    """Remove what dead jobs left, what was replaced, and what has expired; says how many folders went."""
    end_what_was_left(stores)
    remove_broken_uploads(stores)
    _forget_answers(stores)
    shown.forget(stores.database, stores.clock())
    _forget_replaced_generations(stores)
    erase_late_rows(stores)
    gone = [folder for folder in _unnamed(stores) if _may_go(stores, folder, grace_s)]
    for folder in gone:
        discard(folder, stores.scratch)
        log.info("files deleted", extra={"folder": folder.name})
    return len(gone)


def remove_broken_uploads(stores: Stores) -> None:
    """Delete the files of local buckets whose writing was broken off long ago."""
    for path in (stores.data_dir / "buckets" / objects.UPLOADS).glob("*"):
        try:
            if stores.clock() - path.stat().st_mtime > UPLOADS_KEPT_S:
                path.unlink()
        except FileNotFoundError:  # it has just been moved into place
            continue


def _forget_answers(stores: Stores) -> None:
    expired = AnswerRow.created_at < stores.clock() - ANSWERS_KEPT_S
    with stores.database.read() as session:
        if session.scalar(select(AnswerRow.key).where(expired).limit(1)) is None:
            return
    with stores.database.write() as session:
        session.execute(delete(AnswerRow).where(expired))


def _forget_replaced_generations(stores: Stores) -> None:
    replaced = GenerationRow.active.is_(False)
    with stores.database.read() as session:
        if session.scalar(select(GenerationRow.id).where(replaced).limit(1)) is None:
            return
    with stores.database.write() as session:
        session.execute(delete(GenerationRow).where(replaced))


def erase_late_rows(stores: Stores) -> int:
    """Delete what was sent to a dataset, and stored only when that was gone; says how many rows.

    A process that takes events goes by what it has read of the dataset up to half a second ago.
    """
    interactions = (
        select(DatasetGroupRow.id)
        .join(DatasetRow, DatasetRow.dataset_group_arn == DatasetGroupRow.arn)
        .where(DatasetRow.dataset_type == "INTERACTIONS")
    )
    n_erased = (
        _erase_ownerless(stores, EventRow, EventRow.dataset_group_id, interactions)
        + _erase_ownerless(stores, RecordRow, RecordRow.dataset_id, select(DatasetRow.id))
        + _erase_ownerless(
            stores, ActionInteractionRow, ActionInteractionRow.dataset_id, select(DatasetRow.id)
        )
    )
    if n_erased:
        with stores.database.write() as session:
            records.bump(session, records.ERASURES)
    return n_erased


def _erase_ownerless(
    stores: Stores, rows: Log, owner: InstrumentedAttribute[int], owners: Select[int]
) -> int:
    with stores.database.read() as session:
        # The owners last: whoever owns a row was there before it.
        found = list(_distinct(session, owner))
        gone = set(found).difference(session.scalars(owners))
    return sum(erase(stores.database, rows, owner == number) for number in gone)


def _distinct(session: Session, column: InstrumentedAttribute[int]) -> Iterator[int]:
    """The values of a column that an index begins with: one look-up for each, however many rows have it."""
    value = session.scalar(select(func.min(column)))
    while value is not None:
        yield value
        value = session.scalar(select(func.min(column)).where(column > value))


def _unnamed(stores: Stores) -> list[Path]:
    """The published folders that no row names and none will."""
    listed = [folder for parent in (stores.generations, stores.artifacts) for folder in parent.iterdir()]
    with stores.database.read() as session:
        unfinished = tuple(_files_of_unfinished_jobs(session))
        named = set(_named(session))
        left = [
            folder for folder in listed if folder.name not in named and not folder.name.startswith(unfinished)
        ]
        return [folder for folder in left if _is_ours(session, folder.name)]


def _files_of_unfinished_jobs(session: Session) -> Iterator[str]:
    query = select(JobRow.id, JobRow.created_at).where(JobRow.state.in_(UNFINISHED))
    for job, created_at in session.execute(query):
        yield files_prefix(job, created_at)


def _named(session: Session) -> Iterator[str]:
    yield from session.scalars(select(GenerationRow.id))
    for table in (SolutionVersionRow, CampaignRow, RecommenderRow):
        yield from filter(None, session.scalars(select(table.artifact_id)))
    yield from filter(None, session.scalars(select(DatasetRow.index_id)))


def _is_ours(session: Session, name: str) -> bool:
    """Whether a job of this database made the folder; the data directory may have served another one."""
    number = name.split("-", 1)[0]
    if not number.isdecimal() or len(number) > MOST_DIGITS:
        return False
    created_at = session.scalar(select(JobRow.created_at).where(JobRow.id == int(number)))
    return created_at is not None and name.startswith(files_prefix(int(number), created_at))


def _may_go(stores: Stores, folder: Path, grace_s: float) -> bool:
    """Whether an unnamed folder was marked long enough ago and has no readers left; marks it if it is not."""
    with stores.database.read() as session:
        running = {(job, attempt) for job, attempt in session.execute(_RUNNING)}
    now = stores.clock()
    mark = _read_mark(folder)
    if mark is None or mark[0] > now:
        _write_mark(folder, now, running)
        return False
    since, readers = mark
    return now - since >= grace_s and running.isdisjoint(readers)


_RUNNING = select(JobRow.id, JobRow.attempt).where(JobRow.state == "running")


def _read_mark(folder: Path) -> tuple[float, Collection[Attempt]] | None:
    """Since when the folder is known to be unnamed, and who may have been reading it then."""
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
        return float(mark["since"]), {(int(job), int(attempt)) for job, attempt in mark["readers"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_mark(folder: Path, since: float, readers: Iterable[Attempt]) -> None:
    try:
        (folder / MARK).write_text(json.dumps({"since": since, "readers": sorted(readers)}), encoding="utf-8")
    except FileNotFoundError:  # another worker has just removed the folder
        return
    except OSError:
        log.warning("a folder cannot be marked", exc_info=True, extra={"folder": folder.name})
