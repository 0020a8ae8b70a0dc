"""Training: collect the data of a subject, train in a child process, publish the artifact."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.errors import InvalidInputException, JobError
from openpersonalize.jobs import rollouts
from openpersonalize.jobs.orphans import record_child
from openpersonalize.jobs.worker import RunningJob
from openpersonalize.recipes.catalogue import BUILT, RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.recipe import Recipe, Value, Where
from openpersonalize.storage import records
from openpersonalize.storage.durable_files import move_into_place
from openpersonalize.storage.event_log import Streamed, read_streamed
from openpersonalize.storage.generations import generation_folder, part_paths
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import DatasetGroupRow, DatasetRow, GenerationRow, SolutionVersionRow
from openpersonalize.work import impressions
from openpersonalize.work.action_data import action_files
from openpersonalize.work.contexts import contextual_columns, streamed_values
from openpersonalize.work.feature_tables import is_used, write_tables
from openpersonalize.work.sessions import owners
from openpersonalize.work.unbuilt_training import refuse_unbuilt

SEED = 0
_WAIT_S = 0.2


class TrainingChildError(Exception):
    """The training child ended without a result: a fault of ours, or the system killed it."""


@dataclass(frozen=True)
class Subject:
    """What is trained, a solution version or a recommender; both are known by their row."""

    dataset_group_arn: str
    recipe_arn: str
    event_type: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    """A solutionConfig, or a recommenderConfig, as the wire has it."""
    previous: str | None = None
    """The artifact that is to be updated, instead of a full training."""


@dataclass(frozen=True)
class TrainedModel:
    """What a training has published: a folder below `artifacts/`, which no row names yet."""

    artifact_id: str
    metrics: dict[str, float]
    hours: float
    tuned: dict[str, str] | None = None
    """The hyperparameters that a search has chosen; None without a search."""


@dataclass(frozen=True)
class _Data:
    """What is trained on: generations by dataset type, in the order of reading; contexts as in `Source`."""

    dataset_group_id: int
    generations: Mapping[str, list[str]]
    streamed: Streamed
    contexts: Mapping[str, bool]


def run_training(job: RunningJob, stores: Stores) -> Callable[[Session], None]:
    """Train one solution version and return what makes it ACTIVE with metrics, hours and artifact.

    Raises JobError for what the customer can mend: too little data, or a recipe that is not built yet.
    """
    with stores.database.read() as session:
        version = records.named(session, SolutionVersionRow, job.resource_arn)
        refuse_unbuilt(version)
        subject = Subject(
            version.dataset_group_arn, version.recipe_arn, version.event_type, version.solution_config or {}
        )
    trained = train(job, stores, subject)

    def publish(session: Session) -> None:
        row = records.named(session, SolutionVersionRow, job.resource_arn)
        row.metrics = trained.metrics
        row.training_hours = trained.hours
        if trained.tuned is not None:
            row.tuned_hpo_params = {"algorithmHyperParameters": trained.tuned}
        row.artifact_id = trained.artifact_id
        rollouts.announce(session, row.solution_arn, now=stores.clock())

    return publish


def train(job: RunningJob, stores: Stores, subject: Subject) -> TrainedModel:
    """Train a model on all that a dataset group has now.

    Raises JobError for what the customer can mend, JobCancelled and LeaseLost.
    """
    started = time.monotonic()
    job.progress("collecting data", 0.0)
    recipe = _recipe_of(subject)
    spec = _spec(job, stores, subject, recipe)
    result = _run_child(job, spec)
    job.note(data=result["counts"], phases_s=result["phases_s"], peak_memory_mb=result["peak_rss_mb"])
    if result["trials"]:
        job.note(trials=result["trials"])
    job.progress("publishing", 99.0)
    artifact_id = f"{job.output_id()}-{result['manifest_sha256'][:16]}"
    move_into_place(Path(spec["folder"]), stores.artifacts / artifact_id)
    hours = round((time.monotonic() - started) / 3600.0, 4)
    return TrainedModel(artifact_id, result["metrics"], hours, result["tuned"])


def _recipe_of(subject: Subject) -> Recipe:
    name = subject.recipe_arn.rpartition("/")[2]
    if name not in BUILT:
        raise JobError(f"not built yet: training {name}")
    return RECIPES[name]


def _collect(stores: Stores, dataset_group_arn: str, recipe: Recipe) -> _Data:
    with stores.database.read() as session:
        group_id = records.named(session, DatasetGroupRow, dataset_group_arn).id
        rows = session.execute(
            select(DatasetRow.dataset_type, GenerationRow.id)
            .join(GenerationRow, GenerationRow.dataset_id == DatasetRow.id)
            .where(DatasetRow.dataset_group_arn == dataset_group_arn, GenerationRow.active)
            .order_by(GenerationRow.position, GenerationRow.created_at)
        ).all()
        contexts = contextual_columns(session, dataset_group_arn) if recipe.is_contextual else {}
    generations: dict[str, list[str]] = {}
    for dataset_type, generation_id in rows:
        generations.setdefault(dataset_type.upper(), []).append(generation_id)
    return _Data(group_id, generations, read_streamed(stores.database, group_id), contexts)


def _spec(job: RunningJob, stores: Stores, subject: Subject, recipe: Recipe) -> dict[str, Any]:
    """Return what the training child is told, as JSON."""
    settings = _settings(subject, recipe)
    tables = write_tables(job, stores, subject.dataset_group_arn, recipe.tables, subject.config)
    actions = action_files(job, stores, subject.dataset_group_arn, recipe)
    data = _collect(stores, subject.dataset_group_arn, recipe)
    generations = data.generations.get("INTERACTIONS", [])
    interactions = _parts(stores, generations)
    events = _write_streamed(data, job.scratch / "streamed.parquet")
    return {
        "recipe": recipe.name,
        "settings": settings,
        "interactions": [str(path) for path in interactions + events],
        "items": [str(path) for path in _parts(stores, data.generations.get("ITEMS", []))],
        "contexts": {
            name: is_categories
            for name, is_categories in data.contexts.items()
            if is_used(name, "INTERACTIONS", subject.config)
        },
        "records": tables,
        "files": dict(actions.files),
        "impressions": _impressions(job, stores, recipe, data, _parts(stores, generations)),
        "objective": _objective(subject),
        "previous": None if subject.previous is None else str(stores.artifacts / subject.previous),
        "has_one_origin": len(generations) + len(events) == 1 and not events,
        "event_type": recipe.event_type or subject.event_type,
        "value_threshold": _threshold(subject.config.get("eventValueThreshold")),
        "minimums": stores.limits.minimums,
        "seed": SEED,
        "n_threads": len(os.sched_getaffinity(0)),
        "folder": str(job.scratch / "artifact"),
        "extra": {
            "recipe": recipe.name,
            "recipe_type": recipe.recipe_type,
            "needs_user": recipe.needs_user,
            "question": recipe.question.value,
            "leaves_out": recipe.leaves_out,
            "watermark": list(data.streamed.watermark),
            "dataset_group_id": data.dataset_group_id,
            **actions.extra,
        },
        "parent": os.getpid(),
    }


def _settings(subject: Subject, recipe: Recipe) -> dict[str, Value]:
    try:
        return validate_hyperparameters(
            recipe,
            subject.config.get("algorithmHyperParameters") or {},
            subject.config.get("featureTransformationParameters") or {},
        )
    except InvalidInputException as error:
        raise JobError(error.message) from error


def _objective(subject: Subject) -> dict[str, str] | None:
    """What a solution is to raise beside relevance; None where that is nothing."""
    given = subject.config.get("optimizationObjective") or {}
    sensitivity = given.get("objectiveSensitivity") or "OFF"
    if sensitivity == "OFF" or not given.get("itemAttribute"):
        return None
    return {"item_attribute": given["itemAttribute"], "sensitivity": sensitivity}


def _parts(stores: Stores, generation_ids: list[str]) -> list[Path]:
    return [
        path
        for generation_id in generation_ids
        for path in part_paths(generation_folder(stores.data_dir, generation_id))
    ]


def _threshold(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise JobError(f"The eventValueThreshold {text!r} is not a number.") from None


def _write_streamed(data: _Data, path: Path) -> list[Path]:
    """Write the streamed events that count for training as one Parquet file; none if there are none.

    Those of a session that names no user are left out, see `sessions`.
    """
    columns = data.streamed.columns
    frame = pl.DataFrame(
        {
            "USER_ID": owners(columns),
            "ITEM_ID": columns["item_id"],
            "TIMESTAMP": columns["timestamp"],
            "EVENT_TYPE": columns["event_type"],
            "EVENT_VALUE": columns["event_value"],
        },
        schema={
            "USER_ID": pl.String,
            "ITEM_ID": pl.String,
            "TIMESTAMP": pl.Int64,
            "EVENT_TYPE": pl.String,
            "EVENT_VALUE": pl.Float32,
        },
        strict=False,
    )
    frame = frame.with_columns(streamed_values(columns["properties"], data.contexts))
    frame = frame.filter(pl.col("USER_ID").is_not_null())
    if frame.is_empty():
        return []
    frame.write_parquet(path)
    return [path]


def _impressions(
    job: RunningJob, stores: Stores, recipe: Recipe, data: _Data, imported: list[Path]
) -> dict[str, list[str]] | None:
    """Return where a recipe that explores finds how often each item was shown; None for the others."""
    if not recipe.parameters(Where.CAMPAIGN):
        return None
    streamed = impressions.write_streamed(stores, data.streamed.columns, job.scratch / "shown.parquet")
    return {"imported": [str(path) for path in imported], "streamed": [str(path) for path in streamed]}


def _run_child(job: RunningJob, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Run the training child to its end, passing its progress on; kill it if the job is to stop.

    Raises JobError with the child's reason, JobCancelled, LeaseLost, or TrainingChildError.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "openpersonalize.work.training_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        text=True,
    )
    stdin, stdout = cast("IO[str]", child.stdin), cast("IO[str]", child.stdout)
    try:
        record_child(job.scratch, child.pid)
        stdin.write(json.dumps(spec))
        stdin.close()
        result = _follow(job, stdout)
    finally:
        child.kill()
        child.wait()
    if result is None:
        raise TrainingChildError(f"The training child ended with {child.returncode} and no result.")
    return result


def _follow(job: RunningJob, stdout: IO[str]) -> dict[str, Any] | None:
    """Read the child's lines until its result; None if it ends without one."""
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_forward, args=(stdout, lines), daemon=True).start()
    phase, percent = "starting", 0.0
    while True:
        job.progress(phase, percent)
        try:
            line = lines.get(timeout=_WAIT_S)
        except queue.Empty:
            continue
        if line is None:
            return None
        message = json.loads(line)
        if "failure" in message:
            raise JobError(message["failure"])
        if "result" in message:
            return dict(message["result"])
        phase, percent = message["progress"]


def _forward(stdout: IO[str], lines: "queue.Queue[str | None]") -> None:
    for line in stdout:
        lines.put(line)
    lines.put(None)
