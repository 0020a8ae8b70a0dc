"""Checks the hyperparameters of a solution against those that its recipe publishes."""

from collections.abc import Mapping

from openpersonalize.errors import InvalidInputException
from openpersonalize.recipes.recipe import Hyperparameter, Recipe, Value, Where


def validate_hyperparameters(
    recipe: Recipe, algorithm: Mapping[str, str], features: Mapping[str, str]
) -> dict[str, Value]:
    """Return all hyperparameters of a recipe by name, defaults included, as values of their types.

    - `algorithm`: the solution's algorithmHyperParameters; `features`: its featureTransformationParameters.

    Raises InvalidInputException for an unknown name, a wrong type, or a value out of range.
    """
    values: dict[str, Value] = {}
    for where, given in ((Where.ALGORITHM, algorithm), (Where.FEATURES, features)):
        known = {parameter.name: parameter for parameter in recipe.parameters(where)}
        for name in given:
            if name not in known:
                raise InvalidInputException(_unknown(recipe, where, name, sorted(known)))
        for name, parameter in known.items():
            values[name] = _parse(parameter, given[name]) if name in given else parameter.default
    _check_percentiles(values)
    return values


def _unknown(recipe: Recipe, where: Where, name: str, known: list[str]) -> str:
    allowed = f"its {where.value} are: {', '.join(known)}" if known else f"it has no {where.value}"
    return (
        f"Provide a hyperparameter that is used in the algorithm: {recipe.algorithm_arn}. "
        f"{name!r} is not; {allowed}."
    )


def _parse(parameter: Hyperparameter, text: str) -> Value:
    value = parameter.read(text)
    if value is None:
        raise InvalidInputException(
            f"The hyperparameter {parameter.name} has the value {text!r}; it must be {parameter.allowed}."
        )
    return value


def _check_percentiles(values: Mapping[str, Value]) -> None:
    """Refuse a lower percentile above the upper one."""
    for low_name, low in values.items():
        high_name = "max" + low_name.removeprefix("min")
        if low_name.startswith("min_") and low_name.endswith("_percentile") and high_name in values:
            high = values[high_name]
            if float(low) > float(high):
                raise InvalidInputException(
                    f"The hyperparameter {low_name} is {low}, above {high_name}, which is {high}; "
                    "it must be at most that."
                )
