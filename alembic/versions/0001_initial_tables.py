"""Initial tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "dataset_groups",
        sa.Column("domain", sa.String(length=32), nullable=True),
        sa.Column("role_arn", sa.String(length=256), nullable=True),
        sa.Column("kms_key_arn", sa.String(length=2048), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("failure_reason", sa.String(length=4096), nullable=True),
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("arn", sa.String(length=256), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("creation_date_time", sa.Float(precision=53), nullable=False),
        sa.Column("last_updated_date_time", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_groups")),
        sa.UniqueConstraint("arn", name=op.f("uq_dataset_groups_arn")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dataset_groups_owner", "dataset_groups", ["account", "region", "id"], unique=False)
    op.create_table(
        "dataset_import_jobs",
        sa.Column("dataset_arn", sa.String(length=256), nullable=False),
        sa.Column("data_location", sa.String(length=256), nullable=False),
        sa.Column("role_arn", sa.String(length=256), nullable=True),
        sa.Column("import_mode", sa.String(length=16), nullable=False),
        sa.Column("publish_attribution_metrics", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("failure_reason", sa.String(length=4096), nullable=True),
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("arn", sa.String(length=256), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("creation_date_time", sa.Float(precision=53), nullable=False),
        sa.Column("last_updated_date_time", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_import_jobs")),
        sa.UniqueConstraint("arn", name=op.f("uq_dataset_import_jobs_arn")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_dataset_import_jobs_dataset_arn"), "dataset_import_jobs", ["dataset_arn"], unique=False
    )
    op.create_index(
        "ix_dataset_import_jobs_owner", "dataset_import_jobs", ["account", "region", "id"], unique=False
    )
    op.create_table(
        "events",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("txid", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dataset_group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("duplicate_key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("event_id", sa.String(length=256), nullable=True),
        sa.Column("user_key", sa.String(length=256), nullable=False),
        sa.Column("user_id", sa.String(length=256), nullable=True),
        sa.Column("session_id", sa.String(length=256), nullable=False),
        sa.Column("item_id", sa.String(length=256), nullable=False),
        sa.Column("event_type", sa.String(length=256), nullable=False),
        sa.Column("event_value", sa.Float(precision=53), nullable=True),
        sa.Column("timestamp", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("properties", sa.Text(), nullable=True),
        sa.Column("recommendation_id", sa.String(length=40), nullable=True),
        sa.Column("impression", sa.Text(), nullable=True),
        sa.Column("attribution_source", sa.String(length=1024), nullable=True),
        sa.Column("received_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("dataset_group_id", "duplicate_key", name="uq_events_duplicate"),
        sa.UniqueConstraint("dataset_group_id", "event_id", name="uq_events_event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_log", "events", ["txid", "id"], unique=False, sqlite_where=sa.text("txid > 0"))
    op.create_index("ix_events_user", "events", ["dataset_group_id", "user_key", "timestamp"], unique=False)
    op.create_table(
        "generations",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("dataset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job_arn", sa.String(length=256), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("rows", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generations")),
    )
    op.create_index(
        "ix_generations_dataset", "generations", ["dataset_id", "active", "position"], unique=False
    )
    op.create_table(
        "jobs",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("resource_arn", sa.String(length=256), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=128), nullable=True),
        sa.Column("lease_until", sa.Float(precision=53), nullable=True),
        sa.Column("not_before", sa.Float(precision=53), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("heartbeat_at", sa.Float(precision=53), nullable=True),
        sa.Column("progress_phase", sa.String(length=128), nullable=True),
        sa.Column("progress_percent", sa.Float(precision=53), nullable=True),
        sa.Column("eta_s", sa.Float(precision=53), nullable=True),
        sa.Column("failure_class", sa.String(length=16), nullable=True),
        sa.Column("failure_reason", sa.String(length=4096), nullable=True),
        sa.Column("details", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("started_at", sa.Float(precision=53), nullable=True),
        sa.Column("finished_at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_resource", "jobs", ["resource_arn", "id"], unique=False)
    op.create_index("ix_jobs_runnable", "jobs", ["state", "not_before", "id"], unique=False)
    op.create_table(
        "schemas",
        sa.Column("schema", sa.String(length=20000), nullable=False),
        sa.Column("domain", sa.String(length=32), nullable=True),
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("arn", sa.String(length=256), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("creation_date_time", sa.Float(precision=53), nullable=False),
        sa.Column("last_updated_date_time", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schemas")),
        sa.UniqueConstraint("arn", name=op.f("uq_schemas_arn")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_schemas_owner", "schemas", ["account", "region", "id"], unique=False)
    op.create_table(
        "tags",
        sa.Column("resource_arn", sa.String(length=256), nullable=False),
        sa.Column("tag_key", sa.String(length=128), nullable=False),
        sa.Column("tag_value", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("resource_arn", "tag_key", name=op.f("pk_tags")),
    )
    op.create_table(
        "datasets",
        sa.Column("dataset_group_arn", sa.String(length=256), nullable=False),
        sa.Column("dataset_type", sa.String(length=32), nullable=False),
        sa.Column("schema_arn", sa.String(length=256), nullable=False),
        sa.Column("tracking_id", sa.String(length=256), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("failure_reason", sa.String(length=4096), nullable=True),
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("arn", sa.String(length=256), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("creation_date_time", sa.Float(precision=53), nullable=False),
        sa.Column("last_updated_date_time", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_group_arn"],
            ["dataset_groups.arn"],
            name=op.f("fk_datasets_dataset_group_arn_dataset_groups"),
        ),
        sa.ForeignKeyConstraint(["schema_arn"], ["schemas.arn"], name=op.f("fk_datasets_schema_arn_schemas")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        sa.UniqueConstraint("arn", name=op.f("uq_datasets_arn")),
        sa.UniqueConstraint("tracking_id", name=op.f("uq_datasets_tracking_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_datasets_dataset_group_arn"), "datasets", ["dataset_group_arn"], unique=False)
    op.create_index("ix_datasets_owner", "datasets", ["account", "region", "id"], unique=False)
    op.create_index(op.f("ix_datasets_schema_arn"), "datasets", ["schema_arn"], unique=False)
    op.create_table(
        "event_trackers",
        sa.Column("dataset_group_arn", sa.String(length=256), nullable=False),
        sa.Column("tracking_id", sa.String(length=256), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("failure_reason", sa.String(length=4096), nullable=True),
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("arn", sa.String(length=256), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("creation_date_time", sa.Float(precision=53), nullable=False),
        sa.Column("last_updated_date_time", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_group_arn"],
            ["dataset_groups.arn"],
            name=op.f("fk_event_trackers_dataset_group_arn_dataset_groups"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_trackers")),
        sa.UniqueConstraint("arn", name=op.f("uq_event_trackers_arn")),
        sa.UniqueConstraint("dataset_group_arn", name=op.f("uq_event_trackers_dataset_group_arn")),
        sa.UniqueConstraint("tracking_id", name=op.f("uq_event_trackers_tracking_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_trackers_owner", "event_trackers", ["account", "region", "id"], unique=False)
    op.create_table(
        "solutions",
        sa.Column("dataset_group_arn", sa.String(length=256), nullable=False),
        sa.Column("recipe_arn", sa.String(length=256), nullable=True),
        sa.Column("perform_hpo", sa.Boolean(), nullable=False),
        sa.Column("perform_auto_ml", sa.Boolean(), nullable=False),
        sa.Column("perform_auto_training", sa.Boolean(), nullable=False),
        sa.Column("perform_incremental_update", sa.Boolean(), nullable=False),
        sa.Column("event_type", sa.String(length=256), nullable=True),
        sa.Column("solution_config", sa.JSON(), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("failure_reason", sa.String(length=4096), nullable=True),
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("arn", sa.String(length=256), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("creation_date_time", sa.Float(precision=53), nullable=False),
        sa.Column("last_updated_date_time", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_group_arn"],
            ["dataset_groups.arn"],
            name=op.f("fk_solutions_dataset_group_arn_dataset_groups"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_solutions")),
        sa.UniqueConstraint("arn", name=op.f("uq_solutions_arn")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_solutions_dataset_group_arn"), "solutions", ["dataset_group_arn"], unique=False)
    op.create_index("ix_solutions_owner", "solutions", ["account", "region", "id"], unique=False)
    op.create_table(
        "campaigns",
        sa.Column("solution_version_arn", sa.String(length=256), nullable=False),
        sa.Column("solution_arn", sa.String(length=256), nullable=False),
        sa.Column("min_provisioned_tps", sa.Integer(), nullable=False),
        sa.Column("campaign_config", sa.JSON(), nullable=True),
        sa.Column("latest_update", sa.JSON(), nullable=True),
        sa.Column("artifact_id", sa.String(length=64), nullable=True),
        sa.Column("recommendation_cid", sa.String(length=6), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("failure_reason", sa.String(length=4096), nullable=True),
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("arn", sa.String(length=256), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("creation_date_time", sa.Float(precision=53), nullable=False),
        sa.Column("last_updated_date_time", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(
            ["solution_arn"], ["solutions.arn"], name=op.f("fk_campaigns_solution_arn_solutions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("arn", name=op.f("uq_campaigns_arn")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_campaigns_owner", "campaigns", ["account", "region", "id"], unique=False)
    op.create_index(op.f("ix_campaigns_solution_arn"), "campaigns", ["solution_arn"], unique=False)
    op.create_index(
        op.f("ix_campaigns_solution_version_arn"), "campaigns", ["solution_version_arn"], unique=False
    )
    op.create_table(
        "solution_versions",
        sa.Column("solution_arn", sa.String(length=256), nullable=False),
        sa.Column("dataset_group_arn", sa.String(length=256), nullable=False),
        sa.Column("recipe_arn", sa.String(length=256), nullable=False),
        sa.Column("event_type", sa.String(length=256), nullable=True),
        sa.Column("solution_config", sa.JSON(), nullable=True),
        sa.Column("perform_hpo", sa.Boolean(), nullable=False),
        sa.Column("perform_auto_ml", sa.Boolean(), nullable=False),
        sa.Column("perform_incremental_update", sa.Boolean(), nullable=False),
        sa.Column("training_mode", sa.String(length=16), nullable=False),
        sa.Column("training_type", sa.String(length=16), nullable=False),
        sa.Column("training_hours", sa.Float(precision=53), nullable=True),
        sa.Column("tuned_hpo_params", sa.JSON(), nullable=True),
        sa.Column("metrics", sa.JSON(), nullable=True),
        sa.Column("artifact_id", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("failure_reason", sa.String(length=4096), nullable=True),
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("arn", sa.String(length=256), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("creation_date_time", sa.Float(precision=53), nullable=False),
        sa.Column("last_updated_date_time", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(
            ["solution_arn"], ["solutions.arn"], name=op.f("fk_solution_versions_solution_arn_solutions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_solution_versions")),
        sa.UniqueConstraint("arn", name=op.f("uq_solution_versions_arn")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_solution_versions_owner", "solution_versions", ["account", "region", "id"], unique=False
    )
    op.create_index(
        op.f("ix_solution_versions_solution_arn"), "solution_versions", ["solution_arn"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_solution_versions_solution_arn"), table_name="solution_versions")
    op.drop_index("ix_solution_versions_owner", table_name="solution_versions")
    op.drop_table("solution_versions")
    op.drop_index(op.f("ix_campaigns_solution_version_arn"), table_name="campaigns")
    op.drop_index(op.f("ix_campaigns_solution_arn"), table_name="campaigns")
    op.drop_index("ix_campaigns_owner", table_name="campaigns")
    op.drop_table("campaigns")
    op.drop_index("ix_solutions_owner", table_name="solutions")
    op.drop_index(op.f("ix_solutions_dataset_group_arn"), table_name="solutions")
    op.drop_table("solutions")
    op.drop_index("ix_event_trackers_owner", table_name="event_trackers")
    op.drop_table("event_trackers")
    op.drop_index(op.f("ix_datasets_schema_arn"), table_name="datasets")
    op.drop_index("ix_datasets_owner", table_name="datasets")
    op.drop_index(op.f("ix_datasets_dataset_group_arn"), table_name="datasets")
    op.drop_table("datasets")
    op.drop_table("tags")
    op.drop_index("ix_schemas_owner", table_name="schemas")
    op.drop_table("schemas")
    op.drop_index("ix_jobs_runnable", table_name="jobs")
    op.drop_index("ix_jobs_resource", table_name="jobs")
    op.drop_table("jobs")
    op.drop_index("ix_generations_dataset", table_name="generations")
    op.drop_table("generations")
    op.drop_index("ix_events_user", table_name="events")
    op.drop_index("ix_events_log", table_name="events", sqlite_where=sa.text("txid > 0"))
    op.drop_table("events")
    op.drop_index("ix_dataset_import_jobs_owner", table_name="dataset_import_jobs")
    op.drop_index(op.f("ix_dataset_import_jobs_dataset_arn"), table_name="dataset_import_jobs")
    op.drop_table("dataset_import_jobs")
    op.drop_index("ix_dataset_groups_owner", table_name="dataset_groups")
    op.drop_table("dataset_groups")
    op.drop_table("counters")
