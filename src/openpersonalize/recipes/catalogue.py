"""All recipes of the service by name; a new one is a file and a line here, or a plugin (docs/plugins.md)."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from openpersonalize.models.ranker import Ranker
from openpersonalize.recipes import (
    actions,
    cooccurrence,
    popularity,
    segments,
    semantic_similarity,
    sequences,
    similar_items,
    trending,
    user_personalization,
)
from openpersonalize.recipes.recipe import Recipe

_FAMILIES: tuple[tuple[Recipe, ...], ...] = (
    actions.RECIPES,
    cooccurrence.RECIPES,
    popularity.RECIPES,
    segments.RECIPES,
    semantic_similarity.RECIPES,
    sequences.RECIPES,
    similar_items.RECIPES,
    trending.RECIPES,
    user_personalization.RECIPES,
)

RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in sorted((recipe for family in _FAMILIES for recipe in family), key=lambda one: one.name)
}
"""All recipes by name, in the order of names."""

BUILT = frozenset(name for name, recipe in RECIPES.items() if recipe.train is not None)
"""Those that can be trained."""


def model_kinds() -> dict[str, type[Ranker]]:
    """The classes of all recipes' models by the kind that their artifacts name."""
    return {recipe.model.kind: recipe.model for recipe in RECIPES.values() if recipe.model is not None}


@cache
def recipes_in(partition: str) -> Mapping[str, Recipe]:
    """All recipes by name, with the ARNs that they have in a partition such as `aws-cn`."""
    return {name: replace(recipe, partition=partition) for name, recipe in RECIPES.items()}
