"""The recipes of segments: users ranked for an item, or for a combination of item attributes."""

from datetime import UTC, datetime

from openpersonalize.models.ranker import Question
from openpersonalize.recipes.parameters import DEFAULT_WIDTH, width
from openpersonalize.recipes.recipe import USER_SEGMENTATION, Recipe

RECIPES = (
    Recipe(
        "aws-item-affinity",
        USER_SEGMENTATION,
        "Makes a segment of users for each given item.",
        feature_transformation="item-affinity",
        created=datetime(2021, 7, 15, tzinfo=UTC),
        hyperparameters=(width(DEFAULT_WIDTH, is_tunable=False),),
        question=Question.USERS,
    ),
    Recipe(
        "aws-item-attribute-affinity",
        USER_SEGMENTATION,
        "Makes a segment of users for each given combination of item attributes.",
        feature_transformation="item-attribute-affinity",
        created=datetime(2021, 8, 25, tzinfo=UTC),
        hyperparameters=(width(DEFAULT_WIDTH, is_tunable=False),),
        question=Question.USERS,
        tables=("ITEMS",),
    ),
)
