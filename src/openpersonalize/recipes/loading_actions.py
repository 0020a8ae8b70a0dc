"""Reads action interactions from Parquet files, for training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from openpersonalize.models.action_events import TYPES, ActionEvents
from openpersonalize.models.ids import IdIndex

_COLUMNS = ("USER_ID", "ACTION_ID", "EVENT_TYPE", "TIMESTAMP")
_SCHEMA = {"USER_ID": pl.String, "ACTION_ID": pl.String, "EVENT_TYPE": pl.String, "TIMESTAMP": pl.Int64}


def load_action_events(files: Sequence[Path]) -> ActionEvents:
    """Read action interactions, in the order of the files, each user's oldest first.

    Of events that agree in user, action, type and time one is kept: their other columns are not used. Types
    are compared without case, blanks and underscores; rows of other types are left out.
    """
    if not files:
        return ActionEvents.none()
    scanned = (pl.scan_parquet(path).select(_COLUMNS).cast(pl.Schema(_SCHEMA)) for path in files)
    squashed = pl.col("EVENT_TYPE").str.to_lowercase().str.replace_all(r"[\s_]", "")
    frame = (
        pl.concat(list(scanned))
        .with_columns(squashed.replace_strict(dict(zip(TYPES, range(3), strict=True)), default=None))
        .drop_nulls()
        .unique(maintain_order=True)
        .sort("USER_ID", "TIMESTAMP", maintain_order=True)
        .collect()
    )
    users, actions = (_distinct(frame[name]) for name in ("USER_ID", "ACTION_ID"))
    user_rows = _rows(frame["USER_ID"], users)
    starts = np.zeros(len(users) + 1, np.int64)
    np.cumsum(np.bincount(user_rows, minlength=len(users)), out=starts[1:])
    return ActionEvents(
        IdIndex.build(users.to_list()),
        IdIndex.build(actions.to_list()),
        starts,
        _rows(frame["ACTION_ID"], actions),
        frame["EVENT_TYPE"].cast(pl.Int32).to_numpy(),
        frame["TIMESTAMP"].to_numpy(),
    )


def _distinct(texts: pl.Series) -> pl.Series:
    return texts.unique().sort()


def _rows(texts: pl.Series, known: pl.Series) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    return texts.cast(pl.Enum(known)).to_physical().cast(pl.Int32).to_numpy()
