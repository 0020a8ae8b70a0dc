"""The hpoConfig of solutions: how many trainings may search which ranges of hyperparameters."""

from collections.abc import Iterator
from typing import Any

from openpersonalize.control.solution_config import (
    CategoricalHyperParameterRange,
    HPOConfig,
    HPOObjective,
    HyperParameterRanges,
)
from openpersonalize.errors import InvalidInputException
from openpersonalize.recipes.recipe import Hyperparameter, Recipe

MEMBER = "solutionConfig.hpoConfig"
MOST_TRAINING_JOBS = 40
MOST_PARALLEL_JOBS = 10


def check_tuning(config: HPOConfig, recipe: Recipe) -> None:
    """Raise InvalidInputException for what no search of this recipe's hyperparameters can do."""
    if config.hpo_objective is not None:
        _check_objective(config.hpo_objective)
    resources = config.hpo_resource_config
    if resources is not None:
        _check_jobs("maxNumberOfTrainingJobs", resources.max_number_of_training_jobs, MOST_TRAINING_JOBS)
        _check_jobs("maxParallelTrainingJobs", resources.max_parallel_training_jobs, MOST_PARALLEL_JOBS)
    if config.algorithm_hyper_parameter_ranges is not None:
        _check_ranges(config.algorithm_hyper_parameter_ranges, recipe)


def _check_objective(objective: HPOObjective) -> None:
    """All metrics are better the higher they are."""
    if (objective.type or "").lower() == "minimize":
        raise InvalidInputException(
            f"{MEMBER}.hpoObjective.type is {objective.type!r}: write Maximize, or leave it out."
        )


def tunable(recipe: Recipe) -> dict[str, Hyperparameter]:
    """The hyperparameters of a recipe that may be searched, by name."""
    return {parameter.name: parameter for parameter in recipe.hyperparameters if parameter.is_tunable}


def _check_jobs(name: str, text: str | None, most: int) -> None:
    digits = (text or "").strip()
    if text is not None and not (digits.isascii() and digits.isdecimal() and 1 <= int(digits) <= most):
        raise InvalidInputException(
            f"{MEMBER}.hpoResourceConfig.{name} is {text!r}: write an integer from 1 to {most} as a string."
        )


def _check_ranges(ranges: HyperParameterRanges, recipe: Recipe) -> None:
    known, seen = tunable(recipe), set[str]()
    for kind, member, entry in _entries(ranges):
        name = entry.name
        place = f"{MEMBER}.algorithmHyperParameterRanges.{member}"
        if name is None:
            raise InvalidInputException(f"{place} has a range without a name: name the hyperparameter.")
        if name not in known:
            raise InvalidInputException(_unknown(recipe, place, name, sorted(known)))
        parameter = known[name]
        if type(parameter.default) is not kind:
            raise InvalidInputException(
                f"{place} has {name!r}, which is {parameter.allowed}: "
                f"use {_MEMBERS[type(parameter.default)]}."
            )
        if name in seen:
            raise InvalidInputException(f"{place} names {name!r} a second time: give it one range.")
        seen.add(name)
        if isinstance(entry, CategoricalHyperParameterRange):
            _check_values(place, parameter, entry.values)
        else:
            _check_bounds(place, parameter, entry.min_value, entry.max_value)


_MEMBERS: dict[type, str] = {
    int: "integerHyperParameterRanges",
    float: "continuousHyperParameterRanges",
    bool: "categoricalHyperParameterRanges",
}


def _entries(ranges: HyperParameterRanges) -> Iterator[tuple[type, str, Any]]:
    given = (
        (int, ranges.integer_hyper_parameter_ranges),
        (float, ranges.continuous_hyper_parameter_ranges),
        (bool, ranges.categorical_hyper_parameter_ranges),
    )
    for kind, entries in given:
        for entry in entries or []:
            yield kind, _MEMBERS[kind], entry


def _unknown(recipe: Recipe, place: str, name: str, known: list[str]) -> str:
    allowed = f"those that can be tuned are: {', '.join(known)}" if known else "it has none that can be tuned"
    return (
        f"Provide a hyperparameter that is used in the algorithm: {recipe.algorithm_arn}. "
        f"{place} has {name!r}; {allowed}."
    )


def _check_bounds(place: str, parameter: Hyperparameter, low: float | None, high: float | None) -> None:
    for bound in (low, high):
        if bound is not None and parameter.read(repr(bound)) is None:
            raise InvalidInputException(
                f"{place} has the bound {bound} for {parameter.name!r}, which must be {parameter.allowed}."
            )
    if low is not None and high is not None and low > high:
        raise InvalidInputException(
            f"{place} has the minValue {low} for {parameter.name!r}, above its maxValue {high}: "
            "exchange them."
        )


def _check_values(place: str, parameter: Hyperparameter, values: list[str] | None) -> None:
    if not values:
        raise InvalidInputException(
            f"{place} has no values for {parameter.name!r}: give some, each {parameter.allowed}."
        )
    for text in values:
        if parameter.read(text) is None:
            raise InvalidInputException(
                f"{place} has the value {text!r} for {parameter.name!r}: it must be {parameter.allowed}."
            )
