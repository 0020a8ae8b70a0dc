"""The recipe of items whose texts mean something similar."""

from datetime import UTC, datetime

from openpersonalize.models.ranker import Question
from openpersonalize.recipes.recipe import RELATED_ITEMS, Recipe

SEMANTIC_SIMILARITY = "aws-semantic-similarity"

RECIPES = (
    Recipe(
        SEMANTIC_SIMILARITY,
        RELATED_ITEMS,
        "Finds items similar to a given item by the meaning of their texts.",
        created=datetime(2025, 11, 30, tzinfo=UTC),
        question=Question.SIMILAR_ITEMS,
        tables=("ITEMS",),
    ),
)
