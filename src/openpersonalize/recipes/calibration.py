"""Makes scores honest probabilities: temperature, familiarity and repeat rule, from held-out events.

The newest event of some users is kept from the training. Given the events before it, the model's scores are

    temperature blend_i + familiarity_weight familiarity_i - seen_penalty [the user had i before]
        + the sum over contextual columns c of context_weight_c lift_ci

and their softmax over the catalogue should give the held-out items as much probability as can be: a
conditional logit, fitted by maximum likelihood with a weak prior. The penalty is then set so that items seen
before take the same share of lists of 25 as of the held-out events, and at last all weights are scaled
together, which leaves every order as it is, to the most likely scale. A contextual column that does not make
the held-out items clearly likelier has no weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models import BlendModel
from openpersonalize.models.compiled import Ints, Longs, compiled
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.lifts import Lifts

MAX_USERS = 1500
MAX_CELLS = 5_000_000
MIN_USERS = 100
"""Of the sample: users, and users times items; the sample of a large catalogue is smaller."""

LIST_LENGTH = 25
NEVER = 100.0
"""Where (almost) no event is a repeat, the penalty exceeds all differences of scores by this: exp(-100) is no
probability at all."""

_OUT = 10_000.0
"""The penalty that takes seen items out of a softmax while weights are fitted, however large these become."""

LEAST_GAIN = 5.0
"""What a contextual column must add to the sample's log-likelihood; one that says nothing does so once in
600 trainings."""

LEAST_REPEAT_RATE = 0.005
FAMILIAR_COUNT = 10.0


@dataclass(frozen=True)
class Calibration:
    """What turns the sum of a model's parts into log-probabilities (up to a constant)."""

    temperature: float = 1.0
    familiarity_weight: float = 0.0
    seen_penalty: float = 0.0
    context_weights: tuple[float, ...] = ()
    """By contextual column whose values are categories."""


@dataclass(frozen=True)
class Sample:
    """Users whose newest event is held out.

    - `users`: int64 rows, rising; `targets`: int32, the item of the newest event of each.
    - `codes`: int16, shape (n_users, n_columns), the contexts of these events, as `EventContexts` has them.
    - `is_kept`: bool by event: all but these events.
    """

    users: NDArray[np.int64]
    targets: NDArray[np.int32]
    codes: NDArray[np.int16]
    is_kept: NDArray[np.bool_]


