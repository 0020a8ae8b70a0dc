"""Fits the regressions of actions: one for all, and for each action what differs, by Newton's method."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.actions import ActionWeights, sigmoid

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

RIDGE_SHARED, RIDGE_OWN = 1.0, 8.0
"""How strongly weights are drawn to zero, and an action's to those of all actions."""
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
    slope, offset = 1.0, 0.0
    kept, tested = examples.select(~aside), examples.select(aside)
    if min(np.bincount(tested.is_taken, minlength=2)) >= LEAST_TO_CALIBRATE and len(kept.users):
        slope, offset = _calibration(_fitted(kept, similar), tested)
    found = _fitted(examples, similar)
    return ActionWeights(found.centre, found.scale, found.shared, found.by_action, slope, offset)


def _fitted(examples: Examples, similar: NDArray[np.float32]) -> ActionWeights:
    n_features = examples.features.shape[1]
    centre = examples.features.mean(axis=0) if len(examples.users) else np.zeros(n_features)
    scale = examples.features.std(axis=0) if len(examples.users) else np.ones(n_features)
    scale = np.where(scale > 1e-9, scale, 1.0)
    features = _with_constant((examples.features - centre) / scale)
    taken = examples.is_taken.astype(np.float64)
    shared = logistic(features, taken, np.zeros(len(taken)), RIDGE_SHARED)
    groups = [np.flatnonzero(examples.actions == action) for action in range(len(similar))]
    alone = _differences(features, taken, groups, shared, np.zeros((len(similar), n_features + 1)))
    lent = lent_by(alone, np.array([len(group) for group in groups], np.float64), similar)
    differences = _differences(features, taken, groups, shared, lent)
    return ActionWeights(centre, scale, shared, shared + lent + differences, 1.0, 0.0)


def lent_by(differences: Matrix, n_examples: Vector, similar: NDArray[np.float32]) -> Matrix:
    """Return what actions alike lend each action: the mean of what differs in them, drawn to zero."""
    strengths = similar * n_examples
    total = strengths.sum(axis=1, keepdims=True)
    return np.asarray(strengths @ differences / (total + LENT_AFTER), np.float64)


def _differences(
    features: Matrix, taken: Vector, groups: list[NDArray[np.intp]], shared: Vector, lent: Matrix
) -> Matrix:
    differences = np.zeros_like(lent)
    for action, group in enumerate(groups):
        if len(group):
            offsets = features[group] @ (shared + lent[action])
            differences[action] = logistic(features[group], taken[group], offsets, RIDGE_OWN)
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


def _calibration(weights: ActionWeights, tested: Examples) -> tuple[float, float]:
    """Return slope and offset by which the logits of users that were not seen fit best."""
    raw = logits_of(weights, tested)
    line = np.column_stack([raw, np.ones(len(raw))])
    # Drawn to a slope of 1, so that few data change little.
    change = logistic(line, tested.is_taken.astype(np.float64), raw, 1.0)
    slope = 1.0 + float(change[0])
    return (slope, float(change[1])) if slope > 0.0 else (1.0, 0.0)


def logits_of(weights: ActionWeights, examples: Examples) -> Vector:
    """Return the logits of examples before calibration."""
    features = _with_constant((examples.features - weights.centre) / weights.scale)
    return np.asarray(np.einsum("ef,ef->e", features, weights.by_action[examples.actions]), np.float64)


def _with_constant(features: Matrix) -> Matrix:
    return np.column_stack([features, np.ones(len(features))])
