"""Models that are updated by themselves, and what AutoML has chosen."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TABLES = ("solution_versions", "recommenders")


def upgrade() -> None:
    op.add_column("solutions", sa.Column("auto_ml_result", sa.JSON(), nullable=True))
    for table in _TABLES:
        op.add_column(table, sa.Column("next_update_at", sa.Float(precision=53), nullable=True))
        op.add_column(table, sa.Column("updating", sa.JSON(), nullable=True))
        op.create_index(op.f(f"ix_{table}_next_update_at"), table, ["next_update_at"], unique=False)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_index(op.f(f"ix_{table}_next_update_at"), table_name=table)
        op.drop_column(table, "updating")
        op.drop_column(table, "next_update_at")
    op.drop_column("solutions", "auto_ml_result")
