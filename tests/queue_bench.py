"""A queue on a real database with workers of this process, for tests of jobs."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from openpersonalize.jobs.lifecycle import CREATE_DATASET_GROUP, JOBS, Job, begin
from openpersonalize.jobs.worker import Publish, RunningJob, Worker, WorkFunction
from openpersonalize.storage.migrations import upgrade
from openpersonalize.storage.stores import Stores, open_stores
from openpersonalize.storage.tables import Base, DatasetGroupRow, JobRow, Lifecycle
from tests.databases import new_database_in

ACCOUNT, REGION = "000000000000", "us-east-1"


class TestClock:
    """Epoch seconds that a test moves."""

    __test__ = False

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def new_bench(folder: Path) -> Iterator["Bench"]:
    """A bench on a new database."""
    with new_database_in(folder) as url:
        upgrade(url)
        clock = TestClock()
        stores = open_stores(folder / "data", url, clock)
        try:
            yield Bench(stores, clock)
        finally:
            stores.database.dispose()


def nothing(_job: RunningJob, _stores: Stores) -> Publish:
    """Work that has no result."""
    return lambda _session: None


def publish_folder(job: RunningJob, stores: Stores) -> Path:
    """Write a folder in scratch and move it to where a generation would be."""
    folder = job.scratch / "generation"
    folder.mkdir()
    (folder / "part").write_text("rows")
    target = stores.generations / job.output_id()
    folder.rename(target)
    return target


def failing(error: BaseException) -> Callable[[RunningJob, Stores], Publish]:
    """Work that raises."""

    def work(_job: RunningJob, _stores: Stores) -> Publish:
        raise error

    return work


def never(_session: Session) -> None:
    """A result that must not become visible."""
    raise AssertionError("it was published")


@dataclass
class Bench:
    """Stores, and the situations that tests of jobs begin with."""

    stores: Stores
    clock: TestClock
    n_named: int = 0

    def arn(self, kind: str, name: str) -> str:
        """An ARN of the bench's account."""
        return f"arn:aws:personalize:{REGION}:{ACCOUNT}:{kind}/{name}"

    def identity(self, kind: str, name: str) -> dict[str, Any]:
        """The members that every row has."""
        owner = {"account": ACCOUNT, "region": REGION}
        times = {"creation_date_time": self.clock(), "last_updated_date_time": self.clock()}
        return {"arn": self.arn(kind, name), "name": name, "status": "", **owner, **times}

    def begin_group(self, name: str = "", job: Job = CREATE_DATASET_GROUP) -> JobRow:
        """Queue the creation of a dataset group."""
        self.n_named += 1
        row = DatasetGroupRow(**self.identity("dataset-group", name or f"g{self.n_named}"))
        return self.begin(row, job)

    def begin(self, row: Lifecycle, job: Job) -> JobRow:
        """Queue a job for a row."""
        with self.stores.database.write() as session:
            return begin(session, row, job, now=self.clock())

    def worker(self, work: WorkFunction | Mapping[str, WorkFunction] = nothing, **options: Any) -> Worker:
        """A worker that does `work` for every kind of job, or what the table says."""
        table = work if isinstance(work, Mapping) else dict.fromkeys(JOBS, work)
        return Worker(self.stores, table, **options)

    def job(self, job_id: int) -> JobRow:
        """The present row of a job."""
        with self.stores.database.read() as session:
            return session.scalars(select(JobRow).where(JobRow.id == job_id)).one()

    def resource(self, arn: str, table: type[Any] = DatasetGroupRow) -> Any:
        """The present row of a resource; None when it is gone."""
        with self.stores.database.read() as session:
            return session.scalar(select(table).where(table.arn == arn))

    def change(self, job_id: int, **values: Any) -> None:
        """Write a job's row behind the queue's back."""
        with self.stores.database.write() as session:
            session.execute(update(JobRow).where(JobRow.id == job_id).values(**values))

    def expire(self, job_id: int) -> None:
        """Let a job's lease have ended."""
        self.change(job_id, lease_until=0.0)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        return dump(self.stores)


def dump(stores: Stores) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in the order of the primary key."""
    with stores.database.read() as session:
        return {
            name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key))]
            for name, table in Base.metadata.tables.items()
        }


def listing(folder: Path, leave_out: Callable[[Path], bool] = lambda _: False) -> dict[str, str]:
    """Every file below a folder with the hash of its content, and every folder."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if leave_out(path):
            continue
        name = str(path.relative_to(folder))
        found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
    return found


def files(bench: Bench) -> list[str]:
    """What lies in the folders that jobs write to."""
    stores = bench.stores
    return [
        str(path.relative_to(stores.data_dir))
        for folder in (stores.scratch, stores.generations, stores.artifacts)
        for path in folder.rglob("*")
    ]
