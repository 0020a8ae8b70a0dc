"""The action interactions that a training reads: files of imports, and what was sent since in one more."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import select

from openpersonalize.jobs.worker import RunningJob
from openpersonalize.recipes.recipe import PERSONALIZED_ACTIONS, Recipe
from openpersonalize.storage.event_log import START, Position, end_of_log
from openpersonalize.storage.generations import generation_folder, part_paths
from openpersonalize.storage.log_tables import ActionInteractionRow
from openpersonalize.storage.record_log import ActionInteraction, read_action_interactions
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import DatasetRow, GenerationRow
from openpersonalize.work.sessions import owners

ACTION_INTERACTIONS = "ACTION_INTERACTIONS"


@dataclass(frozen=True)
class ActionFiles:
    """Parquet files in the order of reading, and up to where they have the log."""

    files: Mapping[str, list[str]]
    extra: Mapping[str, Any]
    """What the manifest of the artifact is to say."""


def action_files(job: RunningJob, stores: Stores, dataset_group_arn: str, recipe: Recipe) -> ActionFiles:
    """Write what was sent of action interactions into the job's scratch folder; nothing for other recipes."""
    if recipe.recipe_type != PERSONALIZED_ACTIONS:
        return ActionFiles({}, {})
    with stores.database.read() as session:
        dataset_id = session.scalar(
            select(DatasetRow.id).where(
                DatasetRow.dataset_group_arn == dataset_group_arn,
                DatasetRow.dataset_type == ACTION_INTERACTIONS,
            )
        )
        generations = session.scalars(
            select(GenerationRow.id)
            .where(GenerationRow.dataset_id == dataset_id, GenerationRow.active)
            .order_by(GenerationRow.position, GenerationRow.created_at)
        ).all()
        end = max(START, end_of_log(session, stores.database, ActionInteractionRow))
        stored = read_action_interactions(session, after=START, end=end, dataset_id=dataset_id or 0)
        sent = [interaction for _, interaction in stored]
    parts = [
        path for name in generations for path in part_paths(generation_folder(stores.data_dir, name))
    ] + _write(sent, job.scratch / "action-interactions.parquet")
    return ActionFiles({ACTION_INTERACTIONS: [str(path) for path in parts]}, _extra(end))


def _extra(end: Position) -> dict[str, Any]:
    return {"action_watermark": list(end)}


def _write(sent: list[ActionInteraction], path: Path) -> list[Path]:
    """Write what was sent as one Parquet file; none where nothing belongs to a user, see `sessions`."""
    columns: dict[str, list[Any]] = {
        name: [interaction[place] for interaction in sent]
        for place, name in enumerate(ActionInteraction._fields)
    }
    frame = pl.DataFrame(
        {
            "USER_ID": owners(columns),
            "ACTION_ID": pl.Series(columns["action_id"], dtype=pl.String),
            "EVENT_TYPE": pl.Series(columns["event_type"], dtype=pl.String),
            "TIMESTAMP": pl.Series(columns["timestamp"], dtype=pl.Int64),
        }
    ).filter(pl.col("USER_ID").is_not_null())
    if frame.is_empty():
        return []
    frame.write_parquet(path)
    return [path]
