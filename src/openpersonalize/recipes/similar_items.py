"""The recipes of items like an item, by histories and by metadata."""

from openpersonalize.models.ranker import Question
from openpersonalize.recipes.recipe import RELATED_ITEMS, VIDEO, Hyperparameter, Recipe, Where

RECIPES = (
    Recipe(
        "aws-similar-items",
        RELATED_ITEMS,
        "Finds items similar to a given item by co-occurrence in histories and by item metadata.",
        hyperparameters=(
            Hyperparameter("popularity_discount_factor", 0.0, 0.0, 1.0),
            Hyperparameter("item_id_hidden_dim", 100, 30, 200, is_tunable=True, where=Where.RANGES),
            Hyperparameter("item_metadata_hidden_dim", 100, 30, 200, is_tunable=True, where=Where.RANGES),
        ),
        question=Question.SIMILAR_ITEMS,
        tables=("ITEMS",),
    ),
    Recipe(
        "aws-vod-more-like-x",
        RELATED_ITEMS,
        "Recommends videos like a given one.",
        domain=VIDEO,
        needs_user=True,
        leaves_out="Watch",
        question=Question.SIMILAR_ITEMS,
        tables=("ITEMS",),
    ),
)
