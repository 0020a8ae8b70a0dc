"""Training: collect the data of a subject, train in a child process, publish the artifact."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.errors import InvalidInputException, JobError
from openpersonalize.jobs import rollouts
from openpersonalize.jobs.trainings import newest_version
from openpersonalize.jobs.worker import RunningJob
from openpersonalize.recipes import tuning
from openpersonalize.recipes.catalogue import BUILT, RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.recipe import Recipe, Value, Where
from openpersonalize.storage import records
from openpersonalize.storage.durable_files import move_into_place
from openpersonalize.storage.event_log import Streamed, read_streamed
from openpersonalize.storage.generations import generation_folder, part_paths
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import (
    DatasetGroupRow,
    DatasetRow,
    GenerationRow,
    SolutionRow,
    SolutionVersionRow,
)
from openpersonalize.work import auto_ml, impressions, memory
from openpersonalize.work.action_data import action_files
from openpersonalize.work.contexts import contextual_columns, streamed_values
from openpersonalize.work.feature_tables import is_used, write_tables
from openpersonalize.work.sessions import owners
from openpersonalize.work.training_process import Span, run_child
from openpersonalize.work.unbuilt_training import refuse_unbuilt

SEED = 0


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
    tuned: Mapping[str, str] = field(default_factory=dict)
    """Hyperparameters that a search has chosen before; they hold in place of the config's."""
    search: "Search | None" = None


@dataclass(frozen=True)
class Search:
    """A search for hyperparameters that comes before a training, or in place of it.

    - `ranges`: an algorithmHyperParameterRanges as the wire has it; None for those of the recipe.
    - `is_all`: whether nothing is trained in full after it.
    """

    n_trials: int = tuning.DEFAULT_TRIALS
    n_parallel: int = tuning.DEFAULT_PARALLEL
    ranges: Mapping[str, Any] | None = None
    metric: str | None = None
    is_all: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Search":
        """Read the hpoConfig of a solutionConfig."""
        hpo = config.get("hpoConfig") or {}
        resources = hpo.get("hpoResourceConfig") or {}
        return cls(
            int(resources.get("maxNumberOfTrainingJobs") or tuning.DEFAULT_TRIALS),
            int(resources.get("maxParallelTrainingJobs") or tuning.DEFAULT_PARALLEL),
            hpo.get("algorithmHyperParameterRanges"),
            (hpo.get("hpoObjective") or {}).get("metricName") or None,
        )


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
        full = _full_version(session, version) if version.training_mode == "UPDATE" else None
        subject = Subject(
            version.dataset_group_arn,
            version.recipe_arn,
            version.event_type,
            config_of(version),
            None if full is None else full.artifact_id,
            {} if full is None else tuned_of(full),
            Search.of(config_of(version)) if version.perform_hpo and full is None else None,
        )
        is_open = version.perform_auto_ml
    if is_open:
        subject, trained = _train_best(job, stores, subject)
    else:
        trained = train(job, stores, subject)

    def publish(session: Session) -> None:
        row = records.named(session, SolutionVersionRow, job.resource_arn)
        row.metrics = trained.metrics if full is None else full.metrics
        row.training_hours = trained.hours
        if trained.tuned is not None:
            row.tuned_hpo_params = {"algorithmHyperParameters": trained.tuned}
        elif subject.tuned:
            row.tuned_hpo_params = {"algorithmHyperParameters": dict(subject.tuned)}
        if is_open:
            row.recipe_arn = subject.recipe_arn
            solution = records.named(session, SolutionRow, row.solution_arn)
            solution.auto_ml_result = {"bestRecipeArn": subject.recipe_arn}
        row.artifact_id = trained.artifact_id
        rollouts.announce(session, row.solution_arn, now=stores.clock())

    return publish


def _full_version(session: Session, version: SolutionVersionRow) -> SolutionVersionRow:
    """The newest version that was trained in full, of the solution of one that updates it."""
    conditions = SolutionVersionRow.status == "ACTIVE", SolutionVersionRow.training_mode != "UPDATE"
    full = newest_version(session, version.solution_arn, *conditions)
    if full is None:
        raise JobError(f"{version.solution_arn} has no ACTIVE version to update any more: train with FULL.")
    return full


def tuned_of(version: SolutionVersionRow) -> dict[str, str]:
    """Return the hyperparameters that a search has chosen for a version; none without a search."""
    return dict((version.tuned_hpo_params or {}).get("algorithmHyperParameters") or {})


_OPEN = ("autoMLConfig", "eventValueThreshold", "trainingDataConfig")
"""What of a solutionConfig holds where AutoML chooses the recipe."""


