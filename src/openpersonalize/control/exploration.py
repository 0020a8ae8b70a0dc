"""The itemExplorationConfig of campaigns and batch jobs: how many new items are tried out."""

from collections.abc import Mapping

from openpersonalize.errors import InvalidInputException
from openpersonalize.recipes.recipe import Recipe, Value, Where


def read_exploration(given: Mapping[str, str], recipe: Recipe, member: str) -> dict[str, Value]:
    """The values of an itemExplorationConfig; `member` names what holds it. Raises InvalidInputException."""
    known = {parameter.name: parameter for parameter in recipe.parameters(Where.CAMPAIGN)}
    values = {}
    for name, text in given.items():
        if name not in known:
            raise InvalidInputException(
                f"{member}.itemExplorationConfig has {name!r}, which {recipe.name} does not have: "
                f"{'use ' + ', '.join(known) if known else 'leave it out'}."
            )
        value = known[name].read(text)
        if value is None:
            raise InvalidInputException(
                f"{member}.itemExplorationConfig has {name} {text!r}: it must be {known[name].allowed}."
            )
        values[name] = value
    return values
