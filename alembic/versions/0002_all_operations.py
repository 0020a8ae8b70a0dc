"""Tables of all operations."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "action_interactions",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("txid", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dataset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("duplicate_key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("event_id", sa.String(length=256), nullable=True),
        sa.Column("user_key", sa.String(length=256), nullable=False),
        sa.Column("user_id", sa.String(length=256), nullable=True),
        sa.Column("session_id", sa.String(length=256), nullable=False),
        sa.Column("action_id", sa.String(length=256), nullable=False),
        sa.Column("event_type", sa.String(length=256), nullable=False),
        sa.Column("timestamp", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("properties", sa.Text(), nullable=True),
        sa.Column("recommendation_id", sa.String(length=40), nullable=True),
        sa.Column("impression", sa.Text(), nullable=True),
        sa.Column("received_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_action_interactions")),
        sa.UniqueConstraint("dataset_id", "duplicate_key", name="uq_action_interactions_duplicate"),
        sa.UniqueConstraint("dataset_id", "event_id", name="uq_action_interactions_event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_action_interactions_log",
        "action_interactions",
        ["txid", "id"],
        unique=False,
        sqlite_where=sa.text("txid > 0"),
    )
    op.create_index(
        "ix_action_interactions_user",
        "action_interactions",
        ["dataset_id", "user_key", "timestamp"],
        unique=False,
    )

    op.create_table(
        "answers",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_answers")),
    )
    op.create_index(op.f("ix_answers_created_at"), "answers", ["created_at"], unique=False)

    op.create_table(
        "batch_inference_jobs",
        sa.Column("batch_inference_job_config", sa.JSON(), nullable=True),
        sa.Column("batch_inference_job_mode", sa.String(length=32), nullable=False),
        sa.Column("theme_generation_config", sa.JSON(), nullable=True),
        sa.Column("solution_version_arn", sa.String(length=256), nullable=False),
        sa.Column("filter_arn", sa.String(length=256), nullable=True),
        sa.Column("num_results", sa.Integer(), nullable=True),
        sa.Column("job_input", sa.JSON(), nullable=False),
        sa.Column("job_output", sa.JSON(), nullable=False),
        sa.Column("role_arn", sa.String(length=256), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_inference_jobs")),
        sa.UniqueConstraint("arn", name=op.f("uq_batch_inference_jobs_arn")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_batch_inference_jobs_filter_arn"), "batch_inference_jobs", ["filter_arn"], unique=False
    )
    op.create_index(
        "ix_batch_inference_jobs_owner", "batch_inference_jobs", ["account", "region", "id"], unique=False
    )
    op.create_index(
        op.f("ix_batch_inference_jobs_solution_version_arn"),
        "batch_inference_jobs",
        ["solution_version_arn"],
        unique=False,
    )

    op.create_table(
        "batch_segment_jobs",
        sa.Column("solution_version_arn", sa.String(length=256), nullable=False),
        sa.Column("filter_arn", sa.String(length=256), nullable=True),
        sa.Column("num_results", sa.Integer(), nullable=True),
        sa.Column("job_input", sa.JSON(), nullable=False),
        sa.Column("job_output", sa.JSON(), nullable=False),
        sa.Column("role_arn", sa.String(length=256), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_segment_jobs")),
        sa.UniqueConstraint("arn", name=op.f("uq_batch_segment_jobs_arn")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_batch_segment_jobs_filter_arn"), "batch_segment_jobs", ["filter_arn"], unique=False
    )
    op.create_index(
        "ix_batch_segment_jobs_owner", "batch_segment_jobs", ["account", "region", "id"], unique=False
    )
    op.create_index(
        op.f("ix_batch_segment_jobs_solution_version_arn"),
        "batch_segment_jobs",
        ["solution_version_arn"],
        unique=False,
    )

    op.create_table(
        "data_deletion_jobs",
        sa.Column("dataset_group_arn", sa.String(length=256), nullable=False),
        sa.Column("data_location", sa.String(length=256), nullable=False),
        sa.Column("role_arn", sa.String(length=256), nullable=False),
        sa.Column("num_deleted", sa.Integer(), nullable=True),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_deletion_jobs")),
        sa.UniqueConstraint("arn", name=op.f("uq_data_deletion_jobs_arn")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_data_deletion_jobs_dataset_group_arn"),
        "data_deletion_jobs",
        ["dataset_group_arn"],
        unique=False,
    )
    op.create_index(
        "ix_data_deletion_jobs_owner", "data_deletion_jobs", ["account", "region", "id"], unique=False
    )

    op.create_table(
        "dataset_export_jobs",
        sa.Column("dataset_arn", sa.String(length=256), nullable=False),
        sa.Column("ingestion_mode", sa.String(length=16), nullable=False),
        sa.Column("role_arn", sa.String(length=256), nullable=False),
        sa.Column("job_output", sa.JSON(), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_export_jobs")),
        sa.UniqueConstraint("arn", name=op.f("uq_dataset_export_jobs_arn")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_dataset_export_jobs_dataset_arn"), "dataset_export_jobs", ["dataset_arn"], unique=False
    )
    op.create_index(
        "ix_dataset_export_jobs_owner", "dataset_export_jobs", ["account", "region", "id"], unique=False
    )

    op.create_table(
        "records",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("txid", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dataset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("record_id", sa.String(length=256), nullable=False),
        sa.Column("properties", sa.Text(), nullable=True),
        sa.Column("received_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_records")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_records_log", "records", ["txid", "id"], unique=False, sqlite_where=sa.text("txid > 0")
    )
    op.create_index("ix_records_newest", "records", ["dataset_id", "record_id", "id"], unique=False)

    op.create_table(
        "filters",
        sa.Column("dataset_group_arn", sa.String(length=256), nullable=False),
        sa.Column("filter_expression", sa.String(length=2500), nullable=False),
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
            name=op.f("fk_filters_dataset_group_arn_dataset_groups"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filters")),
        sa.UniqueConstraint("arn", name=op.f("uq_filters_arn")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_filters_dataset_group_arn"), "filters", ["dataset_group_arn"], unique=False)
    op.create_index("ix_filters_owner", "filters", ["account", "region", "id"], unique=False)

    op.create_table(
        "metric_attributions",
        sa.Column("dataset_group_arn", sa.String(length=256), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("metrics_output_config", sa.JSON(), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=True),
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
            name=op.f("fk_metric_attributions_dataset_group_arn_dataset_groups"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_attributions")),
        sa.UniqueConstraint("arn", name=op.f("uq_metric_attributions_arn")),
        sa.UniqueConstraint("dataset_group_arn", name=op.f("uq_metric_attributions_dataset_group_arn")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_metric_attributions_owner", "metric_attributions", ["account", "region", "id"], unique=False
    )

    op.create_table(
        "recommenders",
        sa.Column("dataset_group_arn", sa.String(length=256), nullable=False),
        sa.Column("recipe_arn", sa.String(length=256), nullable=False),
        sa.Column("recommender_config", sa.JSON(), nullable=True),
        sa.Column("latest_update", sa.JSON(), nullable=True),
        sa.Column("retraining", sa.JSON(), nullable=True),
        sa.Column("next_training_at", sa.Float(precision=53), nullable=True),
        sa.Column("model_metrics", sa.JSON(), nullable=True),
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
            ["dataset_group_arn"],
            ["dataset_groups.arn"],
            name=op.f("fk_recommenders_dataset_group_arn_dataset_groups"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recommenders")),
        sa.UniqueConstraint("arn", name=op.f("uq_recommenders_arn")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_recommenders_dataset_group_arn"), "recommenders", ["dataset_group_arn"], unique=False
    )
    op.create_index(
        op.f("ix_recommenders_next_training_at"), "recommenders", ["next_training_at"], unique=False
    )
    op.create_index("ix_recommenders_owner", "recommenders", ["account", "region", "id"], unique=False)

    op.add_column("campaigns", sa.Column("roll_out", sa.JSON(), nullable=True))

    op.add_column("datasets", sa.Column("latest_update", sa.JSON(), nullable=True))

    op.add_column("solutions", sa.Column("latest_update", sa.JSON(), nullable=True))
    op.add_column("solutions", sa.Column("next_training_at", sa.Float(precision=53), nullable=True))
    op.create_index(op.f("ix_solutions_next_training_at"), "solutions", ["next_training_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_solutions_next_training_at"), table_name="solutions")
    op.drop_column("solutions", "next_training_at")
    op.drop_column("solutions", "latest_update")

    op.drop_column("datasets", "latest_update")

    op.drop_column("campaigns", "roll_out")

    op.drop_index("ix_recommenders_owner", table_name="recommenders")
    op.drop_index(op.f("ix_recommenders_next_training_at"), table_name="recommenders")
    op.drop_index(op.f("ix_recommenders_dataset_group_arn"), table_name="recommenders")

    op.drop_table("recommenders")
    op.drop_index("ix_metric_attributions_owner", table_name="metric_attributions")

    op.drop_table("metric_attributions")
    op.drop_index("ix_filters_owner", table_name="filters")
    op.drop_index(op.f("ix_filters_dataset_group_arn"), table_name="filters")

    op.drop_table("filters")
    op.drop_index("ix_records_newest", table_name="records")
    op.drop_index("ix_records_log", table_name="records", sqlite_where=sa.text("txid > 0"))

    op.drop_table("records")
    op.drop_index("ix_dataset_export_jobs_owner", table_name="dataset_export_jobs")
    op.drop_index(op.f("ix_dataset_export_jobs_dataset_arn"), table_name="dataset_export_jobs")

    op.drop_table("dataset_export_jobs")
    op.drop_index("ix_data_deletion_jobs_owner", table_name="data_deletion_jobs")
    op.drop_index(op.f("ix_data_deletion_jobs_dataset_group_arn"), table_name="data_deletion_jobs")

    op.drop_table("data_deletion_jobs")
    op.drop_index(op.f("ix_batch_segment_jobs_solution_version_arn"), table_name="batch_segment_jobs")
    op.drop_index("ix_batch_segment_jobs_owner", table_name="batch_segment_jobs")
    op.drop_index(op.f("ix_batch_segment_jobs_filter_arn"), table_name="batch_segment_jobs")

    op.drop_table("batch_segment_jobs")
    op.drop_index(op.f("ix_batch_inference_jobs_solution_version_arn"), table_name="batch_inference_jobs")
    op.drop_index("ix_batch_inference_jobs_owner", table_name="batch_inference_jobs")
    op.drop_index(op.f("ix_batch_inference_jobs_filter_arn"), table_name="batch_inference_jobs")

    op.drop_table("batch_inference_jobs")
    op.drop_index(op.f("ix_answers_created_at"), table_name="answers")

    op.drop_table("answers")
    op.drop_index("ix_action_interactions_user", table_name="action_interactions")
    op.drop_index(
        "ix_action_interactions_log", table_name="action_interactions", sqlite_where=sa.text("txid > 0")
    )

    op.drop_table("action_interactions")
