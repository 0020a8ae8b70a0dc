"""The recipes of the items that grow fastest, the same for everybody."""

from openpersonalize.models.ranker import Question
from openpersonalize.recipes.recipe import POPULAR_ITEMS, VIDEO, Hyperparameter, Recipe, Where

_FREQUENCIES = ("30 minutes", "1 hour", "2 hours", "3 hours", "1 day")

RECIPES = (
    Recipe(
        "aws-trending-now",
        POPULAR_ITEMS,
        "Recommends the items whose interactions grow fastest.",
        algorithm="aws-trending-now-custom",
        hyperparameters=(
            Hyperparameter("trend_discovery_frequency", "2 hours", values=_FREQUENCIES, where=Where.FEATURES),
        ),
        question=Question.POPULAR_ITEMS,
    ),
    Recipe(
        "aws-vod-trending-now",
        POPULAR_ITEMS,
        "Recommends the videos that grow fastest.",
        domain=VIDEO,
        question=Question.POPULAR_ITEMS,
    ),
)
