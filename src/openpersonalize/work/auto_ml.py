"""AutoML: trains several recipes for one solution, and chooses the one that does best.

Every candidate is tuned in a few trials and measured on the same test users, who are none of those of the
final metrics. One that cannot be trained is noted with its reason.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openpersonalize.errors import JobError
from openpersonalize.jobs.worker import RunningJob
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.recipe import USER_PERSONALIZATION, Recipe
from openpersonalize.work.training_process import Span

TRIALS = 5
"""Of each candidate that can be tuned."""

_SEARCH_ENDS_AT = 80.0


@dataclass(frozen=True)
class Choice:
    """The best recipe, and the hyperparameters that its search has chosen, as texts."""

    recipe: Recipe
    tuned: Mapping[str, str]
    span: Span
    """The part of the job that is left for the training in full."""


@dataclass(frozen=True)
class _Tried:
    recipe: Recipe
    result: Mapping[str, Any]


Try = Callable[[Recipe, Span], Mapping[str, Any]]
"""Searches a recipe's hyperparameters: `tuned`, `metric` and `trials`. Raises JobError where it cannot."""


def candidates(config: Mapping[str, Any]) -> list[Recipe]:
    """Return what a solutionConfig lets AutoML choose from.

    Without a list these are all recipes of type USER_PERSONALIZATION without a domain that can be trained,
    aws-popularity-count among them.
    """
    listed = (config.get("autoMLConfig") or {}).get("recipeList")
    if listed:
        names = dict.fromkeys(arn.rpartition("/")[2] for arn in listed)
        return [RECIPES[name] for name in names if name in RECIPES]
    return [
        recipe
        for recipe in RECIPES.values()
        if recipe.recipe_type == USER_PERSONALIZATION and recipe.domain is None and recipe.train is not None
    ]


def metric_of(config: Mapping[str, Any]) -> str | None:
    """Return the metric by which a solutionConfig lets AutoML choose; None for the usual one."""
    name = (config.get("autoMLConfig") or {}).get("metricName")
    return name or None


def choose(job: RunningJob, recipes: Sequence[Recipe], attempt: Try) -> Choice:
    """Try each recipe and return the best; of equal ones the first. Raises JobError if none can be trained.

    What came of each is kept in the job's details.
    """
    tried: list[_Tried] = []
    reasons: dict[str, str] = {}
    share = _SEARCH_ENDS_AT / max(1, len(recipes))
    for number, recipe in enumerate(recipes):
        span = Span(share * number, share * (number + 1), f"{recipe.name}: ")
        try:
            tried.append(_Tried(recipe, attempt(recipe, span)))
        except JobError as error:
            reasons[recipe.name] = str(error)
        job.note(candidates=_notes(recipes[: number + 1], tried, reasons), trials=_trials(tried))
    if not tried:
        told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise JobError(f"None of the recipes can be trained. {told}")
    best = max(tried, key=lambda one: float(one.result["metric"]))
    return Choice(best.recipe, dict(best.result["tuned"]), Span(_SEARCH_ENDS_AT, 100.0))


def _notes(
    recipes: Sequence[Recipe], tried: Sequence[_Tried], reasons: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return a line for each recipe: its best metric, or why it has none."""
    metrics = {one.recipe.name: one.result["metric"] for one in tried}
    return [
        {"recipe": recipe.name}
        | (
            {"metric": metrics[recipe.name]}
            if recipe.name in metrics
            else {"reason": reasons.get(recipe.name, "")}
        )
        for recipe in recipes
    ]


def _trials(tried: Sequence[_Tried]) -> list[dict[str, Any]]:
    return [{"recipe": one.recipe.name} | trial for one in tried for trial in one.result["trials"]]
