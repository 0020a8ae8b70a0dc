"""Trains aws-user-personalization and aws-personalized-ranking: implicit ALS factors with fold-in.

Hu, Koren, Volinsky: Collaborative Filtering for Implicit Feedback Datasets (2008), by the library `implicit`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models import FactorModel, topk
from openpersonalize.models.popularity import by_popularity
from openpersonalize.recipes import calibration, lifts
from openpersonalize.recipes.calibration import Calibration
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.lifts import Lifts
from openpersonalize.recipes.training import Task, Trained

REGULARISATION = 10.0
CONFIDENCE = 5.0
ITERATIONS = 10
REFIT_ITERATIONS = 5
"""Chosen by validation on ml-latest-small and on planted clusters; docs/recipes.md has the figures."""

RECENCY_EXPONENT = 1.25
"""The newest event weighs 1, the k-th newest k^-1.25, where `recency_mask` is on."""

TREND_DAYS = 30.0
TREND_PRIOR_EVENTS = 1000.0
"""Popularity for unknown users: events decayed over 30 days, shrunk towards all time by 1000 events."""

_DAY_S = 86_400.0
_ROWS_AT_ONCE = 65_536


def train(task: Task) -> Trained:
    """Fit factors without the test users, calibrate and test, then fit them on all data."""
    sample = calibration.draw(task.training_part, np.random.default_rng(task.seed))
    part = task.training_part.select(sample.is_kept)
    first = _factorise(task, part, ITERATIONS, start=None, report=_span(task, "training", 5.0, 50.0))
    task.progress("calibrating", 50.0)
    first_lifts = lifts.learn(part)
    uncalibrated = _build(task, part, first, Calibration(), first_lifts)
    fitted = calibration.fit(uncalibrated, first_lifts, task.training_part, sample)
    task.progress("evaluating", 55.0)
    metrics = task.evaluate(_build(task, part, first, fitted, first_lifts))
    final = _factorise(
        task,
        task.interactions,
        REFIT_ITERATIONS,
        start=first,
        report=_span(task, "training on all data", 60.0, 95.0),
    )
    all_lifts = lifts.learn(task.interactions)
    return Trained(_build(task, task.interactions, final, fitted, all_lifts), metrics)


def _span(task: Task, phase: str, low: float, high: float) -> Callable[[float], None]:
    """Return what reports a share of one phase as percents of the whole."""
    return lambda share: task.progress(phase, low + share * (high - low))


def _factorise(
    task: Task,
    interactions: Interactions,
    iterations: int,
    *,
    start: NDArray[np.float32] | None,
    report: Callable[[float], None],
) -> NDArray[np.float32]:
    """Return item factors, float32, shape (n_items, hidden_dimension), beginning from `start` if given."""
    from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415  (an API process must not load it)
    from threadpoolctl import (  # type: ignore[import-untyped]  # noqa: PLC0415  # has no stubs
        threadpool_limits,
    )

    typical = interactions.of_typical_users(
        float(task.settings["min_user_history_length_percentile"]),
        float(task.settings["max_user_history_length_percentile"]),
    )
    confidences = typical.matrix()
    confidences.data *= np.float32(CONFIDENCE)

    def on_iteration(iteration: int, elapsed_s: float, loss: float | None) -> None:
        report((iteration + 1) / iterations)

    report(0.0)
    with threadpool_limits(1, "blas"):  # implicit runs its own threads; BLAS's beside them halve the speed
        als = AlternatingLeastSquares(
            factors=int(task.settings["hidden_dimension"]),
            regularization=REGULARISATION,
            iterations=iterations,
            num_threads=task.n_threads,
            random_state=task.seed,
        )
        als.item_factors = None if start is None else start.copy()
        als.fit(confidences, show_progress=False, callback=on_iteration)
    return np.asarray(als.item_factors, np.float32)


def _whiten(factors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return factors in the basis where Y'Y + reg I is the identity, so that fold-in needs no matrix."""
    gram = REGULARISATION * np.eye(factors.shape[1])
    for first in range(0, len(factors), _ROWS_AT_ONCE):
        rows = factors[first : first + _ROWS_AT_ONCE].astype(np.float64)
        gram += rows.T @ rows
    to_white = np.linalg.inv(np.linalg.cholesky(gram)).T.astype(np.float32)
    return np.asarray(factors @ to_white, np.float32)


def _build(
    task: Task, interactions: Interactions, factors: NDArray[np.float32], fitted: Calibration, learnt: Lifts
) -> FactorModel:
    has_recency = bool(task.settings["recency_mask"])
    popularity = _popularity(interactions, has_recency=has_recency)
    popular = by_popularity(popularity)
    log_popularity = np.log(popularity).astype(np.float32)
    return FactorModel(
        items=interactions.items,
        users=interactions.users,
        histories=interactions.histories,
        factors=topk.pack(_whiten(factors)),
        bias=topk.pack_bias(np.float32(fitted.familiarity_weight) * calibration.familiarity(interactions)),
        event_weights=_event_weights(int(task.settings["bptt"]), has_recency=has_recency),
        popular=popular,
        popular_probabilities=popularity[popular],
        log_popularity=log_popularity,
        temperature=fitted.temperature,
        seen_penalty=fitted.seen_penalty,
        contexts=learnt.weighted(fitted.context_weights),
    )


def _event_weights(n_events: int, *, has_recency: bool) -> NDArray[np.float32]:
    """Return the confidence of the newest, second newest, … event in the fold-in."""
    places = np.arange(1, n_events + 1, dtype=np.float64)
    decay = places**-RECENCY_EXPONENT if has_recency else np.ones_like(places)
    return (CONFIDENCE * decay).astype(np.float32)


def _popularity(interactions: Interactions, *, has_recency: bool) -> NDArray[np.float32]:
    """Return the probability of each item for a user without events, float32, sums to 1, never 0."""
    all_time = np.bincount(interactions.histories.items, minlength=interactions.n_items) + 0.5
    shares = all_time / all_time.sum()
    if has_recency and interactions.n_events:
        age_days = (interactions.histories.times.max() - interactions.histories.times) / _DAY_S
        trend = np.bincount(
            interactions.histories.items,
            weights=np.exp(-age_days / TREND_DAYS),
            minlength=interactions.n_items,
        )
        shares = (trend + TREND_PRIOR_EVENTS * shares) / (trend.sum() + TREND_PRIOR_EVENTS)
    return np.asarray(shares, np.float32)
