"""The recipes of items for a user, and of given items ranked for a user."""

from typing import Any

from openpersonalize.models import BlendModel
from openpersonalize.models.ranker import Question
from openpersonalize.recipes import memory
from openpersonalize.recipes.blend import train
from openpersonalize.recipes.parameters import DEFAULT_WIDTH, EXPLORATION, USUAL_HISTORIES, sequence
from openpersonalize.recipes.recipe import PERSONALIZED_RANKING, SHOP, USER_PERSONALIZATION, VIDEO, Recipe
from openpersonalize.recipes.updates import every_two_hours, update

_EXPLORING: dict[str, Any] = {"update": update, "update_every_s": every_two_hours}


def _recipe(name: str, recipe_type: str, description: str, **more: Any) -> Recipe:
    return Recipe(
        name,
        recipe_type,
        description,
        train=train,
        model=BlendModel,
        tables=("ITEMS", "USERS"),
        is_contextual=True,
        memory=memory.blend,
        **more,
    )


RECIPES = (
    _recipe(
        "aws-user-personalization",
        USER_PERSONALIZATION,
        "Predicts the items that a user will interact with, and explores new items.",
        feature_transformation="JSON-percentile-filtering",
        hyperparameters=sequence(DEFAULT_WIDTH) + USUAL_HISTORIES + EXPLORATION,
        **_EXPLORING,
    ),
    _recipe(
        "aws-personalized-ranking",
        PERSONALIZED_RANKING,
        "Reranks a list of items for a user.",
        feature_transformation="JSON-percentile-filtering",
        hyperparameters=sequence(DEFAULT_WIDTH) + USUAL_HISTORIES,
        question=Question.RANKING,
    ),
    _recipe(
        "aws-vod-top-picks",
        USER_PERSONALIZATION,
        "Recommends videos for a user.",
        domain=VIDEO,
        hyperparameters=EXPLORATION,
        needs_user=True,
        leaves_out="Watch",
        **_EXPLORING,
    ),
    _recipe(
        "aws-ecomm-recommended-for-you",
        USER_PERSONALIZATION,
        "Recommends items for a user.",
        domain=SHOP,
        hyperparameters=EXPLORATION,
        needs_user=True,
        leaves_out="Purchase",
        **_EXPLORING,
    ),
)
