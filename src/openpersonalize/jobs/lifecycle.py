"""Lifecycles: phases of a resource, and the jobs that take it through them.

A phase is four words (pending, running, done, failed) and the states it may start from. A deletion ends
in no row instead of a word. Nobody but `begin` here and the worker's `queue` writes a status.
"""

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from openpersonalize.errors import ResourceInUseException
from openpersonalize.storage import records
from openpersonalize.storage.tables import JobRow, Lifecycle


@dataclass(frozen=True)
class Phase:
    """The words of one phase; `done` is None where the row ends with it."""

    pending: str
    running: str
    done: str | None
    failed: str
    starts_from: frozenset[str] = frozenset()
    cancelling: str = ""
    cancelled: str = ""


CREATE = Phase("CREATE PENDING", "CREATE IN_PROGRESS", "ACTIVE", "CREATE FAILED")
TRAIN = Phase(
    "CREATE PENDING",
    "CREATE IN_PROGRESS",
    "ACTIVE",
    "CREATE FAILED",
    cancelling="CREATE STOPPING",
    cancelled="CREATE STOPPED",
)
DELETE = Phase(
    "DELETE PENDING",
    "DELETE IN_PROGRESS",
    None,
    "DELETE FAILED",
    frozenset({"ACTIVE", "INACTIVE", "CREATE FAILED", "CREATE STOPPED", "DELETE FAILED"}),
)
UPDATE = Phase("UPDATE PENDING", "UPDATE IN_PROGRESS", "ACTIVE", "ACTIVE", frozenset({"ACTIVE"}))
"""What fails here changes nothing: the resource is as good as before."""
STOP = Phase("STOP PENDING", "STOP IN_PROGRESS", "INACTIVE", "ACTIVE", frozenset({"ACTIVE"}))
START = Phase("START PENDING", "START IN_PROGRESS", "ACTIVE", "INACTIVE", frozenset({"INACTIVE"}))
ERASE = Phase("PENDING", "IN_PROGRESS", "COMPLETED", "FAILED")


@dataclass(frozen=True)
class Job:
    """A phase and the work done in it.

    `kind` names the work function; `sub_record` is the JSON column that carries the phase's words
    instead of the row's status (an update of a resource that goes on serving). After `max_attempts`
    faults of ours the job fails.
    """

    kind: str
    phase: Phase
    sub_record: str = ""
    max_attempts: int = 3

    @property
    def deletes(self) -> bool:
        """Whether the resource is gone when the job is done."""
        return self.phase.done is None


UNFINISHED = ("queued", "running")

JOBS: dict[str, Job] = {}
"""Every declared job by kind; the worker looks the phase of a row of the queue up here."""


def declare(job: Job) -> Job:
    """Make a job known to the worker; raises ValueError when the kind is taken."""
    if job.kind in JOBS:
        raise ValueError(f"job {job.kind} is declared twice")
    JOBS[job.kind] = job
    return job