def draw(interactions: Interactions, generator: np.random.Generator) -> Sample:
    """Draw users with at least two events."""
    eligible = np.flatnonzero(interactions.lengths >= 2)
    room = max(MIN_USERS, MAX_CELLS // max(1, interactions.n_items))
    n_users = min(MAX_USERS, room, len(eligible))
    users = np.sort(generator.choice(eligible, n_users, replace=False)).astype(np.int64)
    newest = interactions.histories.starts[users + 1] - 1
    is_kept = np.ones(interactions.n_events, np.bool_)
    is_kept[newest] = False
    codes = interactions.contexts.select(newest).codes
    return Sample(users, interactions.histories.items[newest], codes, is_kept)


def fit(model: BlendModel, lifts: Lifts, interactions: Interactions, sample: Sample) -> Calibration:
    """Return the calibration of a model and lifts that were trained without the sample's newest events.

    `interactions` hold these events too: the rate of repeats is measured on the newest event of all users.
    """
    no_weights = (0.0,) * len(lifts.matrices)
    if len(sample.users) == 0:
        return Calibration(_PRIOR_MEAN[0], _PRIOR_MEAN[1], NEVER, no_weights)
    view = _View.of(model, lifts, interactions, sample)
    repeats = repeat_rate(interactions)
    has_repeats = repeats >= LEAST_REPEAT_RATE
    fitted = _with_useful_contexts(view, has_repeats=has_repeats)
    if has_repeats:
        fitted = replace(fitted, seen_penalty=_penalty_for(repeats, view, fitted))
    scale = _most_likely_scale(view, fitted, has_repeats=has_repeats)
    scaled = Calibration(
        scale * fitted.temperature,
        scale * fitted.familiarity_weight,
        scale * fitted.seen_penalty,
        tuple(scale * weight for weight in fitted.context_weights),
    )
    return scaled if has_repeats else replace(scaled, seen_penalty=NEVER + view.widest_gap(scaled))


def familiarity(interactions: Interactions) -> NDArray[np.float32]:
    """Return by item log((n + 0.5) / (n + 10)) of its n interactions, centred, float32.

    Products say little of rare items: this takes probability from them, and leaves the order among items of
    some fame to taste. Plain log popularity explains held-out events of ml-latest-small no better, and loses
    a tenth of NDCG@10.
    """
    counts = np.bincount(interactions.histories.items, minlength=interactions.n_items)
    logs = np.log((counts + 0.5) / (counts + FAMILIAR_COUNT))
    return np.asarray(logs - logs.mean(), np.float32)


def repeat_rate(interactions: Interactions) -> float:
    """Return how often the newest event of a user with at least two is an item that they had before."""
    eligible = int((interactions.lengths >= 2).sum())
    return _count_repeats(interactions.histories.starts, interactions.histories.items) / max(1, eligible)


@compiled
def _count_repeats(starts: Longs, items: Ints) -> int:
    repeats = 0
    for user in range(len(starts) - 1):
        newest = starts[user + 1] - 1
        for event in range(starts[user], newest):
            if items[event] == items[newest]:
                repeats += 1
                break
    return repeats


@dataclass(frozen=True)
class _View:
    """The sample's users before their newest event, as arrays.

    - `blends`: float32, shape (n_users, n_items): the sum of the parts.
    - `familiarity`: float32, shape (n_items,).
    - `is_seen`: bool, shape (n_users, n_items).
    - `targets`: int32, shape (n_users,).
    - `lifts`: float32, by contextual column, each of shape (n_users, n_items): those of the newest event's
      value.
    """

    blends: NDArray[np.float32]
    familiarity: NDArray[np.float32]
    is_seen: NDArray[np.bool_]
    targets: NDArray[np.int32]
    lifts: tuple[NDArray[np.float32], ...]

    @classmethod
    def of(cls, model: BlendModel, lifts: Lifts, interactions: Interactions, sample: Sample) -> "_View":
        n_items = interactions.n_items
        blends = np.empty((len(sample.users), n_items), np.float32)
        is_seen = np.zeros((len(sample.users), n_items), np.bool_)
        starts = interactions.histories.starts
        for row, user in enumerate(sample.users):
            before = interactions.histories.items[starts[user] : starts[user + 1] - 1]
            blends[row] = model.relevance(before)
            is_seen[row, before] = True
        by_column = tuple(
            lifts.dense(column, sample.codes[:, column]) for column in range(len(lifts.matrices))
        )
        return cls(blends, familiarity(interactions), is_seen, sample.targets, by_column)

    def scores(self, by: Calibration) -> NDArray[np.float32]:
        """Return the scores of all items for all users."""
        scores = np.float32(by.temperature) * self.blends
        scores += np.float32(by.familiarity_weight) * self.familiarity
        scores -= np.float32(by.seen_penalty) * self.is_seen
        for weight, lifts in zip(by.context_weights, self.lifts, strict=True):
            if weight != 0.0:
                scores += np.float32(weight) * lifts
        return scores

    def widest_gap(self, by: Calibration) -> float:
        """Return what no two items' scores differ by more than, the penalty left out, and some.

        Other users' blends may have a wider range than the sample's, but hardly twice as wide.
        """
        gaps = [2.0 * by.temperature * np.ptp(self.blends), by.familiarity_weight * np.ptp(self.familiarity)]
        gaps += [weight * np.ptp(lifts) for weight, lifts in zip(by.context_weights, self.lifts, strict=True)]
        return float(sum(gaps))

    def is_used(self, *, has_repeats: bool) -> NDArray[np.bool_]:
        """Say by user whether the softmax can give the target; where nothing repeats, seen items are out."""
        if has_repeats:
            return np.ones(len(self.targets), np.bool_)
        return ~self.is_seen[np.arange(len(self.targets)), self.targets]

    def log_likelihood(self, by: Calibration, *, has_repeats: bool) -> float:
        """Return the log-probability of all targets that the softmax can give."""
        scores = self.scores(by)
        at_target = scores[np.arange(len(self.targets)), self.targets].astype(np.float64)
        _, log_sums = _softmax(scores)
        return float((at_target - log_sums)[self.is_used(has_repeats=has_repeats)].sum())

    def at_target(self, columns: Sequence[int]) -> NDArray[np.float64]:
        """Return the features of each user's target: three, and the lifts of some columns."""
        rows = np.arange(len(self.targets))
        features = [
            self.blends[rows, self.targets],
            self.familiarity[self.targets],
            -1.0 * self.is_seen[rows, self.targets],
            *(self.lifts[column][rows, self.targets] for column in columns),
        ]
        return np.stack(features, axis=1).astype(np.float64)

    def expected(self, probabilities: NDArray[np.float32], columns: Sequence[int]) -> NDArray[np.float64]:
        """Return the same features' means under each user's probabilities."""
        means = [
            np.einsum("ui,ui->u", probabilities, self.blends),
            probabilities @ self.familiarity,
            -np.einsum("ui,ui->u", probabilities, self.is_seen),
            *(np.einsum("ui,ui->u", probabilities, self.lifts[column]) for column in columns),
        ]
        return np.stack(means, axis=1).astype(np.float64)


_PRIOR_MEAN = (1.0, 1.0, 0.0)
_PRIOR_PRECISION = (1.0, 1.0, 0.01)
_BOUNDS = ((0.05, 50.0), (0.0, 5.0), (-20.0, 50.0))
_CONTEXT_MEAN, _CONTEXT_PRECISION, _CONTEXT_BOUNDS = 1.0, 1.0, (0.0, 5.0)
"""1 is right where the context tells nothing of the user that the items do not."""


def _with_useful_contexts(view: _View, *, has_repeats: bool) -> Calibration:
    """Fit all weights; leave out columns without which the targets are about as likely, and fit again.

    Of columns that say the same each can be missed, but not all: then only the one that is missed least goes.
    """
    columns = [column for column, lifts in enumerate(view.lifts) if lifts.any()]
    while True:
        fitted = _most_likely(view, columns, has_repeats=has_repeats)
        if not columns:
            return fitted
        gains = _gains(view, fitted, [[column] for column in columns], has_repeats=has_repeats)
        weak = [column for column, gain in zip(columns, gains, strict=True) if gain < LEAST_GAIN]
        if not weak:
            return fitted
        if _gains(view, fitted, [weak], has_repeats=has_repeats)[0] >= LEAST_GAIN:
            weak = [columns[int(np.argmin(gains))]]
        columns = [column for column in columns if column not in weak]


def _gains(
    view: _View, fitted: Calibration, groups: Sequence[Sequence[int]], *, has_repeats: bool
) -> list[float]:
    """Return how much log-likelihood each group of columns adds, all other weights being equal."""
    whole = view.log_likelihood(fitted, has_repeats=has_repeats)
    weights = fitted.context_weights
    gains = []
    for group in groups:
        left = tuple(0.0 if column in group else weight for column, weight in enumerate(weights))
        without = replace(fitted, context_weights=left)
        gains.append(whole - view.log_likelihood(without, has_repeats=has_repeats))
    return gains


def _most_likely(view: _View, columns: Sequence[int], *, has_repeats: bool) -> Calibration:
    """Fit the weights, of contexts those of some columns, by penalised maximum likelihood, L-BFGS."""
    mean = np.array([*_PRIOR_MEAN, *[_CONTEXT_MEAN] * len(columns)])
    precision = np.array([*_PRIOR_PRECISION, *[_CONTEXT_PRECISION] * len(columns)])
    is_fitted = np.array([1.0, 1.0, float(has_repeats), *[1.0] * len(columns)])
    at_target = view.at_target(columns) * is_fitted
    is_used = view.is_used(has_repeats=has_repeats)

    def calibration(weights: NDArray[np.float64]) -> Calibration:
        by_column = dict(zip(columns, weights[3:].tolist(), strict=True))
        context_weights = tuple(by_column.get(column, 0.0) for column in range(len(view.lifts)))
        temperature, familiarity_weight, seen_penalty = weights[:3].tolist()
        penalty = seen_penalty if has_repeats else _OUT
        return Calibration(temperature, familiarity_weight, penalty, context_weights)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        probabilities, log_sums = _softmax(view.scores(calibration(weights)))
        expected = view.expected(probabilities, columns) * is_fitted
        away = weights - mean
        likelihood = float(((at_target @ weights) - log_sums)[is_used].sum())
        gradient = (at_target - expected)[is_used].sum(axis=0)
        return 0.5 * float(away @ (precision * away)) - likelihood, precision * away - gradient

    from scipy.optimize import minimize  # noqa: PLC0415  (an API process must not load it)

    result = minimize(
        loss,
        mean,
        jac=True,
        method="L-BFGS-B",
        bounds=[*_BOUNDS, *[_CONTEXT_BOUNDS] * len(columns)],
        options={"maxiter": 25, "ftol": 1e-5},
    )
    return calibration(result.x)


def _softmax(scores: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return probabilities by row, in place of the scores, and the log of each row's sum."""
    highest = scores.max(axis=1, keepdims=True)
    np.exp(scores - highest, out=scores)
    sums = scores.sum(axis=1, dtype=np.float64)
    scores /= sums[:, None].astype(np.float32)
    return scores, np.log(sums) + highest[:, 0]


def _penalty_for(repeats: float, view: _View, fitted: Calibration) -> float:
    """Return the penalty at which items seen before take a share `repeats` of all lists of 25.

    The j-th best seen item enters a list as soon as it beats the (26 - j)-th best new one; so each user gives
    25 margins, and the penalty is the margin that as many exceed as seen items are wanted.
    """
    scores = view.scores(replace(fitted, seen_penalty=0.0))
    new = np.where(view.is_seen, np.float32(-np.inf), scores)
    seen = np.where(view.is_seen, scores, np.float32(-np.inf))
    length = min(LIST_LENGTH, scores.shape[1])
    best_new = -np.sort(-_largest(new, length), axis=1)
    best_seen = -np.sort(-_largest(seen, length), axis=1)
    with np.errstate(invalid="ignore"):
        margins = best_seen - best_new[:, ::-1]
    margins = np.sort(margins[np.isfinite(margins)])[::-1]
    n_wanted = round(repeats * length * len(scores))
    if n_wanted == 0 or len(margins) == 0:
        return NEVER
    return float(margins[min(n_wanted, len(margins)) - 1])


def _largest(scores: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """Return the n largest of each row, in any order."""
    return np.partition(scores, scores.shape[1] - n, axis=1)[:, -n:]


def _most_likely_scale(view: _View, fitted: Calibration, *, has_repeats: bool) -> float:
    """Return the factor of all three weights, within [0.2, 5], under which the targets are most likely."""
    scores = view.scores(fitted)
    at_target = scores[np.arange(len(view.targets)), view.targets].astype(np.float64)
    is_used = view.is_used(has_repeats=has_repeats)

    def loss(log_scale: float) -> float:
        scale = np.exp(log_scale)
        _, log_sums = _softmax(np.float32(scale) * scores)
        return float((log_sums - scale * at_target)[is_used].sum() + 0.5 * log_scale**2)

    grid = np.linspace(np.log(0.2), np.log(5.0), 13)
    losses = [loss(float(point)) for point in grid]
    best = int(np.argmin(losses))
    if 0 < best < len(grid) - 1:  # the vertex of the parabola through the best point and its neighbours
        left, middle, right = losses[best - 1 : best + 2]
        offset = 0.5 * (left - right) / (left - 2 * middle + right)
        return float(np.exp(grid[best] + offset * (grid[1] - grid[0])))
    return float(np.exp(grid[best]))
