"""Servers as processes: looking at them, killing them, and starting those that cannot run."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import JobRow
from tests.world import until

API, WORKER, TRAINING = (
    "openpersonalize.roles.api_child",
    "openpersonalize.roles.worker",
    "openpersonalize.work.training_child",
)


def children(pid: int, module: str = "") -> list[int]:
    """The living children of a process that run a module; empty means any."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return [child for child in found if is_alive(child) and module in command_line(child)]


def command_line(pid: int) -> str:
    """The arguments of a process, with blanks between them; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    """Whether a process runs or is stopped; a dead one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    return [pid, *(member for child in children(pid) for member in family(child))]


def kill(*pids: int) -> None:
    """SIGKILL, all at once."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def job_of(stores: Stores, resource_arn: str) -> JobRow:
    """The newest job of a resource."""
    with stores.database.read() as session:
        query = select(JobRow).where(JobRow.resource_arn == resource_arn).order_by(JobRow.id.desc())
        return session.scalars(query.limit(1)).one()


def in_the_middle(stores: Stores, resource_arn: str, phase: str = "") -> JobRow:
    """Wait until a job has written progress of its work, and give its row."""

    def middle() -> JobRow | None:
        job = job_of(stores, resource_arn)
        assert job.state in {"queued", "running"}, f"the job is {job.state}: {job.failure_reason}"
        begun = job.state == "running" and (job.progress_percent or 0) > 0
        return job if begun and phase in (job.progress_phase or "") else None

    found: JobRow = until(middle, f"the job of {resource_arn} is in the middle", 120)
    return found


def worker_of(job: JobRow) -> int:
    """The process that holds a job."""
    assert job.lease_owner is not None
    return int(job.lease_owner.split(":")[1])


def serve_in_vain(folder: Path, **environment: str) -> tuple[int, str]:
    """Run `serve`, which is to end by itself; gives its exit code and what it said, as one line."""
    variables = {"OPENPERSONALIZE_DATA_DIR": str(folder), "OPENPERSONALIZE_PORT": "0"} | environment
    ended = subprocess.run(
        [sys.executable, "-m", "openpersonalize.cli", "serve"],
        env=os.environ | variables,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return ended.returncode, " ".join(ended.stderr.decode().split())