CREATE_DATASET_GROUP = declare(Job("create-dataset-group", CREATE))
DELETE_DATASET_GROUP = declare(Job("delete-dataset-group", DELETE))
CREATE_DATASET = declare(Job("create-dataset", CREATE))
DELETE_DATASET = declare(Job("delete-dataset", DELETE))
IMPORT_DATASET = declare(Job("import-dataset", CREATE))
INDEX_DATASET = declare(Job("index-dataset", CREATE, sub_record="indexing"))
CREATE_EVENT_TRACKER = declare(Job("create-event-tracker", CREATE))
DELETE_EVENT_TRACKER = declare(Job("delete-event-tracker", DELETE))
CREATE_SOLUTION = declare(Job("create-solution", CREATE))
DELETE_SOLUTION = declare(Job("delete-solution", DELETE))
TRAIN_SOLUTION_VERSION = declare(Job("train-solution-version", TRAIN))
UPDATE_MODEL = declare(Job("update-model", TRAIN, sub_record="updating"))
"""Of a solution version or a recommender that serves; what fails leaves the model as it was."""
DEPLOY_CAMPAIGN = declare(Job("deploy-campaign", CREATE))
UPDATE_CAMPAIGN = declare(Job("update-campaign", CREATE, sub_record="latest_update"))
ROLL_OUT_CAMPAIGN = declare(Job("roll-out-campaign", CREATE, sub_record="roll_out"))
DELETE_CAMPAIGN = declare(Job("delete-campaign", DELETE))
UPDATE_DATASET = declare(Job("update-dataset", UPDATE))
UPDATE_SOLUTION = declare(Job("update-solution", CREATE, sub_record="latest_update"))
CREATE_RECOMMENDER = declare(Job("create-recommender", CREATE))
UPDATE_RECOMMENDER = declare(Job("update-recommender", CREATE, sub_record="latest_update"))
RETRAIN_RECOMMENDER = declare(Job("retrain-recommender", TRAIN, sub_record="retraining"))
STOP_RECOMMENDER = declare(Job("stop-recommender", STOP))
START_RECOMMENDER = declare(Job("start-recommender", START))
DELETE_RECOMMENDER = declare(Job("delete-recommender", DELETE))
CREATE_FILTER = declare(Job("create-filter", CREATE))
DELETE_FILTER = declare(Job("delete-filter", DELETE))
CREATE_METRIC_ATTRIBUTION = declare(Job("create-metric-attribution", CREATE))
UPDATE_METRIC_ATTRIBUTION = declare(Job("update-metric-attribution", UPDATE))
DELETE_METRIC_ATTRIBUTION = declare(Job("delete-metric-attribution", DELETE))
INFER_BATCH = declare(Job("infer-batch", CREATE))
SEGMENT_BATCH = declare(Job("segment-batch", CREATE))
EXPORT_DATASET = declare(Job("export-dataset", CREATE))
DELETE_DATA = declare(Job("delete-data", ERASE))


def begin(session: Session, row: Lifecycle, job: Job, *, now: float) -> JobRow:
    """Put `row` into the pending state of the job's phase and the job into the queue, in one transaction.

    A deletion asks what else is under way for the resource to stop. Jobs of one resource run one after
    the other, in the order of their beginning. Raises ResourceInUseException when the phase may not start
    from the row's present state.
    """
    phase = job.phase
    if phase.starts_from and row.status not in phase.starts_from:
        raise ResourceInUseException(
            f"{row.arn} is in state {row.status}; this needs one of: {', '.join(sorted(phase.starts_from))}."
        )
    set_words(row, job, phase.pending, now=now)
    row.last_updated_date_time = now
    session.add(row)
    if job.deletes:
        request_cancel(session, row.arn)
    queued = JobRow(
        kind=job.kind,
        account=row.account,
        region=row.region,
        resource_arn=row.arn,
        state="queued",
        created_at=now,
    )
    session.add(queued)
    session.flush()
    return queued


def request_cancel(session: Session, resource_arn: str) -> int:
    """Ask the unfinished jobs of a resource to stop, in the caller's transaction; says how many there are."""
    condition = (JobRow.resource_arn == resource_arn, JobRow.state.in_(UNFINISHED))
    return records.change(session, update(JobRow).where(*condition).values(cancel_requested=True))


def stop(session: Session, row: Lifecycle, job: Job, *, now: float) -> bool:
    """Stop the work of a phase that can be stopped; False where `row` is neither pending nor running.

    What nobody has taken yet ends here; what runs is asked to, and ends within seconds.
    """
    # The job before the row, as the worker locks them: so neither waits for the other in a circle.
    unfinished = (JobRow.resource_arn == row.arn, JobRow.kind == job.kind, JobRow.state.in_(UNFINISHED))
    queued = session.scalar(select(JobRow).where(*unfinished).with_for_update())
    session.refresh(row, with_for_update=True)
    if queued is None or row.status not in (job.phase.pending, job.phase.running):
        return False
    if row.status == job.phase.running:
        queued.cancel_requested = True
        set_words(row, job, job.phase.cancelling, now=now)
    else:
        queued.state, queued.failure_class, queued.finished_at = "cancelled", "cancelled", now
        set_words(row, job, job.phase.cancelled, now=now)
    return True


def set_words(row: Lifecycle, job: Job, word: str, *, now: float, reason: str | None = None) -> None:
    """Write a word of the job's phase where it belongs: the row's status, or its update's sub-record."""
    if job.sub_record:
        record = dict(getattr(row, job.sub_record) or {})
        record |= {"status": word, "lastUpdatedDateTime": now}
        if reason:
            record["failureReason"] = reason
        setattr(row, job.sub_record, record)
        return
    row.status = word
    row.failure_reason = reason
    row.last_updated_date_time = now
