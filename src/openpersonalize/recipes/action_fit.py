"""Fits the regressions of actions: one for all, and for each action what differs, by Newton's method."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.actions import ActionWeights, sigmoid

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

RIDGES = (1.0, 8.0, 64.0)
"""How strongly weights may be drawn to zero: what fits best to the users set aside is used."""
OWN_TIMES = 2.0
"""So many times as strongly those of an action are drawn to those of all actions."""
USUAL = (0.01, 0.99)
"""The quantiles between which the values of a feature count as they are."""
LENT_AFTER = 50.0
"""Actions alike lend an action the mean of what differs in them, as if it had been zero so often."""
LEAST_TO_CALIBRATE = 20
N_STEPS = 30
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Examples:
    """Decisions: the features of user and action before it, and whether the action was taken.

    - `features`: float64, shape (n, n_features); `actions`: int32; `is_taken`: bool; `users`: int64, whose.
    - `starts`: int64, when the user met the action.
    """

    features: Matrix
    actions: NDArray[np.int32]
    is_taken: NDArray[np.bool_]
    users: NDArray[np.int64]
    starts: NDArray[np.int64]

    def select(self, chosen: NDArray[np.bool_]) -> "Examples":
        """Return the examples of a mask."""
        return Examples(
            self.features[chosen],
            self.actions[chosen],
            self.is_taken[chosen],
            self.users[chosen],
            self.starts[chosen],
        )


def fit(examples: Examples, similar: NDArray[np.float32], generator: np.random.Generator) -> ActionWeights:
    """Fit on all examples, calibrated by a fit that has not seen a fifth of the users (Platt's scaling)."""
    users = np.unique(examples.users)
    aside = np.isin(examples.users, generator.choice(users, len(users) // 5, replace=False))
    kept, tested = examples.select(~aside), examples.select(aside)
    if min(np.bincount(tested.is_taken, minlength=2)) < LEAST_TO_CALIBRATE:
        return _fitted(examples, similar, RIDGES[-1])
    tried = [(ridge, logits_of(_fitted(kept, similar, ridge), tested)) for ridge in RIDGES]
    taken = tested.is_taken.astype(np.float64)
    ridge, logits = min(tried, key=lambda one: float(np.logaddexp(0.0, one[1]).sum() - taken @ one[1]))
    slope, offset = _calibration(logits, taken)
    return replace(_fitted(examples, similar, ridge), slope=slope, offset=offset)


def _fitted(examples: Examples, similar: NDArray[np.float32], ridge: float) -> ActionWeights:
    n_features = examples.features.shape[1]
    values = examples.features if len(examples.users) else np.zeros((1, n_features))
    low, high = np.quantile(values, USUAL, axis=0)
    centre, scale = values.mean(axis=0), values.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    nothing = np.zeros((len(similar), n_features + 1))
    unfitted = ActionWeights(centre, scale, low, high, nothing[0], nothing, 1.0, 0.0)
    features = _with_constant(unfitted.standard(examples.features))
    taken = examples.is_taken.astype(np.float64)
    shared = logistic(features, taken, np.zeros(len(taken)), ridge)
    groups = [np.flatnonzero(examples.actions == action) for action in range(len(similar))]
    ridge_own = OWN_TIMES * ridge
    alone = _differences(features, taken, groups, shared, nothing, ridge=ridge_own)
    lent = lent_by(alone, np.array([len(group) for group in groups], np.float64), similar)
    differences = _differences(features, taken, groups, shared, lent, ridge=ridge_own)
    return replace(unfitted, shared=shared, by_action=shared + lent + differences)


def lent_by(differences: Matrix, n_examples: Vector, similar: NDArray[np.float32]) -> Matrix:
    """Return what actions alike lend each action: the mean of what differs in them, drawn to zero."""
    strengths = similar * n_examples
    total = strengths.sum(axis=1, keepdims=True)
    return np.asarray(strengths @ differences / (total + LENT_AFTER), np.float64)


def _differences(
    features: Matrix,
    taken: Vector,
    groups: list[NDArray[np.intp]],
    shared: Vector,
    lent: Matrix,
    *,
    ridge: float,
) -> Matrix:
    differences = np.zeros_like(lent)
    for action, group in enumerate(groups):
        if len(group):
            offsets = features[group] @ (shared + lent[action])
            differences[action] = logistic(features[group], taken[group], offsets, ridge)
    return differences


def logistic(features: Matrix, taken: Vector, offsets: Vector, ridge: float) -> Vector:
    """Return the weights of a logistic regression with given offsets; the last, the constant, is free.

    Newton's method, whose steps are halved until the penalised likelihood grows.
    """
    n_features = features.shape[1]
    penalty = np.full(n_features, ridge)
    penalty[-1] = ridge * 0.1
    weights = np.zeros(n_features)
    loss = _loss(weights, features, taken, offsets, penalty)
    for _ in range(N_STEPS):
        found = sigmoid(features @ weights + offsets)
        gradient = features.T @ (found - taken) + penalty * weights
        curvature = (features * (found * (1.0 - found))[:, None]).T @ features + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while (after := _loss(weights - size * step, features, taken, offsets, penalty)) > loss:
            size *= 0.5
            if size < 1e-4:
                return weights
        weights = weights - size * step
        if loss - after < TOLERANCE * max(loss, 1.0):
            break
        loss = after
    return weights


def _loss(weights: Vector, features: Matrix, taken: Vector, offsets: Vector, penalty: Vector) -> float:
    logits = features @ weights + offsets
    return float(np.logaddexp(0.0, logits).sum() - taken @ logits + 0.5 * (penalty * weights**2).sum())


def _calibration(raw: Vector, taken: Vector) -> tuple[float, float]:
    """Return slope and offset by which the logits of users that were not seen fit best."""
    line = np.column_stack([raw, np.ones(len(raw))])
    # Drawn to a slope of 1, so that few data change little.
    change = logistic(line, taken, raw, 1.0)
    slope = 1.0 + float(change[0])
    return (slope, float(change[1])) if slope > 0.0 else (1.0, 0.0)


def logits_of(weights: ActionWeights, examples: Examples) -> Vector:
    """Return the logits of examples before calibration."""
    features = _with_constant(weights.standard(examples.features))
    return np.asarray(np.einsum("ef,ef->e", features, weights.by_action[examples.actions]), np.float64)


def _with_constant(features: Matrix) -> Matrix:
    return np.column_stack([features, np.ones(len(features))])
