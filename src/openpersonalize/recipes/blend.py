"""Trains a blend: item factors, transitions and popularity, with weights that suit many data sets.

The parts are trained without the test users, calibrated and tested; then they are trained on everything.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openpersonalize.domain import evaluation
from openpersonalize.models import BlendModel, topk
from openpersonalize.models.cold_users import ColdUsers
from openpersonalize.models.parts import PopularityPart
from openpersonalize.models.transitions import TransitionPart
from openpersonalize.recipes import als, calibration, early, lifts, objective, transitions
from openpersonalize.recipes.calibration import Calibration
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.lifts import Lifts
from openpersonalize.recipes.metadata import Metadata
from openpersonalize.recipes.parameters import DEFAULT_WIDTH
from openpersonalize.recipes.training import Task, Trained

FACTORS_WEIGHT, TRANSITIONS_WEIGHT, POPULARITY_WEIGHT = 2.2, 3.7, 0.2
"""Fitted on MovieLens; those fitted on other sets differ little, and give next to nothing more."""

POPULARITY_DAYS = 365.0

_DAY_S = 86_400.0


@dataclass(frozen=True)
class Shape:
    """The hyperparameters; domain recipes, which have none, use the defaults.

    - `width`: numbers by item; `n_events`: how many of a user's newest events are read.
    """

    width: int
    n_events: int
    has_recency: bool
    percentiles: tuple[float, float]

    @classmethod
    def of(cls, task: Task) -> "Shape":
        """Read the settings of a task."""
        given = task.settings
        return cls(
            int(given.get("hidden_dimension", DEFAULT_WIDTH)),
            int(given.get("bptt", 32)),
            bool(given.get("recency_mask", True)),
            (
                float(given.get("min_user_history_length_percentile", 0.0)),
                float(given.get("max_user_history_length_percentile", 0.99)),
            ),
        )


@dataclass(frozen=True)
class Fitted:
    """What was learnt from interactions: factors as `als` makes them, transitions, and lifts of contexts."""

    interactions: Interactions
    factors: NDArray[np.float32]
    transitions: TransitionPart
    lifts: Lifts


def train(task: Task) -> Trained:
    """Fit the parts without the test users, calibrate and test, then fit them on all data."""
    shape = Shape.of(task)
    metadata = Metadata.of(task)
    task = metadata.beside_contexts(task)
    sample = calibration.draw(task.training_part, np.random.default_rng(task.seed))
    part = task.training_part.select(sample.is_kept)
    first = fit(task, shape, part, _span(task, "training", 5.0, 50.0))
    task.progress("calibrating", 50.0)
    uncalibrated = build(task, shape, first, Calibration())
    calibrated = calibration.fit(uncalibrated, first.lifts, task.training_part, sample)
    task.progress("evaluating", 55.0)
    tested = metadata.completed(task, build(task, shape, first, calibrated), part)
    tested = objective.towards(task, tested)
    lists, targets = task.test_lists(tested)
    metrics = evaluation.metrics(lists, targets, task.interactions.n_items)
    metrics |= objective.average_rewards(task, lists, targets)
    if task.is_trial:
        return Trained(tested, metrics)
    report = _span(task, "training on all data", 60.0, 95.0)
    final = fit(task, shape, task.interactions, report, start=first.factors)
    served = metadata.completed(task, build(task, shape, final, calibrated), task.interactions)
    return Trained(objective.towards(task, served), metrics)


def fit(
    task: Task,
    shape: Shape,
    interactions: Interactions,
    report: Callable[[float], None],
    *,
    start: NDArray[np.float32] | None = None,
) -> Fitted:
    """Learn from interactions; factors begin from `start` if given. `report` is told the share done."""
    typical = interactions.of_typical_users(*shape.percentiles)
    factors = als.factorise(
        typical,
        shape.width,
        iterations=als.ITERATIONS if start is None else als.REFIT_ITERATIONS,
        start=start,
        seed=task.seed,
        n_threads=task.n_threads,
        report=lambda share: report(0.7 * share),
    )
    followers = transitions.count(
        typical,
        shape.n_events,
        has_recency=shape.has_recency,
        weight=TRANSITIONS_WEIGHT,
        n_threads=task.n_threads,
        report=lambda share: report(0.7 + 0.3 * share),
    )
    return Fitted(interactions, factors, followers, lifts.learn(interactions))


def build(task: Task, shape: Shape, fitted: Fitted, calibrated: Calibration) -> BlendModel:
    """Return the model that serves."""
    interactions, has_recency = fitted.interactions, shape.has_recency
    bias = np.float32(calibrated.familiarity_weight) * calibration.familiarity(interactions)
    popular = popularity(interactions, has_recency=has_recency)
    return BlendModel(
        items=interactions.items,
        users=interactions.users,
        histories=interactions.histories,
        factors=als.factor_part(
            fitted.factors, shape.n_events, has_recency=has_recency, weight=FACTORS_WEIGHT
        ),
        transitions=fitted.transitions,
        popularity=PopularityPart.of(popular, POPULARITY_WEIGHT),
        cold=ColdUsers.of(early.first_choices(interactions, has_recency=has_recency)),
        bias=topk.pack_bias(bias),
        n_read=shape.n_events,
        temperature=calibrated.temperature,
        seen_penalty=calibrated.seen_penalty,
        contexts=fitted.lifts.weighted(calibrated.context_weights),
    )


def popularity(interactions: Interactions, *, has_recency: bool) -> NDArray[np.float32]:
    """Return the share of each item of all events, float32, sums to 1, never 0.

    With recency events decay over a year as of the newest one. Such a decay gives the same shares at any
    later time, so these are the shares as of a request, but for events since.
    """
    histories = interactions.histories
    weights = np.ones(interactions.n_events)
    if has_recency and interactions.n_events:
        weights = np.exp((histories.times - histories.times.max()) / (POPULARITY_DAYS * _DAY_S))
    counts = np.bincount(histories.items, weights=weights, minlength=interactions.n_items) + 1e-3
    return np.asarray(counts / counts.sum(), np.float32)


def _span(task: Task, phase: str, low: float, high: float) -> Callable[[float], None]:
    """Return what reports a share of one phase as percents of the whole."""
    return lambda share: task.progress(phase, low + share * (high - low))
