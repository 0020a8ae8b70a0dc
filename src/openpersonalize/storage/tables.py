"""What the SQL database holds: one mapped class per resource, and the tables of jobs; `log_tables` has logs.

Times are epoch seconds (UTC). Every row that belongs to somebody carries account and region.
Row numbers (`id`) are never used again, so that files and events keyed by them can't be mistaken
for those of a later resource of the same name.
"""

from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

RowNumber = BigInteger().with_variant(Integer, "sqlite")
LONGEST_REASON = 4096
"""Characters of a failureReason that are kept."""


# Every constraint has a name, so that a later migration can change it on both databases.
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The base of all tables."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {dict[str, Any]: JSON, list[Any]: JSON, float: Float(53)}


class Resource:
    """What every resource has; a mixin."""

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    arn: Mapped[str] = mapped_column(String(256), unique=True)
    account: Mapped[str] = mapped_column(String(12))
    region: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(256))
    creation_date_time: Mapped[float]
    last_updated_date_time: Mapped[float]

    @declared_attr.directive
    def __table_args__(cls) -> Any:  # noqa: N805  (SQLAlchemy calls it with the class)
        table = cls.__tablename__  # type: ignore[attr-defined]  # each table that mixes this in has one
        return (
            Index(f"ix_{table}_owner", "account", "region", "id"),
            {"sqlite_autoincrement": True},
        )


class Lifecycle(Resource):
    """A resource with a status; only `jobs.lifecycle` and the worker write it."""

    status: Mapped[str] = mapped_column(String(32))
    failure_reason: Mapped[str | None] = mapped_column(String(LONGEST_REASON))


class SchemaRow(Resource, Base):
    """An Avro schema; immutable, no status."""

    __tablename__ = "schemas"
    schema: Mapped[str] = mapped_column(String(20_000))
    domain: Mapped[str | None] = mapped_column(String(32))


class DatasetGroupRow(Lifecycle, Base):
    __tablename__ = "dataset_groups"
    domain: Mapped[str | None] = mapped_column(String(32))
    role_arn: Mapped[str | None] = mapped_column(String(256))
    kms_key_arn: Mapped[str | None] = mapped_column(String(2048))


class DatasetRow(Lifecycle, Base):
    __tablename__ = "datasets"
    dataset_group_arn: Mapped[str] = mapped_column(ForeignKey("dataset_groups.arn"), index=True)
    dataset_type: Mapped[str] = mapped_column(String(32))
    schema_arn: Mapped[str] = mapped_column(ForeignKey("schemas.arn"), index=True)
    tracking_id: Mapped[str | None] = mapped_column(String(256), unique=True)
    latest_update: Mapped[dict[str, Any] | None]
    """The newest UpdateDataset: schema, status, failure reason and dates."""
    index_id: Mapped[str | None] = mapped_column(String(64))
    """The folder below `artifacts/` of what serving reads of the rows; None until something needs it."""
    indexing: Mapped[dict[str, Any] | None]
    """The newest making of the index: status, failure reason and dates; no member of the API shows it."""


class DatasetImportJobRow(Lifecycle, Base):
    __tablename__ = "dataset_import_jobs"
    # No foreign key: jobs stay listed after their dataset is gone, as on AWS.
    dataset_arn: Mapped[str] = mapped_column(String(256), index=True)
    data_location: Mapped[str] = mapped_column(String(256))
    role_arn: Mapped[str | None] = mapped_column(String(256))
    import_mode: Mapped[str] = mapped_column(String(16))
    publish_attribution_metrics_to_s3: Mapped[bool] = mapped_column(
        "publish_attribution_metrics", default=False
    )


class DatasetExportJobRow(Lifecycle, Base):
    __tablename__ = "dataset_export_jobs"
    dataset_arn: Mapped[str] = mapped_column(String(256), index=True)
    ingestion_mode: Mapped[str] = mapped_column(String(16))
    role_arn: Mapped[str] = mapped_column(String(256))
    job_output: Mapped[dict[str, Any]]


class DataDeletionJobRow(Lifecycle, Base):
    __tablename__ = "data_deletion_jobs"
    dataset_group_arn: Mapped[str] = mapped_column(String(256), index=True)
    data_location: Mapped[str] = mapped_column(String(256))
    role_arn: Mapped[str] = mapped_column(String(256))
    num_deleted: Mapped[int | None]


class EventTrackerRow(Lifecycle, Base):
    __tablename__ = "event_trackers"
    dataset_group_arn: Mapped[str] = mapped_column(ForeignKey("dataset_groups.arn"), unique=True)
    tracking_id: Mapped[str] = mapped_column(String(256), unique=True)


