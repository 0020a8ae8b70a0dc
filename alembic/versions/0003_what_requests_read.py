"""What requests read and leave behind."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("datasets", sa.Column("index_id", sa.String(length=64), nullable=True))
    op.add_column("datasets", sa.Column("indexing", sa.JSON(), nullable=True))
    op.add_column("events", sa.Column("source_arn", sa.String(length=256), nullable=True))
    op.create_index(
        "ix_events_recommendation",
        "events",
        ["recommendation_id"],
        unique=False,
        sqlite_where=sa.text("recommendation_id IS NOT NULL"),
        postgresql_where=sa.text("recommendation_id IS NOT NULL"),
    )
    op.create_table(
        "shown_lists",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("recommendation_id", sa.String(length=40), nullable=False),
        sa.Column("source_arn", sa.String(length=256), nullable=False),
        sa.Column("item_ids", sa.Text(), nullable=False),
        sa.Column("shown_at", sa.Float(precision=53), nullable=False),
        sa.Column("is_kept", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shown_lists")),
        sa.UniqueConstraint("recommendation_id", name="uq_shown_lists_recommendation_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_shown_lists_age", "shown_lists", ["is_kept", "shown_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_shown_lists_age", table_name="shown_lists")
    op.drop_table("shown_lists")
    op.drop_index(
        "ix_events_recommendation",
        table_name="events",
        sqlite_where=sa.text("recommendation_id IS NOT NULL"),
        postgresql_where=sa.text("recommendation_id IS NOT NULL"),
    )
    op.drop_column("events", "source_arn")
    op.drop_column("datasets", "indexing")
    op.drop_column("datasets", "index_id")
