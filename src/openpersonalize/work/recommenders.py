"""The jobs of recommenders: they train, serve, renew themselves, pause and go."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from openpersonalize.domain.schedules import next_recommender_training
from openpersonalize.domain.training_columns import training_columns
from openpersonalize.jobs.worker import Publish, RunningJob
from openpersonalize.storage import records
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import RecommenderRow
from openpersonalize.work.indexing import ensure_indexes, gives_metadata, leaves_out
from openpersonalize.work.training import Subject, TrainedModel, train


def create_recommender(job: RunningJob, stores: Stores) -> Publish:
    """Train a recommender's first model and let it serve."""
    with stores.database.read() as session:
        config = _row(session, job).recommender_config
    trained = _train(job, stores)
    publish_indexes = _ensure_indexes(job, stores, config)

    def publish(session: Session) -> None:
        publish_indexes(session)
        row = _row(session, job)
        _serve(session, row, trained)
        row.next_training_at = _next_training(row, stores)

    return publish


def retrain_recommender(job: RunningJob, stores: Stores) -> Publish:
    """Train a new model on the data of today; the one before serves until then, and on if this fails."""
    with stores.database.read() as session:
        config = _row(session, job).recommender_config
    trained = _train(job, stores)
    publish_indexes = _ensure_indexes(job, stores, config)

    def publish(session: Session) -> None:
        publish_indexes(session)
        _serve(session, _row(session, job), trained)

    return publish


def update_recommender(job: RunningJob, stores: Stores) -> Publish:
    """Put the newest update's config into force, after a training if that may use other columns."""
    with stores.database.read() as session:
        row = _row(session, job)
        before = row.recommender_config or {}
        wanted = dict((row.latest_update or {})["recommenderConfig"])
    changes_columns = training_columns(before) != training_columns(wanted)
    trained = _train(job, stores, wanted) if changes_columns else None
    publish_indexes = _ensure_indexes(job, stores, wanted)

    def publish(session: Session) -> None:
        publish_indexes(session)
        row = _row(session, job)
        row.recommender_config = wanted
        row.last_updated_date_time = stores.clock()
        if trained is not None:
            _serve(session, row, trained)

    return publish


def stop_recommender(job: RunningJob, stores: Stores) -> Publish:
    """Let a recommender rest: it keeps its model, but is not trained again."""

    def publish(session: Session) -> None:
        _row(session, job).next_training_at = None
        records.bump(session, records.DEPLOYMENTS)

    return publish


def start_recommender(job: RunningJob, stores: Stores) -> Publish:
    """Let a recommender serve again, with the model that it has."""

    def publish(session: Session) -> None:
        row = _row(session, job)
        row.next_training_at = _next_training(row, stores)
        records.bump(session, records.DEPLOYMENTS)

    return publish


def _train(job: RunningJob, stores: Stores, config: Mapping[str, Any] | None = None) -> TrainedModel:
    """Train with the recommender's config, or with another one."""
    with stores.database.read() as session:
        row = _row(session, job)
        used = row.recommender_config if config is None else config
        subject = Subject(row.dataset_group_arn, row.recipe_arn, config=used or {})
    return train(job, stores, subject)


def _ensure_indexes(job: RunningJob, stores: Stores, config: Mapping[str, Any] | None) -> Publish:
    """Make the indexes that answers need: of Items for metadata, and of Interactions for exclusions."""
    with stores.database.read() as session:
        row = _row(session, job)
        group_arn, recipe_arn = row.dataset_group_arn, row.recipe_arn
    types = ["ITEMS"] if gives_metadata(config) else []
    types += ["INTERACTIONS"] if leaves_out(recipe_arn) else []
    return ensure_indexes(job, stores, group_arn, types)


def _serve(session: Session, row: RecommenderRow, trained: TrainedModel) -> None:
    row.artifact_id = trained.artifact_id
    row.model_metrics = trained.metrics
    records.bump(session, records.DEPLOYMENTS)


def _next_training(row: RecommenderRow, stores: Stores) -> float:
    return next_recommender_training(row.creation_date_time, stores.clock())


def _row(session: Session, job: RunningJob) -> RecommenderRow:
    return records.named(session, RecommenderRow, job.resource_arn)
