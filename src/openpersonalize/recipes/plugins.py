"""Recipes of other packages, found by their entry points (docs/plugins.md)."""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from openpersonalize.recipes.recipe import Recipe
from openpersonalize.settings import SettingsError

GROUP = "openpersonalize.recipes"
RESERVED = "aws-"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def installed() -> list[EntryPoint]:
    """The entry points of recipes, in the order of their names; none of their modules is loaded."""
    return sorted(entry_points(group=GROUP), key=lambda one: (one.name, one.value))


def load() -> list[Recipe]:
    """The recipes of all installed packages.

    Raises SettingsError, which names the package, for one that cannot be used: a server that left it out
    would answer some requests and not others.
    """
    found: dict[str, Recipe] = {}
    for entry in installed():
        for recipe in _checked(entry):
            if recipe.name in found:
                raise _unusable(entry, f"its recipe {recipe.name!r} has the name of another package's")
            found[recipe.name] = recipe
    return list(found.values())


def _checked(entry: EntryPoint) -> Iterator[Recipe]:
    try:
        loaded: Any = entry.load()
    except Exception as error:
        raise _unusable(entry, f"it cannot be loaded ({type(error).__name__}: {error})") from error
    recipes = loaded if isinstance(loaded, Iterable) else (loaded,)
    for recipe in recipes:
        if not isinstance(recipe, Recipe):
            raise _unusable(entry, f"it is a {type(recipe).__name__}, not a Recipe or a tuple of them")
        if recipe.name.startswith(RESERVED) or not _NAME.fullmatch(recipe.name):
            raise _unusable(
                entry,
                f"its recipe is named {recipe.name!r}: use lower-case letters, digits and hyphens, not "
                f"{RESERVED!r} at the beginning, which is for those of AWS",
            )
        if recipe.train is None or recipe.model is None:
            raise _unusable(entry, f"its recipe {recipe.name!r} lacks `train` or `model`")
        yield recipe


def _unusable(entry: EntryPoint, why: str) -> SettingsError:
    package = "" if entry.dist is None else f" of the package {entry.dist.name}"
    return SettingsError(
        f"the recipe {entry.name} = {entry.value}{package} cannot be used: {why}. Mend or uninstall it."
    )
