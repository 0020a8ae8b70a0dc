"""All recipes of the service by name; a new one is a file and a line here, or a plugin (docs/plugins.md)."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import chain

from openpersonalize.models.ranker import Ranker
from openpersonalize.recipes import (
    actions,
    cooccurrence,
    plugins,
    popularity,
    segments,
    semantic_similarity,
    sequences,
    similar_items,
    trending,
    user_personalization,
)
from openpersonalize.recipes.recipe import Recipe
from openpersonalize.settings import SettingsError

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
    recipe.name: recipe for recipe in sorted((*chain(*_FAMILIES), *plugins.load()), key=lambda one: one.name)
}
"""All recipes by name, in the order of names."""

BUILT = frozenset(name for name, recipe in RECIPES.items() if recipe.train is not None)
"""Those that can be trained."""


def model_kinds() -> dict[str, type[Ranker]]:
    """The classes of all recipes' models by the kind that their artifacts name.

    Raises SettingsError where two classes have one kind.
    """
    kinds: dict[str, type[Ranker]] = {}
    for recipe in RECIPES.values():
        model = recipe.model
        if model is not None and kinds.setdefault(model.kind, model) is not model:
            raise SettingsError(
                f"the model of the recipe {recipe.name} has the kind {model.kind!r}, as another model has: "
                "rename it."
            )
    return kinds


@cache
def recipes_in(partition: str) -> Mapping[str, Recipe]:
    """All recipes by name, with the ARNs that they have in a partition such as `aws-cn`."""
    return {name: replace(recipe, partition=partition) for name, recipe in RECIPES.items()}
