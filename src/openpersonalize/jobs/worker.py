"""The worker: takes jobs from the queue, runs their work, and makes the result visible in one transaction.

Files of a job, and why a worker that lost its lease can change none of them:
- While it works it writes below its scratch folder `scratch/<job>-<begun>-<attempt>` only. A published
  folder (`generations/`, `artifacts/`) has a name that begins with that (`RunningJob.output_id`), and gets
  there by a rename out of the scratch folder.
- Whoever takes the job next moves the scratch folders of earlier attempts aside, in one rename each, before
  it deletes them: from then on every path of the earlier worker leads nowhere. So it can't publish any
  more. What it published up to then, without having committed, is found by its name and deleted next: no
  row can name it, because a committed job is not taken again.
- The database names a published folder in the transaction that ends the job, and that one begins with the
  fenced update. So the order of events is always: rename, commit; and a loser's rename either fails, or
  came before the clean-up of the next attempt.
- A child process of the earlier attempt is ended by the record in its scratch folder.
"""

import logging
import os
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.errors import JobError, TemporaryError
from openpersonalize.jobs import orphans, queue
from openpersonalize.jobs.chores import Chore, Chores
from openpersonalize.jobs.queue import Claim, LeaseLost, ResourceGone, StopWanted, files_prefix
from openpersonalize.storage.database import retry_on_contention
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import JobRow

log = logging.getLogger(__name__)

Publish = Callable[[Session], None]
"""Makes the result of finished work visible; runs in the transaction that ends the job, which may be tried
again after a collision in the database: so it writes through the session only."""

POLL_S = 0.1
PROGRESS_EVERY_S = 0.5


class JobCancelled(Exception):  # noqa: N818  (no error: somebody asked for it)
    """The job was asked to stop."""


@dataclass
class RunningJob:
    """A job as its work function sees it."""

    claim: Claim
    scratch: Path
    """An empty folder of this attempt's own; a later attempt deletes it, so never create it again."""
    _beat: "_Heartbeat"
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> int:
        """The job's number."""
        return self.claim.id

    @property
    def kind(self) -> str:
        """The kind of work."""
        return self.claim.kind

    @property
    def resource_arn(self) -> str:
        """The ARN of the resource that the job works on."""
        return self.claim.resource_arn

    @property
    def attempt(self) -> int:
        """1 for the first try."""
        return self.claim.attempt

    def output_id(self) -> str:
        """A new name for a folder that this attempt publishes, by which a later attempt finds it."""
        return f"{self.claim.files}{self.attempt}-{uuid.uuid4().hex[:8]}"

    def progress(self, phase: str, percent: float) -> None:
        """Say how far the work is, 0 to 100. Raises LeaseLost or JobCancelled; cheap, so call it often."""
        self._beat.phase, self._beat.percent = phase, percent
        self._beat.check()

    def note(self, **details: Any) -> None:
        """Keep JSON details with the job."""
        self.details |= details

    @property
    def stopped(self) -> bool:
        """Whether the work is to stop; what waits for a child process looks here."""
        return self._beat.lost or self._beat.cancelled


class _Heartbeat(threading.Thread):
    """Prolongs the lease while the work runs, and learns that it is lost or that the job is cancelled."""

    def __init__(self, stores: Stores, held: Claim, lease_s: float) -> None:
        super().__init__(daemon=True, name=f"heartbeat-{held.id}")
        self.stores, self.held, self.lease_s = stores, held, lease_s
        self.phase, self.percent = "", 0.0
        self.lost, self.cancelled = False, held.cancel_requested
        self._done = threading.Event()
        self._began = time.monotonic()

    def run(self) -> None:
        written: tuple[str, float] = ("", 0.0)
        next_beat = time.monotonic() + self.lease_s / 3
        while not self._done.wait(min(PROGRESS_EVERY_S, self.lease_s / 3)):
            if (self.phase, self.percent) != written or time.monotonic() >= next_beat:
                written = (self.phase, self.percent)
                next_beat = time.monotonic() + self.lease_s / 3
                self._write()
            else:
                self._look()
            if self.lost:
                return

    def _look(self) -> None:
        """See whether the job is to stop; cheaper than a beat, so that nobody waits for the next one."""
        try:
            with self.stores.database.read() as session:
                self.cancelled |= queue.cancel_requested(session, self.held)
        except Exception:
            log.warning("heartbeat failed", exc_info=True, extra={"job": self.held.id})

    def _write(self) -> None:
        try:
            self.cancelled |= queue.heartbeat(
                self.stores.database,
                self.held,
                lease_s=self.lease_s,
                phase=self.phase,
                percent=self.percent,
                eta_s=self._eta(),
            )
        except LeaseLost:
            self.lost = True
        except Exception:
            log.warning("heartbeat failed", exc_info=True, extra={"job": self.held.id})

    def _eta(self) -> float | None:
        if self.percent < 1:
            return None
        elapsed = time.monotonic() - self._began
        return round(elapsed * (100 - self.percent) / self.percent, 1)

    def check(self) -> None:
        """Raise what the work has to know."""
        if self.lost:
            raise LeaseLost(f"job {self.held.id}")
        if self.cancelled:
            raise JobCancelled(f"job {self.held.id}")

    def stop(self) -> None:
        """End the thread; safe to repeat."""
        self._done.set()
        self.join()