def config_of(version: SolutionVersionRow) -> dict[str, Any]:
    """Return what of a version's solutionConfig holds; of AutoML's not what is for one recipe."""
    config = version.solution_config or {}
    return {name: value for name, value in config.items() if name in _OPEN or not version.perform_auto_ml}


def _train_best(job: RunningJob, stores: Stores, subject: Subject) -> tuple[Subject, TrainedModel]:
    """Choose a recipe and train with it; return the subject with it, too."""
    started = time.monotonic()
    subject = replace(subject, search=None)
    choice = auto_ml.choose(job, auto_ml.candidates(subject.config), partial(_try, job, stores, subject))
    subject = _of_recipe(subject, choice.recipe, tuned=choice.tuned)
    trained = train(job, stores, subject, choice.span)
    return subject, replace(trained, hours=_hours_since(started))


def _hours_since(started: float) -> float:
    return round((time.monotonic() - started) / 3600.0, 4)


def _try(job: RunningJob, stores: Stores, subject: Subject, recipe: Recipe, span: Span) -> dict[str, Any]:
    """Search the hyperparameters of one recipe and return the child's result."""
    search = Search(n_trials=auto_ml.TRIALS, metric=auto_ml.metric_of(subject.config), is_all=True)
    candidate = _of_recipe(subject, recipe, search=search)
    scratch = job.scratch / f"candidate-{recipe.name}"
    scratch.mkdir()
    job.progress(f"{span.label}collecting data", span.low)
    spec = _spec(replace(job, scratch=scratch), stores, candidate, _recipe_of(candidate))
    return run_child(job, spec, span)


def _of_recipe(subject: Subject, recipe: Recipe, **more: Any) -> Subject:
    arn = f"{subject.recipe_arn.rpartition('/')[0]}/{recipe.name}"
    return replace(subject, recipe_arn=arn, **more)


_WHOLE = Span()


def train(job: RunningJob, stores: Stores, subject: Subject, span: Span = _WHOLE) -> TrainedModel:
    """Train a model on all that a dataset group has now, as a part of a job.

    Raises JobError for what the customer can mend, JobCancelled and LeaseLost.
    """
    started = time.monotonic()
    job.progress("collecting data", span.low)
    spec = _spec(job, stores, subject, _recipe_of(subject))
    result = run_child(job, spec, span)
    job.note(data=result["counts"], phases_s=result["phases_s"], peak_memory_mb=result["peak_rss_mb"])
    if result["trials"]:
        job.note(trials=result["trials"])
    job.progress("publishing", span.low + 0.99 * (span.high - span.low))
    artifact_id = f"{job.output_id()}-{result['manifest_sha256'][:16]}"
    move_into_place(Path(spec["folder"]), stores.artifacts / artifact_id)
    return TrainedModel(artifact_id, result["metrics"], _hours_since(started), result["tuned"])


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
    settings = settings_of(subject, recipe)
    tables = write_tables(job, stores, subject.dataset_group_arn, recipe.tables, subject.config)
    actions = action_files(job, stores, subject.dataset_group_arn, recipe)
    data = _collect(stores, subject.dataset_group_arn, recipe)
    generations, items = (data.generations.get(kind, []) for kind in ("INTERACTIONS", "ITEMS"))
    interactions = _parts(stores, generations)
    events = _write_streamed(data, job.scratch / "streamed.parquet")
    event_type = recipe.event_type or subject.event_type
    counts = memory.counts_of(stores, subject.dataset_group_arn, data.streamed, event_type)
    need = memory.require(recipe, counts, settings)
    job.note(expected_memory_mb=round(need.total / 2**20))
    return {
        "recipe": recipe.name,
        "settings": settings,
        "interactions": [str(path) for path in interactions + events],
        "items": [] if "ITEMS" in tables else [str(path) for path in _parts(stores, items)],
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
        "event_type": event_type,
        "value_threshold": _threshold(subject.config.get("eventValueThreshold")),
        "minimums": stores.limits.minimums,
        "search": None if subject.search is None else asdict(subject.search) | {"n_at_once": need.n_at_once},
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


def settings_of(subject: Subject, recipe: Recipe) -> dict[str, Value]:
    """Return all hyperparameters of a subject by name. Raises JobError for one that cannot be."""
    try:
        settings = validate_hyperparameters(
            recipe,
            subject.config.get("algorithmHyperParameters") or {},
            subject.config.get("featureTransformationParameters") or {},
        )
    except InvalidInputException as error:
        raise JobError(error.message) from error
    for parameter in recipe.hyperparameters:
        value = parameter.read(subject.tuned[parameter.name]) if parameter.name in subject.tuned else None
        if value is not None:
            settings[parameter.name] = value
    return settings


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
