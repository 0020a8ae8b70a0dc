"""When a solution or a recommender is trained by itself; in epoch seconds.

Sources: the developer guide's pages on automatic training and on recommenders.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S
FIRST_TRAINING_S = 1_800.0
"""Seconds from a solution's making to its first automatic training, which AWS promises within the hour."""
DEFAULT_DAYS = 7
MOST_DAYS = 30
RECOMMENDER_S = 7 * DAY_S
"""Recommenders are trained again every week."""

_RATE = re.compile(r"rate\((\d+) days?\)")


def next_recommender_training(created_at: float, now: float) -> float:
    """When a recommender is trained next: whole weeks after its making, even if it rested in between."""
    weeks = math.floor((now - created_at) / RECOMMENDER_S) + 1
    return created_at + weeks * RECOMMENDER_S


def interval_s(expression: str | None) -> float | None:
    """Seconds between trainings of `rate(N days)`, weekly when there is none; None when N is not 1 to 30."""
    if expression is None:
        return DEFAULT_DAYS * DAY_S
    found = _RATE.fullmatch(expression)
    days = int(found[1]) if found else 0
    return days * DAY_S if 1 <= days <= MOST_DAYS else None


def training_interval_s(solution_config: Mapping[str, Any] | None) -> float:
    """Seconds between the automatic trainings of a solution with this solutionConfig."""
    config = (solution_config or {}).get("autoTrainingConfig") or {}
    return interval_s(config.get("schedulingExpression")) or DEFAULT_DAYS * DAY_S
