"""The queue of jobs: a table in the same database, so that a resource and its job appear together.

Every write of a worker is fenced: `… WHERE id = ? AND attempt = ? AND lease_owner = ?`. A worker that
wakes up after its lease was given to another one updates zero rows and stops.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, and_, or_, select, update
from sqlalchemy.orm import Session

from openpersonalize.jobs.lifecycle import JOBS, Job, set_words
from openpersonalize.storage.database import Database
from openpersonalize.storage.tables import Base, JobRow, Lifecycle

RETRY_AFTER_S = 1.0


class LeaseLost(Exception):  # noqa: N818
    """Another worker has the job now, or it is gone: stop and change nothing."""


@dataclass(frozen=True)
class Claim:
    """A job as its worker holds it."""

    id: int
    kind: str
    account: str
    region: str
    resource_arn: str
    attempt: int
    owner: str
    payload: Mapping[str, Any]

    @property
    def job(self) -> Job:
        """The declaration of this kind of job."""
        return JOBS[self.kind]

    @property
    def fence(self) -> ColumnElement[bool]:
        """The condition that every write on behalf of this claim carries."""
        return and_(
            JobRow.id == self.id,
            JobRow.attempt == self.attempt,
            JobRow.lease_owner == self.owner,
            JobRow.state == "running",
        )


def claim(database: Database, owner: str, *, lease_s: float, now: float) -> Claim | None:
    """Take the oldest runnable job: queued and due, or running with an expired lease.

    `now` is the clock of schedules (tests move it); leases are measured by the database's clock.
    """
    with database.write() as session:
        clock = database.now(session)
        runnable = or_(
            and_(JobRow.state == "queued", JobRow.not_before <= now),
            and_(JobRow.state == "running", JobRow.lease_until < clock),
        )
        query = select(JobRow).where(runnable).order_by(JobRow.id).limit(1)
        row = session.scalar(query if database.is_sqlite else query.with_for_update(skip_locked=True))
        if row is None:
            return None
        row.state = "running"
        row.attempt += 1
        row.lease_owner = owner
        row.lease_until = clock + lease_s
        row.heartbeat_at = clock
        row.started_at = row.started_at or now
        taken = Claim(
            row.id, row.kind, row.account, row.region, row.resource_arn, row.attempt, owner, row.payload
        )
        resource = resource_of(session, taken)
        if resource is not None and not row.cancel_requested:
            set_words(resource, taken.job, taken.job.phase.running, now=now)
        return taken


def has_runnable(database: Database, *, now: float) -> bool:
    """Whether a job waits that `claim` would take; a cheap look without the write lock."""
    with database.read() as session:
        clock = database.now(session)
        condition = or_(
            and_(JobRow.state == "queued", JobRow.not_before <= now),
            and_(JobRow.state == "running", JobRow.lease_until < clock),
        )
        return session.scalar(select(JobRow.id).where(condition).limit(1)) is not None


def heartbeat(
    database: Database,
    held: Claim,
    *,
    lease_s: float,
    phase: str = "",
    percent: float | None = None,
    eta_s: float | None = None,
) -> bool:
    """Prolong the lease and write the progress; True when the job is to be cancelled.

    Raises LeaseLost.
    """
    with database.write() as session:
        clock = database.now(session)
        values: dict[str, Any] = {"lease_until": clock + lease_s, "heartbeat_at": clock}
        if phase:
            values |= {"progress_phase": phase, "progress_percent": percent, "eta_s": eta_s}
        _fenced(session, held, values)
        return bool(session.scalar(select(JobRow.cancel_requested).where(JobRow.id == held.id)))


def finish(
    session: Session,
    held: Claim,
    *,
    state: str,
    now: float,
    reason: str | None = None,
    failure_class: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """End the job and give its resource the phase's last word, in the caller's transaction.

    Raises LeaseLost, and the caller's transaction must then be rolled back.
    """
    values: dict[str, Any] = {
        "state": state,
        "finished_at": now,
        "failure_class": failure_class,
        "failure_reason": reason,
        "details": dict(details or {}) or None,
        "lease_until": None,
    }
    if state == "done":
        values["progress_percent"] = 100.0
    _fenced(session, held, values)
    resource = resource_of(session, held)
    if resource is None:
        return
    phase = held.job.phase
    if state == "done":
        if phase.done is None:
            session.delete(resource)
        else:
            set_words(resource, held.job, phase.done, now=now)
    else:
        word = phase.cancelled if state == "cancelled" else phase.failed
        set_words(resource, held.job, word, now=now, reason=reason)


def retry(session: Session, held: Claim, *, now: float, reason: str) -> None:
    """Give the job back to the queue after a fault of ours, to be tried again a little later."""
    values = {
        "state": "queued",
        "not_before": now + RETRY_AFTER_S * 2 ** (held.attempt - 1),
        "failure_class": "fault",
        "failure_reason": reason,
        "lease_owner": None,
        "lease_until": None,
    }
    _fenced(session, held, values)


def _fenced(session: Session, held: Claim, values: Mapping[str, Any]) -> None:
    result = session.execute(update(JobRow).where(held.fence).values(**values))
    assert isinstance(result, CursorResult)  # noqa: S101
    if result.rowcount != 1:
        raise LeaseLost(f"job {held.id}, attempt {held.attempt}")


def resource_of(session: Session, held: Claim) -> Lifecycle | None:
    """The row that a job works on; None when it is gone."""
    table = _lifecycle_tables()[resource_table(held.resource_arn)]
    return session.scalar(select(table).where(table.arn == held.resource_arn))


def resource_table(arn: str) -> str:
    """The table of the resource that an ARN names."""
    kind, *rest = arn.split(":", 5)[5].split("/")
    if kind == "solution" and len(rest) == 2:
        return "solution_versions"
    return kind.replace("-", "_") + "s"


def _lifecycle_tables() -> dict[str, type[Lifecycle]]:
    return {
        str(mapper.local_table): mapper.class_
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, Lifecycle)
    }