class SolutionRow(Lifecycle, Base):
    __tablename__ = "solutions"
    dataset_group_arn: Mapped[str] = mapped_column(ForeignKey("dataset_groups.arn"), index=True)
    recipe_arn: Mapped[str | None] = mapped_column(String(256))
    perform_hpo: Mapped[bool] = mapped_column(default=False)
    perform_auto_ml: Mapped[bool] = mapped_column(default=False)
    perform_auto_training: Mapped[bool] = mapped_column(default=True)
    perform_incremental_update: Mapped[bool] = mapped_column(default=False)
    event_type: Mapped[str | None] = mapped_column(String(256))
    solution_config: Mapped[dict[str, Any] | None]
    auto_ml_result: Mapped[dict[str, Any] | None]
    """What AutoML has chosen, as the wire has it."""
    latest_update: Mapped[dict[str, Any] | None]
    """The newest UpdateSolution: its config, status, failure reason and dates."""
    next_training_at: Mapped[float | None] = mapped_column(index=True)
    """When automatic training looks at the solution next; None where it is off."""


class SolutionVersionRow(Lifecycle, Base):
    __tablename__ = "solution_versions"
    solution_arn: Mapped[str] = mapped_column(ForeignKey("solutions.arn"), index=True)
    dataset_group_arn: Mapped[str] = mapped_column(String(256))
    recipe_arn: Mapped[str] = mapped_column(String(256))
    event_type: Mapped[str | None] = mapped_column(String(256))
    solution_config: Mapped[dict[str, Any] | None]
    perform_hpo: Mapped[bool] = mapped_column(default=False)
    perform_auto_ml: Mapped[bool] = mapped_column(default=False)
    perform_incremental_update: Mapped[bool] = mapped_column(default=False)
    training_mode: Mapped[str] = mapped_column(String(16), default="FULL")
    training_type: Mapped[str] = mapped_column(String(16), default="MANUAL")
    training_hours: Mapped[float | None]
    tuned_hpo_params: Mapped[dict[str, Any] | None]
    metrics: Mapped[dict[str, Any] | None]
    artifact_id: Mapped[str | None] = mapped_column(String(64))
    """The folder below `artifacts/`, set when ACTIVE."""
    next_update_at: Mapped[float | None] = mapped_column(index=True)
    """When its model is made to know what came since; None where that never happens by itself."""
    updating: Mapped[dict[str, Any] | None]
    """The newest such update: status, failure reason and dates; no member of the API shows it."""


class CampaignRow(Lifecycle, Base):
    __tablename__ = "campaigns"
    solution_version_arn: Mapped[str] = mapped_column(String(256), index=True)
    solution_arn: Mapped[str] = mapped_column(ForeignKey("solutions.arn"), index=True)
    min_provisioned_tps: Mapped[int] = mapped_column(default=1)
    campaign_config: Mapped[dict[str, Any] | None]
    latest_update: Mapped[dict[str, Any] | None]
    """The newest UpdateCampaign: solution version, TPS, config, status, failure reason and dates."""
    roll_out: Mapped[dict[str, Any] | None]
    """The newest look for a version to follow: status and dates; no member of the API shows it."""
    artifact_id: Mapped[str | None] = mapped_column(String(64))
    """What serves now; set by the deployment job, None until the campaign is ACTIVE."""
    recommendation_cid: Mapped[str] = mapped_column(String(6))
    """The constant end of every recommendationId that this campaign gives out."""


class RecommenderRow(Lifecycle, Base):
    __tablename__ = "recommenders"
    dataset_group_arn: Mapped[str] = mapped_column(ForeignKey("dataset_groups.arn"), index=True)
    recipe_arn: Mapped[str] = mapped_column(String(256))
    recommender_config: Mapped[dict[str, Any] | None]
    latest_update: Mapped[dict[str, Any] | None]
    """The newest UpdateRecommender: its config, status, failure reason and dates."""
    retraining: Mapped[dict[str, Any] | None]
    """The newest weekly training: status, failure reason and dates; no member of the API shows it."""
    next_training_at: Mapped[float | None] = mapped_column(index=True)
    """When it is trained again by itself; None while it does not serve."""
    model_metrics: Mapped[dict[str, Any] | None]
    next_update_at: Mapped[float | None] = mapped_column(index=True)
    """When its model is made to know what came since; None where that never happens by itself."""
    updating: Mapped[dict[str, Any] | None]
    """The newest such update: status, failure reason and dates; no member of the API shows it."""
    artifact_id: Mapped[str | None] = mapped_column(String(64))
    """What serves now; None until the recommender is ACTIVE."""
    recommendation_cid: Mapped[str] = mapped_column(String(6))
    """The constant end of every recommendationId that this recommender gives out."""


