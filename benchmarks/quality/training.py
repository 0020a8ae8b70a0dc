"""Training our recipes as the training child does, and reasons where that cannot be."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.progress import Progress, TaskID

from openpersonalize.errors import JobError
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.training import Records, Task, Trained

NOT_BUILT = "not built yet"
N_THREADS = 2
LEAST_EVENTS_A_THREAD = 10_000
"""Threads cost more than they bring on less."""
SEED = 0


def threads_for(interactions: Interactions) -> int:
    """Return how many threads train, ours and the peers alike."""
    return max(1, min(N_THREADS, interactions.n_events // LEAST_EVENTS_A_THREAD))


@dataclass(frozen=True)
class Untrained:
    """Why there is no model."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class Trainer:
    """Trains recipes with their default hyperparameters, a bar for each; `seconds` of each one's last."""

    bars: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    def train(
        self, name: str, interactions: Interactions, records: Mapping[str, Records], what: str
    ) -> Trained | Untrained:
        """Train a recipe on some interactions; say why not where it can't be."""
        recipe = RECIPES[name]
        if recipe.train is None:
            return Untrained(NOT_BUILT)
        bar = self.bars.add_task(f"{what}: train {name}", total=100.0)
        task = Task(
            interactions,
            validate_hyperparameters(recipe, {}, {}),
            SEED,
            threads_for(interactions),
            lambda phase, percent: self._show(bar, percent),
            {kind: table for kind, table in records.items() if kind in recipe.tables},
        )
        start = time.perf_counter()
        try:
            return recipe.train(task)
        except JobError as error:
            return Untrained(str(error))
        finally:
            self.seconds[name] = time.perf_counter() - start
            self.bars.remove_task(bar)

    def _show(self, bar: TaskID, percent: float) -> None:
        self.bars.update(bar, completed=percent)
