"""The recipes of sequence models: the two v2 recipes, and AWS's legacy ones; none can be trained yet."""

from datetime import UTC, datetime

from openpersonalize.models.ranker import Question
from openpersonalize.recipes.parameters import USUAL_HISTORIES, sequence
from openpersonalize.recipes.recipe import (
    PERSONALIZED_RANKING,
    USER_PERSONALIZATION,
    Hyperparameter,
    Recipe,
    Where,
)

_RECENCY_BIAS = (Hyperparameter("apply_recency_bias", True),)

RECIPES = (
    Recipe(
        "aws-user-personalization-v2",
        USER_PERSONALIZATION,
        "Recommends items for a user with a sequence model of their interactions; considers up to five "
        "million items and explores new ones by itself.",
        created=datetime(2024, 1, 1, tzinfo=UTC),
        hyperparameters=_RECENCY_BIAS,
    ),
    Recipe(
        "aws-personalized-ranking-v2",
        PERSONALIZED_RANKING,
        "Reranks a list of items for a user with a sequence model of their interactions.",
        created=datetime(2024, 1, 1, tzinfo=UTC),
        hyperparameters=_RECENCY_BIAS,
        question=Question.RANKING,
    ),
    Recipe(
        "aws-hrnn",
        USER_PERSONALIZATION,
        "Legacy, superseded by aws-user-personalization: predicts the items that a user will interact with.",
        feature_transformation="JSON-percentile-filtering",
        hyperparameters=sequence(43) + USUAL_HISTORIES,
        is_legacy=True,
    ),
    Recipe(
        "aws-hrnn-metadata",
        USER_PERSONALIZATION,
        "Legacy, superseded by aws-user-personalization: as aws-hrnn, with metadata of items and users.",
        feature_transformation="featurize_metadata",
        hyperparameters=sequence(43) + USUAL_HISTORIES,
        is_legacy=True,
    ),
    Recipe(
        "aws-hrnn-coldstart",
        USER_PERSONALIZATION,
        "Legacy, superseded by aws-user-personalization: as aws-hrnn-metadata, for new items too.",
        feature_transformation="featurize_coldstart",
        hyperparameters=(
            *sequence(149),
            Hyperparameter("cold_start_max_interactions", 15, 1, where=Where.FEATURES),
            Hyperparameter("cold_start_max_duration", 5.0, 0.0, where=Where.FEATURES),
            Hyperparameter(
                "cold_start_relative_from",
                "latestItem",
                values=("latestItem", "currentTime"),
                where=Where.FEATURES,
            ),
            *USUAL_HISTORIES,
        ),
        is_legacy=True,
    ),
)