class FilterRow(Lifecycle, Base):
    __tablename__ = "filters"
    dataset_group_arn: Mapped[str] = mapped_column(ForeignKey("dataset_groups.arn"), index=True)
    filter_expression: Mapped[str] = mapped_column(String(2500))


class MetricAttributionRow(Lifecycle, Base):
    __tablename__ = "metric_attributions"
    dataset_group_arn: Mapped[str] = mapped_column(ForeignKey("dataset_groups.arn"), unique=True)
    metrics: Mapped[list[Any]]
    """Each an object of eventType, metricName, expression and a growing number, in the order of making."""
    metrics_output_config: Mapped[dict[str, Any]]
    wanted: Mapped[dict[str, Any] | None]
    """What the update under way will make of metrics and output config."""


class _BatchJob(Lifecycle):
    """What both kinds of batch jobs have; a mixin."""

    # No foreign key: jobs stay listed after their solution version is gone.
    solution_version_arn: Mapped[str] = mapped_column(String(256), index=True)
    filter_arn: Mapped[str | None] = mapped_column(String(256), index=True)
    num_results: Mapped[int | None]
    job_input: Mapped[dict[str, Any]]
    job_output: Mapped[dict[str, Any]]
    role_arn: Mapped[str] = mapped_column(String(256))


class BatchInferenceJobRow(_BatchJob, Base):
    __tablename__ = "batch_inference_jobs"
    batch_inference_job_config: Mapped[dict[str, Any] | None]
    batch_inference_job_mode: Mapped[str] = mapped_column(String(32))
    theme_generation_config: Mapped[dict[str, Any] | None]


class BatchSegmentJobRow(_BatchJob, Base):
    __tablename__ = "batch_segment_jobs"


class GenerationRow(Base):
    """One immutable set of Parquet files that an import made."""

    __tablename__ = "generations"
    __table_args__ = (Index("ix_generations_dataset", "dataset_id", "active", "position"),)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The folder below `generations/`."""
    dataset_id: Mapped[int] = mapped_column(RowNumber)
    job_arn: Mapped[str] = mapped_column(String(256))
    mode: Mapped[str] = mapped_column(String(16))
    """FULL or INCREMENTAL, as its import; STREAMED is kept for compacted events (ARCHITECTURE.md)."""
    position: Mapped[int]
    """Order of reading: FULL is 0, each INCREMENTAL one more."""
    active: Mapped[bool] = mapped_column(default=True)
    """False once a FULL import has replaced it; the files may go when no job reads them."""
    rows: Mapped[int] = mapped_column(RowNumber)
    counts: Mapped[dict[str, Any]]
    created_at: Mapped[float]


class JobRow(Base):
    """One piece of asynchronous work on one resource; see `jobs.queue` for who may write what."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_runnable", "state", "not_before", "id"),
        Index("ix_jobs_resource", "resource_arn", "id"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(64))
    account: Mapped[str] = mapped_column(String(12))
    region: Mapped[str] = mapped_column(String(32))
    resource_arn: Mapped[str] = mapped_column(String(256))
    state: Mapped[str] = mapped_column(String(16))
    """queued, running, done, failed or cancelled."""
    attempt: Mapped[int] = mapped_column(default=0)
    """How often the job was taken; with the owner the token that fences writes."""
    faults: Mapped[int] = mapped_column(default=0)
    """How many of the attempts ended by a fault of ours; a job that was handed back in order has none."""
    lease_owner: Mapped[str | None] = mapped_column(String(128))
    lease_until: Mapped[float | None]
    not_before: Mapped[float] = mapped_column(default=0.0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    heartbeat_at: Mapped[float | None]
    progress_phase: Mapped[str | None] = mapped_column(String(128))
    progress_percent: Mapped[float | None]
    eta_s: Mapped[float | None]
    failure_class: Mapped[str | None] = mapped_column(String(16))
    """customer, fault or cancelled."""
    failure_reason: Mapped[str | None] = mapped_column(String(LONGEST_REASON))
    details: Mapped[dict[str, Any] | None]
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]


class AnswerRow(Base):
    """The answer of a Create, for the client that did not get it and asks again; kept for a while."""

    __tablename__ = "answers"
    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """Hash of the invocation's id, operation, owner and body."""
    answer: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[float] = mapped_column(index=True)


class CounterRow(Base):
    """A number that says that something changed, so that pollers ask one row and not ten tables."""

    __tablename__ = "counters"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[int] = mapped_column(RowNumber, default=0)


class TagRow(Base):
    """One tag of a resource; goes with the resource."""

    __tablename__ = "tags"
    resource_arn: Mapped[str] = mapped_column(String(256), primary_key=True)
    tag_key: Mapped[str] = mapped_column(String(128), primary_key=True)
    tag_value: Mapped[str] = mapped_column(String(256))
