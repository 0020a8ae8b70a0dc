"""All recipes of the service by name."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from openpersonalize.recipes.recipe import Hyperparameter, Recipe, Where

USER_PERSONALIZATION = "USER_PERSONALIZATION"
PERSONALIZED_RANKING = "PERSONALIZED_RANKING"
RELATED_ITEMS = "RELATED_ITEMS"
POPULAR_ITEMS = "POPULAR_ITEMS"
USER_SEGMENTATION = "USER_SEGMENTATION"
PERSONALIZED_ACTIONS = "PERSONALIZED_ACTIONS"

SEMANTIC_SIMILARITY = "aws-semantic-similarity"

POPULARITY_COUNT_TYPE = USER_PERSONALIZATION
"""AWS's pages disagree; this is what the recipe's own page says."""


def _width(default: int, *, is_tunable: bool) -> Hyperparameter:
    return Hyperparameter("hidden_dimension", default, 32, 256, is_tunable=is_tunable)


def _sequence(width: int) -> tuple[Hyperparameter, ...]:
    return (
        _width(width, is_tunable=True),
        Hyperparameter("bptt", 32, 2, 32, is_tunable=True),
        Hyperparameter("recency_mask", True, is_tunable=True),
    )


def _history_percentiles(low: float, high: float) -> tuple[Hyperparameter, ...]:
    return (
        Hyperparameter("min_user_history_length_percentile", low, 0.0, 1.0, where=Where.FEATURES),
        Hyperparameter("max_user_history_length_percentile", high, 0.0, 1.0, where=Where.FEATURES),
    )


_USUAL_HISTORIES = _history_percentiles(0.0, 0.99)
_EXPLORATION = (
    Hyperparameter("explorationWeight", 0.3, 0.0, 1.0, where=Where.CAMPAIGN),
    Hyperparameter("explorationItemAgeCutOff", 30.0, 1.0, where=Where.CAMPAIGN),
)
_RECENCY_BIAS = (Hyperparameter("apply_recency_bias", True),)
_TREND_FREQUENCIES = ("30 minutes", "1 hour", "2 hours", "3 hours", "1 day")

_CUSTOM = (
    Recipe(
        "aws-user-personalization-v2",
        USER_PERSONALIZATION,
        "Recommends items for a user with a sequence model of their interactions; considers up to five "
        "million items and explores new ones by itself.",
        created=datetime(2024, 1, 1, tzinfo=UTC),
        hyperparameters=_RECENCY_BIAS,
    ),
    Recipe(
        "aws-user-personalization",
        USER_PERSONALIZATION,
        "Predicts the items that a user will interact with, and explores new items.",
        feature_transformation="JSON-percentile-filtering",
        hyperparameters=_sequence(149) + _USUAL_HISTORIES + _EXPLORATION,
    ),
    Recipe(
        "aws-personalized-ranking-v2",
        PERSONALIZED_RANKING,
        "Reranks a list of items for a user with a sequence model of their interactions.",
        created=datetime(2024, 1, 1, tzinfo=UTC),
        hyperparameters=_RECENCY_BIAS,
    ),
    Recipe(
        "aws-personalized-ranking",
        PERSONALIZED_RANKING,
        "Reranks a list of items for a user.",
        feature_transformation="JSON-percentile-filtering",
        hyperparameters=_sequence(149) + _USUAL_HISTORIES,
    ),
    Recipe(
        "aws-similar-items",
        RELATED_ITEMS,
        "Finds items similar to a given item by co-occurrence in histories and by item metadata.",
        hyperparameters=(
            Hyperparameter("popularity_discount_factor", 0.0, 0.0, 1.0),
            Hyperparameter("item_id_hidden_dim", 100, 30, 200, is_tunable=True, where=Where.RANGES),
            Hyperparameter("item_metadata_hidden_dim", 100, 30, 200, is_tunable=True, where=Where.RANGES),
        ),
    ),
    Recipe(
        "aws-semantic-similarity",
        RELATED_ITEMS,
        "Finds items similar to a given item by the meaning of their texts.",
        created=datetime(2025, 11, 30, tzinfo=UTC),
    ),
    Recipe(
        "aws-sims",
        RELATED_ITEMS,
        "Finds items similar to a given item by co-occurrence in the histories of users.",
        feature_transformation="sims",
        hyperparameters=(
            Hyperparameter("popularity_discount_factor", 0.5, 0.0, 1.0, is_tunable=True),
            Hyperparameter("min_cointeraction_count", 3, 0, 10, is_tunable=True),
            *_history_percentiles(0.005, 0.995),
            Hyperparameter("min_item_interaction_count_percentile", 0.01, 0.0, 1.0, where=Where.FEATURES),
            Hyperparameter("max_item_interaction_count_percentile", 0.9, 0.0, 1.0, where=Where.FEATURES),
        ),
    ),
    Recipe(
        "aws-popularity-count",
        POPULARITY_COUNT_TYPE,
        "Recommends the items that most users interacted with, the same to everybody.",
        feature_transformation="sims",
    ),
    Recipe(
        "aws-trending-now",
        POPULAR_ITEMS,
        "Recommends the items whose interactions grow fastest.",
        algorithm="aws-trending-now-custom",
        hyperparameters=(
            Hyperparameter(
                "trend_discovery_frequency", "2 hours", values=_TREND_FREQUENCIES, where=Where.FEATURES
            ),
        ),
    ),
    Recipe(
        "aws-item-affinity",
        USER_SEGMENTATION,
        "Makes a segment of users for each given item.",
        feature_transformation="item-affinity",
        created=datetime(2021, 7, 15, tzinfo=UTC),
        hyperparameters=(_width(149, is_tunable=False),),
    ),
    Recipe(
        "aws-item-attribute-affinity",
        USER_SEGMENTATION,
        "Makes a segment of users for each given combination of item attributes.",
        feature_transformation="item-attribute-affinity",
        created=datetime(2021, 8, 25, tzinfo=UTC),
        hyperparameters=(_width(149, is_tunable=False),),
    ),
    Recipe(
        "aws-next-best-action",
        PERSONALIZED_ACTIONS,
        "Recommends the actions that a user will most likely take.",
        created=datetime(2023, 8, 11, tzinfo=UTC),
        hyperparameters=(Hyperparameter("action_optimization_period", 14, 7, 28, where=Where.FEATURES),),
    ),
    Recipe(
        "aws-hrnn",
        USER_PERSONALIZATION,
        "Legacy, superseded by aws-user-personalization: predicts the items that a user will interact with.",
        feature_transformation="JSON-percentile-filtering",
        hyperparameters=_sequence(43) + _USUAL_HISTORIES,
        is_legacy=True,
    ),
    Recipe(
        "aws-hrnn-metadata",
        USER_PERSONALIZATION,
        "Legacy, superseded by aws-user-personalization: as aws-hrnn, with metadata of items and users.",
        feature_transformation="featurize_metadata",
        hyperparameters=_sequence(43) + _USUAL_HISTORIES,
        is_legacy=True,
    ),
    Recipe(
        "aws-hrnn-coldstart",
        USER_PERSONALIZATION,
        "Legacy, superseded by aws-user-personalization: as aws-hrnn-metadata, for new items too.",
        feature_transformation="featurize_coldstart",
        hyperparameters=(
            *_sequence(149),
            Hyperparameter("cold_start_max_interactions", 15, 1, where=Where.FEATURES),
            Hyperparameter("cold_start_max_duration", 5.0, 0.0, where=Where.FEATURES),
            Hyperparameter(
                "cold_start_relative_from",
                "latestItem",
                values=("latestItem", "currentTime"),
                where=Where.FEATURES,
            ),
            *_USUAL_HISTORIES,
        ),
        is_legacy=True,
    ),
)

_VIDEO, _SHOP = "VIDEO_ON_DEMAND", "ECOMMERCE"

_DOMAIN = (
    Recipe(
        "aws-vod-because-you-watched-x",
        RELATED_ITEMS,
        "Recommends videos that others watched who watched a given one.",
        domain=_VIDEO,
        event_type="Watch",
        needs_user=True,
    ),
    Recipe(
        "aws-vod-more-like-x",
        RELATED_ITEMS,
        "Recommends videos like a given one.",
        domain=_VIDEO,
        needs_user=True,
    ),
    Recipe(
        "aws-vod-most-popular",
        POPULAR_ITEMS,
        "Recommends the videos that most users watched.",
        domain=_VIDEO,
        event_type="Watch",
        needs_user=True,
    ),
    Recipe("aws-vod-trending-now", POPULAR_ITEMS, "Recommends the videos that grow fastest.", domain=_VIDEO),
    Recipe(
        "aws-vod-top-picks",
        USER_PERSONALIZATION,
        "Recommends videos for a user.",
        domain=_VIDEO,
        hyperparameters=_EXPLORATION,
        needs_user=True,
    ),
    Recipe(
        "aws-ecomm-popular-items-by-views",
        POPULAR_ITEMS,
        "Recommends the most viewed items.",
        domain=_SHOP,
        event_type="View",
        needs_user=True,
    ),
    Recipe(
        "aws-ecomm-popular-items-by-purchases",
        POPULAR_ITEMS,
        "Recommends the most purchased items.",
        domain=_SHOP,
        event_type="Purchase",
        needs_user=True,
    ),
    Recipe(
        "aws-ecomm-frequently-bought-together",
        RELATED_ITEMS,
        "Recommends items that are bought together with a given one.",
        domain=_SHOP,
        event_type="Purchase",
    ),
    Recipe(
        "aws-ecomm-customers-who-viewed-x-also-viewed",
        RELATED_ITEMS,
        "Recommends items that others viewed who viewed a given one.",
        domain=_SHOP,
        event_type="View",
        needs_user=True,
    ),
    Recipe(
        "aws-ecomm-recommended-for-you",
        USER_PERSONALIZATION,
        "Recommends items for a user.",
        domain=_SHOP,
        hyperparameters=_EXPLORATION,
        needs_user=True,
    ),
)

RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe for recipe in sorted(_CUSTOM + _DOMAIN, key=lambda recipe: recipe.name)
}
"""All recipes by name, in the order of names."""

BUILT = frozenset(
    {
        "aws-user-personalization",
        "aws-personalized-ranking",
        "aws-popularity-count",
        "aws-sims",
        "aws-vod-most-popular",
        "aws-ecomm-popular-items-by-views",
    }
)
"""The recipes that `trainers` can train; a test keeps the two alike."""

CONTEXTUAL = frozenset({"aws-user-personalization", "aws-personalized-ranking"})
"""The recipes whose models use the contextual columns of interactions."""


@cache
def recipes_in(partition: str) -> Mapping[str, Recipe]:
    """All recipes by name, with the ARNs that they have in a partition such as `aws-cn`."""
    return {name: replace(recipe, partition=partition) for name, recipe in RECIPES.items()}
