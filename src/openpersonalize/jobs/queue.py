"""The queue of jobs: a table in the same database, so that a resource and its job appear together.

Who may write what:
- `lifecycle.begin` inserts a job, queued. `lifecycle.request_cancel` and `stop` set its flag; `stop` also
  ends one that nobody has taken yet. Nothing else does.
- `claim` gives a job to a worker for `lease_s` and counts its `attempt` up. The lease is measured by the
  database's clock, the only one that all workers share.
- Every write of a worker is fenced: `… WHERE id = ? AND attempt = ? AND lease_owner = ? AND state =
  'running'`. A worker that wakes up after its lease was given to another one updates zero rows and stops.
- `release` gives jobs back whose worker is known to be dead, so that nobody waits for their leases.

A worker that is frozen inside a transaction holds locks that nobody can take from it: on SQLite the one
write lock, so that all writers wait until it goes on; on PostgreSQL its job's row, until the server ends the
idle transaction after a minute. Nothing is lost or done twice, as the fence holds in any order.

Jobs of one resource run one after the other in order of their ids: a job is not runnable while an older
one of the same resource is unfinished. Rows are never deleted: files of a job are named by its id, and
what an unfinished attempt left behind is found by that name (see `jobs.worker`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, update
from sqlalchemy.orm import Session, aliased

from openpersonalize.jobs.lifecycle import JOBS, UNFINISHED, Job, set_words
from openpersonalize.storage import records
from openpersonalize.storage.database import Database
from openpersonalize.storage.tables import LONGEST_REASON, Base, JobRow, Lifecycle

RETRY_AFTER_S = 1.0
WORKER_DIED = "The worker died or stopped answering while it ran the job."


class LeaseLost(Exception):  # noqa: N818  (no error: the job is in other hands)
    """Another worker has the job now, or it is gone: stop and change nothing."""


class StopWanted(Exception):  # noqa: N818  (no error: somebody asked for it)
    """The work was done when the resource had been told to stop: nothing of it may become visible."""


class ResourceGone(Exception):  # noqa: N818  (no error: somebody wanted it so)
    """The resource was deleted while its job ran: nothing of the result may become visible."""


@dataclass(frozen=True)
class Claim:
    """A job as its worker holds it; flags as they were when it was taken."""

    id: int
    kind: str
    resource_arn: str
    attempt: int
    faults: int
    owner: str
    created_at: float
    cancel_requested: bool
    resource_exists: bool

    @property
    def job(self) -> Job:
        """The declaration of this kind of job."""
        return JOBS[self.kind]

    @property
    def files(self) -> str:
        """How the names of all files and folders of the job begin."""
        return files_prefix(self.id, self.created_at)

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
        query = _runnable(clock, now)
        row = session.scalar(query if database.is_sqlite else query.with_for_update(skip_locked=True))
        if row is None:
            return None
        if row.state == "running":
            _count_fault(row)
        row.state = "running"
        row.attempt += 1
        row.lease_owner = owner
        row.lease_until = clock + lease_s
        row.heartbeat_at = clock
        row.started_at = row.started_at or now
        row.progress_phase, row.progress_percent, row.eta_s = None, None, None
        resource = resource_of(session, row.resource_arn)
        if resource is not None and not row.cancel_requested:
            set_words(resource, JOBS[row.kind], JOBS[row.kind].phase.running, now=now)
        return Claim(
            id=row.id,
            kind=row.kind,
            resource_arn=row.resource_arn,
            attempt=row.attempt,
            faults=row.faults,
            owner=owner,
            created_at=row.created_at,
            cancel_requested=row.cancel_requested,
            resource_exists=resource is not None,
        )


def has_runnable(database: Database, *, now: float) -> bool:
    """Whether a job waits that `claim` would take; a cheap look without the write lock."""
    with database.read() as session:
        if session.scalar(_UNFINISHED_JOBS) is None:  # a tenth of the work: what an idle worker asks all day
            return False
        query = _runnable(database.now(session), now).with_only_columns(JobRow.id)
        return session.scalar(query) is not None


_UNFINISHED_JOBS = select(JobRow.id).where(JobRow.state.in_(UNFINISHED)).limit(1)


def _runnable(clock: float, now: float) -> Select[JobRow]:
    older = aliased(JobRow)
    waits = (
        select(older.id)
        .where(older.resource_arn == JobRow.resource_arn, older.id < JobRow.id, older.state.in_(UNFINISHED))
        .exists()
    )
    due = or_(
        and_(JobRow.state == "queued", JobRow.not_before <= now),
        and_(JobRow.state == "running", JobRow.lease_until < clock),
    )
    # A kind that is not declared here belongs to a newer version, whose workers will take it.
    return select(JobRow).where(due, JobRow.kind.in_(JOBS), ~waits).order_by(JobRow.id).limit(1)


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
        return cancel_requested(session, held)


def cancel_requested(session: Session, held: Claim) -> bool:
    """Whether somebody wants the job to stop."""
    return bool(session.scalar(select(JobRow.cancel_requested).where(JobRow.id == held.id)))


def finish(
    session: Session,
    held: Claim,
    *,
    state: str,
    now: float,
    publish: Callable[[Session], None] | None = None,
    reason: str | None = None,
    failure_class: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """End the job, make its result visible and give its resource the phase's last word.

    All in the caller's transaction, which must be rolled back when this raises LeaseLost, ResourceGone
    (there is a result and nothing that it belongs to), or StopWanted.
    """
    reason = _storable(reason)
    values: dict[str, Any] = {
        "state": state,
        "finished_at": now,
        "failure_class": failure_class,
        "failure_reason": reason,
        "details": dict(details or {}) or None,
        "lease_until": None,
        "eta_s": None,
    }
    if state == "done":
        values["progress_percent"] = 100.0
    _fenced(session, held, values)
    if state == "done" and held.job.phase.cancelled and cancel_requested(session, held):
        raise StopWanted(held.resource_arn)
    resource = resource_of(session, held.resource_arn)
    if resource is None:
        if state == "done" and not held.job.deletes:
            raise ResourceGone(held.resource_arn)
        return
    if publish is not None:
        publish(session)
    _give_last_word(session, held, resource, state=state, now=now, reason=reason)


def _give_last_word(
    session: Session, held: Claim, resource: Lifecycle, *, state: str, now: float, reason: str | None
) -> None:
    phase = held.job.phase
    if state == "done" and phase.done is None:
        session.delete(resource)
    elif state == "done":
        set_words(resource, held.job, phase.done or "", now=now)
    elif state != "cancelled" or phase.cancelled:
        word = phase.cancelled if state == "cancelled" else phase.failed
        set_words(resource, held.job, word, now=now, reason=reason)
        if resource.status == "ACTIVE":
            # A recommender that could not be stopped answers again.
            records.bump(session, records.DEPLOYMENTS)
    else:
        # Only a deletion cancels a job of a phase without such a word, and it has written its own.
        resource.last_updated_date_time = now


def retry(session: Session, held: Claim, *, now: float, reason: str) -> None:
    """Give the job back to the queue after a fault of ours, to be tried again a little later."""
    values = {
        "state": "queued",
        "faults": held.faults + 1,
        "not_before": now + RETRY_AFTER_S * 2**held.faults,
        "failure_class": "fault",
        "failure_reason": _storable(reason),
        "lease_owner": None,
        "lease_until": None,
    }
    _fenced(session, held, values)


def hand_back(database: Database, held: Claim) -> bool:
    """Give the job back to the queue in order, as if it had not been taken; False when it is lost anyway."""
    try:
        with database.write() as session:
            _fenced(session, held, {"state": "queued", "lease_owner": None, "lease_until": None})
    except LeaseLost:
        return False
    return True


def release(database: Database, owner_prefix: str, *, is_fault: bool) -> int:
    """Give back all jobs of the workers whose name starts so, who are dead; says how many.

    Harmless when one of them lives after all: its writes are fenced. A fault counts against the job.
    """
    with database.write() as session:
        query = select(JobRow).where(
            JobRow.state == "running", JobRow.lease_owner.startswith(owner_prefix, autoescape=True)
        )
        rows = list(session.scalars(query if database.is_sqlite else query.with_for_update()))
        for row in rows:
            row.state, row.lease_owner, row.lease_until = "queued", None, None
            if is_fault:
                _count_fault(row)
        return len(rows)


def files_prefix(job_id: int, created_at: float) -> str:
    """How the names of a job's folders begin; with the time, as another database may number alike."""
    return f"{job_id}-{int(created_at * 1000):x}-"