WorkFunction = Callable[[RunningJob, Stores], Publish]


class Worker:
    """Runs jobs one after the other, and chores between them, until told to stop."""

    def __init__(
        self,
        stores: Stores,
        handlers: Mapping[str, WorkFunction],
        *,
        lease_s: float = 30.0,
        node: str = "",
        chores: Sequence[Chore] = (),
    ) -> None:
        self.stores, self.handlers, self.lease_s = stores, handlers, lease_s
        self._chores = Chores(chores)
        self.owner = f"{owner_prefix(node, os.getpid())}{_host()}-{uuid.uuid4().hex[:8]}"
        self._running: tuple[Claim, Path] | None = None

    def run_forever(self, stop: threading.Event) -> None:
        """Take jobs until `stop` is set."""
        while not stop.is_set():
            self._chores.do_due(self.stores)
            try:
                if not self.run_one():
                    stop.wait(POLL_S)
            except Exception:
                log.exception("the worker could not take or end a job")
                stop.wait(1.0)

    def run_one(self) -> bool:
        """Run one job if there is one; says whether there was."""
        now = self.stores.clock()
        if not queue.has_runnable(self.stores.database, now=now):
            return False
        # A request may hold the job's resource and want the job, which PostgreSQL calls a deadlock.
        held = retry_on_contention(
            lambda: queue.claim(self.stores.database, self.owner, lease_s=self.lease_s, now=now)
        )
        if held is None:
            return False
        log.info("job started", extra={"job": held.id, "kind": held.kind, "attempt": held.attempt})
        try:
            self._run(held)
        except LeaseLost:
            log.warning(
                "job lost to another worker",
                extra={"job": held.id, "kind": held.kind, "attempt": held.attempt},
            )
        return True

    def hand_back(self) -> None:
        """Give the running job back to the queue and end its child; for a process that is about to exit."""
        if self._running is None:
            return
        held, scratch = self._running
        if queue.hand_back(self.stores.database, held):
            log.info("job handed back", extra={"job": held.id, "kind": held.kind})
        orphans.end_recorded_child(scratch)

    def _run(self, held: Claim) -> None:
        scratch = self.stores.scratch / f"{held.files}{held.attempt}"
        beat = _Heartbeat(self.stores, held, self.lease_s)
        job = RunningJob(held, scratch, beat)
        self._running = held, scratch
        beat.start()
        try:
            self._work_and_end(job, beat)
        finally:
            beat.stop()
            self._running = None
            shutil.rmtree(scratch, ignore_errors=True)

    def _work_and_end(self, job: RunningJob, beat: _Heartbeat) -> None:
        try:
            self._clean_up(job.claim)
            job.scratch.mkdir()
            beat.check()
            _refuse_what_cannot_end_well(job.claim)
            publish = self.handlers[job.kind](job, self.stores)
            beat.check()
            beat.stop()
            self._end(job, state="done", publish=publish)
        except LeaseLost:
            raise
        except (JobCancelled, StopWanted, ResourceGone) as stopped:
            gone = isinstance(stopped, ResourceGone)
            reason = "The resource was deleted." if gone else None
            self._fail(job, beat, state="cancelled", failure_class="cancelled", reason=reason)
        except JobError as error:
            self._fail(job, beat, state="failed", failure_class="customer", reason=str(error))
        except _TooManyFaultsError:
            reason = (
                f"The work was interrupted {job.claim.faults} times (a worker died or ran out of memory); "
                "it is not tried again. See the worker's log, then create the resource anew."
            )
            self._fail(job, beat, state="failed", failure_class="fault", reason=reason)
        except Exception as error:  # noqa: BLE001  (our fault: try again, then fail with a reason)
            self._fault(job, beat, error)

    def _clean_up(self, held: Claim) -> None:
        """Remove what earlier attempts at this job left behind; the order matters, see above."""
        for folder in self.stores.scratch.glob(f"{held.files}*"):
            orphans.end_recorded_child(folder)
            discard(folder, self.stores.scratch)
        self._discard_outputs(held)

    def _discard_outputs(self, held: Claim) -> None:
        for place in (self.stores.generations, self.stores.artifacts):
            for folder in place.glob(f"{held.files}*"):
                discard(folder, self.stores.scratch)

    def _end(
        self,
        job: RunningJob,
        *,
        state: str,
        failure_class: str | None = None,
        reason: str | None = None,
        publish: Publish | None = None,
    ) -> None:
        def end() -> None:
            with self.stores.database.write() as session:
                queue.finish(
                    session,
                    job.claim,
                    state=state,
                    now=self.stores.clock(),
                    publish=publish,
                    reason=reason,
                    failure_class=failure_class,
                    details=job.details,
                )

        retry_on_contention(end)
        log.info("job ended", extra={"job": job.id, "kind": job.kind, "state": state})

    def _fail(
        self, job: RunningJob, beat: _Heartbeat, *, state: str, failure_class: str, reason: str | None
    ) -> None:
        beat.stop()
        self._end(job, state=state, failure_class=failure_class, reason=reason)
        self._discard_outputs(job.claim)

    def _fault(self, job: RunningJob, beat: _Heartbeat, error: Exception) -> None:
        log.exception("job failed", extra={"job": job.id, "kind": job.kind, "attempt": job.attempt})
        name = type(error).__name__
        reason = f"An internal error ({name}) stopped the work; see the worker's log for job {job.id}."
        if isinstance(error, TemporaryError):
            reason = str(error)
        if job.claim.faults + 1 >= job.claim.job.max_attempts:
            self._fail(job, beat, state="failed", failure_class="fault", reason=reason)
            return
        beat.stop()
        with self.stores.database.write() as session:
            queue.retry(session, job.claim, now=self.stores.clock(), reason=reason)


