"""Searches the hyperparameters of a recipe: trains with some of them, and keeps those that do best.

The search is Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), which draws a third of the
trials at random and the others near what did well. Trials are drawn, trained and told in batches, so the same
seed gives the same trials, however long each takes. Each is trained on the training part, and measured on
test users of that part: those of the final metrics are never seen.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from openpersonalize.errors import JobError
from openpersonalize.recipes.recipe import Hyperparameter, Recipe, Value
from openpersonalize.recipes.training import Progress, Task, Trained, Trial

if TYPE_CHECKING:
    import optuna

Train = Callable[[Task], Trained]

DEFAULT_TRIALS, DEFAULT_PARALLEL = 10, 1
"""AWS names no defaults."""

METRIC = "normalized_discounted_cumulative_gain_at_25"

_FINAL_COST = 2.0
"""A training in full takes about as long as two trials, which lack the fit on all data."""

_TRIAL_ENDS_AT = 60.0
"""Percent of a training at which a trial is over."""

_MOST_DRAWS = 50
_DECIMALS = 4
_STEP = 10.0**-_DECIMALS


@dataclass(frozen=True)
class Plan:
    """What is searched, and how.

    - `ranges`: the hyperparameters with the bounds or values that may be tried; without any there is one
      trial.
    - `n_trials`, `n_parallel`: how many trainings, and how many may run at once.
    - `n_at_once`: how many of these the machine runs at once; changes nothing but the time.
    - `metric`: which of the recipe's metrics is to be high; None takes NDCG@25, or what stands for it.
    """

    ranges: tuple[Hyperparameter, ...]
    n_trials: int = DEFAULT_TRIALS
    n_parallel: int = DEFAULT_PARALLEL
    n_at_once: int = 1
    metric: str | None = None


@dataclass(frozen=True)
class Found:
    """The best trial: its hyperparameters as values and as texts, its metric; and all trials in order."""

    settings: Mapping[str, Value]
    tuned: Mapping[str, str]
    metric: float
    trials: Sequence[Trial]


def ranges_of(recipe: Recipe, given: Mapping[str, Any] | None) -> tuple[Hyperparameter, ...]:
    """Return the tunable hyperparameters of a recipe, narrowed by an algorithmHyperParameterRanges."""
    narrowed = {entry["name"]: entry for entries in (given or {}).values() for entry in entries}
    return tuple(
        _narrowed(parameter, narrowed.get(parameter.name, {}))
        for parameter in recipe.hyperparameters
        if parameter.is_tunable
    )


def _narrowed(parameter: Hyperparameter, given: Mapping[str, Any]) -> Hyperparameter:
    values = tuple(given.get("values") or parameter.values)
    if isinstance(parameter.default, bool):
        values = tuple(dict.fromkeys(text.strip().lower() for text in values)) or ("true", "false")
    low, high = given.get("minValue"), given.get("maxValue")
    return replace(
        parameter,
        low=parameter.low if low is None else low,
        high=parameter.high if high is None else high,
        values=values,
    )


def train_tuned(train: Train, task: Task, plan: Plan) -> Trained:
    """Search, then train in full with the best hyperparameters."""
    turn = 100.0 * plan.n_trials / (plan.n_trials + _FINAL_COST)
    found = search(train, replace(task, progress=_between(task.progress, 0.0, turn)), plan)
    final = replace(
        task,
        settings={**task.settings, **found.settings},
        progress=_between(task.progress, turn, 100.0),
    )
    return replace(train(final), tuned=found.tuned, trials=found.trials)


def search(train: Train, task: Task, plan: Plan) -> Found:
    """Train trials and return the best.

    The first one has the settings of the task, as far as they lie in the ranges. None is trained twice, so
    there are fewer where the ranges hold no more combinations.

    Raises JobError where the metric is none of the recipe's.
    """
    study, space = _study(task.seed, plan.n_trials), _Space(plan.ranges)
    study.enqueue_trial(space.nearest(task.settings))
    n_trials = int(min(plan.n_trials, space.size))
    n_at_once = max(1, min(plan.n_at_once, plan.n_parallel, n_trials))
    one = replace(
        task,
        interactions=task.training_part,
        n_threads=max(1, task.n_threads // n_at_once),
        is_trial=True,
    )
    report = _Report(task.progress, n_trials)
    drawer = _Drawer(study, space, np.random.default_rng(task.seed))
    trials: list[Trial] = []

    def run(number: int, settings: Mapping[str, Value]) -> float:
        trained = train(
            replace(one, settings={**task.settings, **settings}, progress=report.of_trial(number))
        )
        report.end(number)
        return measured(trained.metrics, plan.metric)

    with ThreadPoolExecutor(n_at_once) as threads:
        while len(trials) < n_trials:
            batch = [drawer.draw() for _ in range(min(plan.n_parallel, n_trials - len(trials)))]
            numbers = range(len(trials), len(trials) + len(batch))
            metrics = list(threads.map(run, numbers, [settings for _, settings in batch]))
            for (asked, settings), metric in zip(batch, metrics, strict=True):
                study.tell(asked, metric)
                trials.append(Trial(space.texts(settings), metric))
    best = max(range(n_trials), key=lambda number: trials[number].metric)
    chosen = trials[best]
    return Found(space.values(chosen.parameters), chosen.parameters, chosen.metric, trials)


def measured(metrics: Mapping[str, float], name: str | None) -> float:
    """Return the metric of a name. Raises JobError where it is none of them."""
    if name is None:
        return metrics[METRIC] if METRIC in metrics else next(iter(metrics.values()))
    if name not in metrics:
        raise JobError(
            f"The metricName {name!r} is no metric of this recipe: use one of {', '.join(sorted(metrics))}."
        )
    return metrics[name]


def _study(seed: int, n_trials: int) -> "optuna.Study":
    import optuna  # noqa: PLC0415  (an API process must not load it)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=max(2, n_trials // 3), constant_liar=True
        )
    return optuna.create_study(direction="maximize", sampler=sampler)


@dataclass(frozen=True)
class _Space:
    """All combinations of values that may be tried."""

    ranges: tuple[Hyperparameter, ...]

    @property
    def size(self) -> float:
        """How many there are at least; numbers with fractions have four decimals."""
        return math.prod(_n_values(parameter) for parameter in self.ranges)

    def nearest(self, settings: Mapping[str, Value]) -> dict[str, Value]:
        """Return the settings, or defaults, moved into the ranges; values that must not be are left out."""
        found: dict[str, Value] = {}
        for parameter in self.ranges:
            value = settings.get(parameter.name, parameter.default)
            if parameter.values:
                if _text(value) in parameter.values:
                    found[parameter.name] = _text(value)
            else:
                low, high = _bounds(parameter)
                found[parameter.name] = type(parameter.default)(min(max(float(value), low), high))
        return found

    def suggest(self, asked: "optuna.Trial") -> dict[str, Value]:
        """Return a combination as Optuna draws it."""
        return {parameter.name: _suggested(asked, parameter) for parameter in self.ranges}

    def at_random(self, generator: np.random.Generator) -> dict[str, Value]:
        """Return one, each as likely."""
        return {parameter.name: _drawn(generator, parameter) for parameter in self.ranges}

    def texts(self, settings: Mapping[str, Value]) -> dict[str, str]:
        """Return a combination as texts, in the order of the ranges."""
        return {parameter.name: _text(settings[parameter.name]) for parameter in self.ranges}

    def values(self, texts: Mapping[str, str]) -> dict[str, Value]:
        """Return texts as values of their types."""
        found = {parameter.name: parameter.read(texts[parameter.name]) for parameter in self.ranges}
        return {name: value for name, value in found.items() if value is not None}


def _n_values(parameter: Hyperparameter) -> float:
    if parameter.values:
        return len(parameter.values)
    low, high = _bounds(parameter)
    if isinstance(parameter.default, int):
        return high - low + 1
    return max(1, math.floor(round(high / _STEP, 3)) - math.ceil(round(low / _STEP, 3)) + 1)


def _bounds(parameter: Hyperparameter) -> tuple[float, float]:
    if parameter.low is None or parameter.high is None:
        raise JobError(
            f"The hyperparameter {parameter.name} has no bounds, so it cannot be searched: give it a range."
        )
    return parameter.low, parameter.high


def _suggested(asked: "optuna.Trial", parameter: Hyperparameter) -> Value:
    if parameter.values:
        return _read(parameter, asked.suggest_categorical(parameter.name, parameter.values))
    low, high = _bounds(parameter)
    if isinstance(parameter.default, int):
        return asked.suggest_int(parameter.name, int(low), int(high))
    return _rounded(asked.suggest_float(parameter.name, low, high), low, high)


def _drawn(generator: np.random.Generator, parameter: Hyperparameter) -> Value:
    if parameter.values:
        return str(generator.choice(parameter.values))
    low, high = _bounds(parameter)
    if isinstance(parameter.default, int):
        return int(generator.integers(int(low), int(high), endpoint=True))
    return float(generator.uniform(low, high))


def _rounded(value: float, low: float, high: float) -> float:
    """Return a number that is as exact as its text."""
    return min(max(round(value, _DECIMALS), low), high)


def _read(parameter: Hyperparameter, text: str) -> Value:
    value = parameter.read(text)
    if value is None:
        raise JobError(f"The hyperparameter {parameter.name} cannot be {text!r}: it is {parameter.allowed}.")
    return value


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass
class _Drawer:
    """Draws combinations, none twice."""

    study: "optuna.Study"
    space: _Space
    generator: np.random.Generator
    _seen: set[tuple[str, ...]] = field(default_factory=set)

    def draw(self) -> "tuple[optuna.Trial, dict[str, Value]]":
        """Return a new combination; there must be one left."""
        import optuna  # noqa: PLC0415  (an API process must not load it)

        n_draws = 0
        while True:
            asked = self.study.ask()
            settings = self.space.suggest(asked)
            key = tuple(self.space.texts(settings).values())
            if key not in self._seen:
                self._seen.add(key)
                return asked, settings
            self.study.tell(asked, state=optuna.trial.TrialState.FAIL)
            n_draws += 1
            if n_draws >= _MOST_DRAWS:
                self.study.enqueue_trial(self.space.at_random(self.generator))


class _Report:
    """Tells how far all trials are, whichever thread runs them; never less than before."""

    def __init__(self, progress: Progress, n_trials: int) -> None:
        self._progress, self._shares, self._lock = progress, [0.0] * n_trials, Lock()
        self._n_ended = 0

    def of_trial(self, number: int) -> Progress:
        """Return what a trial reports to."""
        return lambda phase, percent: self._tell(number, min(0.99, percent / _TRIAL_ENDS_AT))

    def end(self, number: int) -> None:
        """Say that a trial has ended."""
        with self._lock:
            self._n_ended += 1
        self._tell(number, 1.0)

    def _tell(self, number: int, share: float) -> None:
        with self._lock:
            self._shares[number] = max(self._shares[number], share)
            n = len(self._shares)
            self._progress(f"tuning, {self._n_ended} of {n} trials done", 100.0 * sum(self._shares) / n)


def _between(progress: Progress, low: float, high: float) -> Progress:
    """Return what reports percents of a part as percents of the whole."""
    return lambda phase, percent: progress(phase, low + (high - low) * percent / 100.0)