def _storable(reason: str | None) -> str | None:
    """A reason as every database takes it: cut to its column, without NUL and lone surrogates.

    What a reason quotes comes from customers' files and may be anything; a job must be able to end.
    """
    if reason is None:
        return None
    text = reason.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def _count_fault(row: JobRow) -> None:
    row.faults += 1
    row.failure_class, row.failure_reason = "fault", WORKER_DIED


def _fenced(session: Session, held: Claim, values: Mapping[str, Any]) -> None:
    if records.change(session, update(JobRow).where(held.fence).values(**values)) != 1:
        raise LeaseLost(f"job {held.id}, attempt {held.attempt}")


def resource_of(session: Session, arn: str) -> Lifecycle | None:
    """The row that a job works on; None when it is gone."""
    table = lifecycle_tables().get(resource_table(arn))
    return None if table is None else session.scalar(select(table).where(table.arn == arn))


def resource_table(arn: str) -> str:
    """The table of the resource that an ARN names."""
    kind, *rest = arn.split(":", 5)[5].split("/")
    if kind == "solution" and len(rest) == 2:
        return "solution_versions"
    return kind.replace("-", "_") + "s"


def lifecycle_tables() -> dict[str, type[Lifecycle]]:
    """All tables of resources with a status, by name."""
    return {
        str(mapper.local_table): mapper.class_
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, Lifecycle)
    }
