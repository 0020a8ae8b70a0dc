"""The beginning of a training: a new solution version with its job, for clients and for schedules."""

import secrets
from typing import Literal

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from openpersonalize.jobs.lifecycle import TRAIN_SOLUTION_VERSION, begin
from openpersonalize.storage.tables import DatasetRow, SolutionRow, SolutionVersionRow

TrainingType = Literal["MANUAL", "AUTOMATIC"]

AUTO_ML_RECIPE = "aws-user-personalization"
"""What AutoML has to choose from, now that no solution can be made of the legacy recipes."""


def begin_training(
    session: Session,
    solution: SolutionRow,
    *,
    now: float,
    name: str | None = None,
    training_mode: str = "FULL",
    training_type: TrainingType = "MANUAL",
) -> SolutionVersionRow:
    """Add a version of a solution, with its settings as they are now, and the job that trains it."""
    suffix = secrets.token_hex(4)
    row = SolutionVersionRow(
        arn=f"{solution.arn}/{suffix}",
        name=name or f"{solution.name}/{suffix}",
        account=solution.account,
        region=solution.region,
        creation_date_time=now,
        last_updated_date_time=now,
        solution_arn=solution.arn,
        dataset_group_arn=solution.dataset_group_arn,
        recipe_arn=solution.recipe_arn or _auto_ml_recipe_arn(solution),
        event_type=solution.event_type,
        solution_config=solution.solution_config,
        perform_hpo=solution.perform_hpo,
        perform_auto_ml=solution.perform_auto_ml,
        perform_incremental_update=solution.perform_incremental_update,
        training_mode=training_mode,
        training_type=training_type,
    )
    begin(session, row, TRAIN_SOLUTION_VERSION, now=now)
    return row


def _auto_ml_recipe_arn(solution: SolutionRow) -> str:
    partition = solution.arn.split(":", 2)[1]
    return f"arn:{partition}:personalize:::recipe/{AUTO_ML_RECIPE}"


def newest_version(
    session: Session, solution_arn: str, *conditions: ColumnElement[bool]
) -> SolutionVersionRow | None:
    """The newest version of a solution that meets the conditions; None where there is none."""
    query = select(SolutionVersionRow).where(SolutionVersionRow.solution_arn == solution_arn, *conditions)
    return session.scalar(query.order_by(SolutionVersionRow.id.desc()).limit(1))


def vanishing_dataset(session: Session, dataset_group_arn: str) -> DatasetRow | None:
    """A dataset of a group that is being deleted; the others are kept from it until the transaction ends."""
    query = select(DatasetRow).where(DatasetRow.dataset_group_arn == dataset_group_arn)
    datasets = session.scalars(query.with_for_update(read=True)).all()
    return next((dataset for dataset in datasets if dataset.status.startswith("DELETE")), None)
