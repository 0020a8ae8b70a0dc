"""The worker: takes jobs from the queue, runs their work, and makes the result visible in one transaction."""

import logging
import os
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from openpersonalize.errors import JobError
from openpersonalize.jobs import queue
from openpersonalize.jobs.queue import Claim, LeaseLost
from openpersonalize.storage.stores import Stores

log = logging.getLogger(__name__)

Publish = Callable[[Session], None]
"""Makes the result of finished work visible; runs in the transaction that ends the job."""

POLL_S = 0.1
PROGRESS_EVERY_S = 0.5


class JobCancelled(Exception):  # noqa: N818
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
    def account(self) -> str:
        """The owner of the resource."""
        return self.claim.account

    @property
    def region(self) -> str:
        """The region of the resource."""
        return self.claim.region

    @property
    def attempt(self) -> int:
        """1 for the first try."""
        return self.claim.attempt

    @property
    def payload(self) -> Mapping[str, Any]:
        """What `begin` was given beside the row."""
        return self.claim.payload

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
        self.lost = self.cancelled = False
        self._done = threading.Event()
        self._started = time.monotonic()

    def run(self) -> None:
        written: tuple[str, float] = ("", 0.0)
        next_beat = time.monotonic() + self.lease_s / 3
        while not self._done.wait(PROGRESS_EVERY_S):
            if (self.phase, self.percent) != written or time.monotonic() >= next_beat:
                written = (self.phase, self.percent)
                next_beat = time.monotonic() + self.lease_s / 3
                self._write()
            if self.lost:
                return

    def _write(self) -> None:
        try:
            self.cancelled = queue.heartbeat(
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
        elapsed = time.monotonic() - self._started
        return round(elapsed * (100 - self.percent) / self.percent, 1)

    def check(self) -> None:
        """Raise what the work has to know."""
        if self.lost:
            raise LeaseLost(f"job {self.held.id}")
        if self.cancelled:
            raise JobCancelled(f"job {self.held.id}")

    def stop(self) -> None:
        self._done.set()
        self.join()


WorkFunction = Callable[[RunningJob, Stores], Publish]


class Worker:
    """Runs jobs one after the other until told to stop."""

    def __init__(
        self, stores: Stores, handlers: Mapping[str, WorkFunction], *, lease_s: float = 30.0
    ) -> None:
        self.stores, self.handlers, self.lease_s = stores, handlers, lease_s
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    def run_forever(self, stop: threading.Event) -> None:
        """Take jobs until `stop` is set."""
        while not stop.is_set():
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
        held = queue.claim(self.stores.database, self.owner, lease_s=self.lease_s, now=now)
        if held is None:
            return False
        log.info("job started", extra={"job": held.id, "kind": held.kind, "attempt": held.attempt})
        try:
            self._run(held)
        except LeaseLost:
            log.warning("job lost to another worker", extra={"job": held.id, "kind": held.kind})
        return True

    def _run(self, held: Claim) -> None:
        scratch = self._fresh_scratch(held)
        beat = _Heartbeat(self.stores, held, self.lease_s)
        job = RunningJob(held, scratch, beat)
        beat.start()
        try:
            publish = self._work(job)
            beat.check()
        except LeaseLost:
            raise
        except JobCancelled:
            beat.stop()
            self._end(job, state="cancelled", failure_class="cancelled")
        except JobError as error:
            beat.stop()
            self._end(job, state="failed", failure_class="customer", reason=str(error))
        except Exception as error:  # noqa: BLE001  (our fault: try again, then fail with a reason)
            beat.stop()
            self._fault(job, error)
        else:
            beat.stop()
            self._end(job, state="done", publish=publish)
        finally:
            beat.stop()
            shutil.rmtree(scratch, ignore_errors=True)

    def _work(self, job: RunningJob) -> Publish:
        if job.attempt > job.claim.job.max_attempts:
            raise JobError(
                f"The work was interrupted {job.attempt - 1} times (a worker died or ran out of memory); "
                "it is not tried again. See the worker's log, then create the resource anew."
            )
        return self.handlers[job.kind](job, self.stores)

    def _fresh_scratch(self, held: Claim) -> Path:
        """Make this attempt's folder, after deleting those of earlier attempts."""
        for old in self.stores.scratch.glob(f"{held.id}-*"):
            shutil.rmtree(old, ignore_errors=True)
        scratch = self.stores.scratch / f"{held.id}-{held.attempt}"
        scratch.mkdir()
        return scratch

    def _end(
        self,
        job: RunningJob,
        *,
        state: str,
        failure_class: str | None = None,
        reason: str | None = None,
        publish: Publish | None = None,
    ) -> None:
        with self.stores.database.write() as session:
            if publish is not None:
                publish(session)
            queue.finish(
                session,
                job.claim,
                state=state,
                now=self.stores.clock(),
                reason=reason,
                failure_class=failure_class,
                details=job.details,
            )
        log.info("job ended", extra={"job": job.id, "kind": job.kind, "state": state})

    def _fault(self, job: RunningJob, error: Exception) -> None:
        log.exception("job failed", extra={"job": job.id, "kind": job.kind, "attempt": job.attempt})
        name = type(error).__name__
        reason = f"An internal error ({name}) stopped the work; see the worker's log for job {job.id}."
        if job.attempt >= job.claim.job.max_attempts:
            self._end(job, state="failed", failure_class="fault", reason=reason)
            return
        with self.stores.database.write() as session:
            queue.retry(session, job.claim, now=self.stores.clock(), reason=reason)
