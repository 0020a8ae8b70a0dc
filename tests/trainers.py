"""Who trains which recipe."""

from openpersonalize.recipes.catalogue import RECIPES

TRAINERS = {name: recipe.train for name, recipe in RECIPES.items() if recipe.train is not None}
CONTEXTUAL = frozenset(name for name in TRAINERS if RECIPES[name].is_contextual)
