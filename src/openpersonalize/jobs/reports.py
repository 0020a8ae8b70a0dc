"""What people see of jobs: the lists and details that the command line and the console show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.storage.tables import JobRow

State = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class JobReport:
    """A job; times in epoch seconds UTC, percent 0 to 100, `details` as the work noted them."""

    id: int
    kind: str
    account: str
    region: str
    resource_arn: str
    state: str
    attempt: int
    faults: int
    worker: str | None
    phase: str | None
    percent: float | None
    eta_s: float | None
    cancel_requested: bool
    failure_class: str | None
    failure_reason: str | None
    not_before: float
    created_at: float
    started_at: float | None
    finished_at: float | None
    heartbeat_at: float | None
    details: Mapping[str, Any]

    @property
    def seconds(self) -> float | None:
        """How long it took from its first start to its end; None while it is not finished."""
        if self.started_at is None or self.finished_at is None:
            return None
        return round(self.finished_at - self.started_at, 3)


def list_jobs(
    session: Session, *, state: str = "", kind: str = "", resource_arn: str = "", limit: int = 50
) -> list[JobReport]:
    """The newest jobs first, of all accounts and regions; empty conditions hold for all."""
    query = select(JobRow).order_by(JobRow.id.desc()).limit(limit)
    if state:
        query = query.where(JobRow.state == state)
    if kind:
        query = query.where(JobRow.kind == kind)
    if resource_arn:
        query = query.where(JobRow.resource_arn == resource_arn)
    return [_report(row) for row in session.scalars(query)]


def show_job(session: Session, job_id: int) -> JobReport | None:
    """One job; None where there is none of this number."""
    row = session.get(JobRow, job_id)
    return None if row is None else _report(row)


def newest_job_of(session: Session, resource_arn: str) -> JobReport | None:
    """The last job of a resource; None where it never had one."""
    return next(iter(list_jobs(session, resource_arn=resource_arn, limit=1)), None)


def _report(row: JobRow) -> JobReport:
    return JobReport(
        id=row.id,
        kind=row.kind,
        account=row.account,
        region=row.region,
        resource_arn=row.resource_arn,
        state=row.state,
        attempt=row.attempt,
        faults=row.faults,
        worker=row.lease_owner if row.state == "running" else None,
        phase=row.progress_phase,
        percent=row.progress_percent,
        eta_s=row.eta_s,
        cancel_requested=row.cancel_requested,
        failure_class=row.failure_class,
        failure_reason=row.failure_reason,
        not_before=row.not_before,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        heartbeat_at=row.heartbeat_at,
        details=row.details or {},
    )
