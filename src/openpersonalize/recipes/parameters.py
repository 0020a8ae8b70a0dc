"""Hyperparameters that several recipes have."""

from openpersonalize.recipes.recipe import Hyperparameter, Where

DEFAULT_WIDTH = 149


def width(default: int, *, is_tunable: bool) -> Hyperparameter:
    """How many numbers describe an item."""
    return Hyperparameter("hidden_dimension", default, 32, 256, is_tunable=is_tunable)


def sequence(default_width: int) -> tuple[Hyperparameter, ...]:
    """Those of recipes that read the newest events of a user."""
    return (
        width(default_width, is_tunable=True),
        Hyperparameter("bptt", 32, 2, 32, is_tunable=True),
        Hyperparameter("recency_mask", True, is_tunable=True),
    )


def history_percentiles(low: float, high: float) -> tuple[Hyperparameter, ...]:
    """Which users shape the model, by the length of their history."""
    return (
        Hyperparameter("min_user_history_length_percentile", low, 0.0, 1.0, where=Where.FEATURES),
        Hyperparameter("max_user_history_length_percentile", high, 0.0, 1.0, where=Where.FEATURES),
    )


USUAL_HISTORIES = history_percentiles(0.0, 0.99)
EXPLORATION = (
    Hyperparameter("explorationWeight", 0.3, 0.0, 1.0, where=Where.CAMPAIGN),
    Hyperparameter("explorationItemAgeCutOff", 30.0, 1.0, where=Where.CAMPAIGN),
)