class _TooManyFaultsError(Exception):
    """The job has killed its workers too often."""


def _refuse_what_cannot_end_well(held: Claim) -> None:
    if not held.resource_exists and not held.job.deletes:
        raise ResourceGone(held.resource_arn)
    if held.faults >= held.job.max_attempts:
        raise _TooManyFaultsError


def owner_prefix(node: str, pid: int) -> str:
    """How the names of a worker process begin, as leases carry them."""
    return f"{node or _host()}:{pid}:"


def _host() -> str:
    return socket.gethostname()[:40]


def end_what_was_left(stores: Stores) -> int:
    """End child processes and delete scratch folders of attempts that nobody runs any more; says how many.

    An earlier worker of this data directory may have died. Safe at any time, and in several workers at once.
    """
    # In this order: a folder is made after its job was taken, so that one of a living worker is known.
    folders = list(stores.scratch.iterdir())
    with stores.database.read() as session:
        query = select(JobRow.id, JobRow.created_at, JobRow.attempt).where(JobRow.state == "running")
        running = {files_prefix(job, begun) + str(attempt) for job, begun, attempt in session.execute(query)}
    left = [folder for folder in folders if folder.name not in running]
    for folder in left:
        if orphans.end_recorded_child(folder):
            log.warning("ended a child process that was left running", extra={"scratch": folder.name})
        discard(folder, stores.scratch)
    return len(left)


def discard(folder: Path, trash: Path) -> None:
    """Move a folder aside in one step, so that no path into it works any more, then delete it."""
    aside = trash / f".trash-{uuid.uuid4().hex}"
    try:
        folder.rename(aside)
    except FileNotFoundError:
        return
    shutil.rmtree(aside, ignore_errors=True)
