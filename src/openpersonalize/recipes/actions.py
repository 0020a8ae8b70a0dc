"""The recipe of the actions that a user will most likely take."""

from datetime import UTC, datetime

from openpersonalize.models.ranker import Question
from openpersonalize.recipes.recipe import PERSONALIZED_ACTIONS, Hyperparameter, Recipe, Where

RECIPES = (
    Recipe(
        "aws-next-best-action",
        PERSONALIZED_ACTIONS,
        "Recommends the actions that a user will most likely take.",
        created=datetime(2023, 8, 11, tzinfo=UTC),
        hyperparameters=(Hyperparameter("action_optimization_period", 14, 7, 28, where=Where.FEATURES),),
        question=Question.ACTIONS_FOR_USER,
        tables=("ACTIONS", "USERS"),
    ),
)
