"""The process that trains one model: told what by one JSON object, it answers with lines of JSON.

On standard input: recipe, settings, files, seed, threads, the folder for the artifact. On standard output:
`{"progress": [phase, percent]}` as it goes, and at last `{"result": …}`, or `{"failure": reason}` for the
customer's fault. It ends when its parent is gone.
"""

import json
import logging
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from openpersonalize.errors import JobError
from openpersonalize.jobs.orphans import follow_parent
from openpersonalize.logs import configure_logging
from openpersonalize.models import INDEX_KINDS
from openpersonalize.recipes import tuning
from openpersonalize.recipes.catalogue import RECIPES, model_kinds
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.loading import EventFilter, Source, load_interactions
from openpersonalize.recipes.loading_actions import load_action_events
from openpersonalize.recipes.training import Objective, Records, Task, Trained
from openpersonalize.storage import artifacts
from openpersonalize.work import impressions

log = logging.getLogger(__name__)


class Reporter:
    """Sends progress to the parent, and keeps how long each phase took."""

    def __init__(self, answers: TextIO) -> None:
        self.phases_s: dict[str, float] = {}
        self._answers = answers
        self._phase, self._since = "starting", time.monotonic()

    def progress(self, phase: str, percent: float) -> None:
        """Say which phase runs and how far the whole is; times are kept by what stands before a comma."""
        now = time.monotonic()
        self.phases_s[self._phase] = self.phases_s.get(self._phase, 0.0) + now - self._since
        self._phase, self._since = phase.partition(",")[0], now
        self.send({"progress": [phase, round(percent, 1)]})

    def send(self, message: dict[str, Any]) -> None:
        """Send one line."""
        self._answers.write(json.dumps(message) + "\n")
        self._answers.flush()


def train(spec: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Load, train, evaluate and save as the spec says; return what the parent is told."""
    reporter.progress("loading", 1.0)
    records = _records(spec)
    interactions = load_interactions(
        Source(
            [Path(path) for path in spec["interactions"]],
            [Path(path) for path in spec["items"]],
            _ids(records.get("ITEMS")),
            has_one_origin=spec["has_one_origin"],
            contexts=spec["contexts"],
        ),
        EventFilter(spec["event_type"], spec["value_threshold"]),
        has_minimums=spec["minimums"],
        is_needed=RECIPES[spec["recipe"]].needs_interactions,
    )
    task = _task(spec, interactions, records, reporter)
    if spec["search"] and spec["search"]["is_all"]:
        return _searched(spec, task)
    trained = _train(spec, task)
    reporter.progress("saving", 96.0)
    counts = _counts(interactions)
    digest = artifacts.save(trained.model, Path(spec["folder"]), extra=spec["extra"] | {"counts": counts})
    reporter.progress("done", 98.0)
    return {
        "metrics": dict(trained.metrics),
        "tuned": None if trained.tuned is None else dict(trained.tuned),
        "trials": [asdict(trial) for trial in trained.trials],
        "manifest_sha256": digest,
        "counts": counts,
        "phases_s": {phase: round(seconds, 3) for phase, seconds in reporter.phases_s.items()},
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _searched(spec: dict[str, Any], task: Task) -> dict[str, Any]:
    """Search hyperparameters and train nothing in full; return what the parent is told."""
    found = tuning.search(_trainer(spec, task), task, _plan(spec))
    return {
        "tuned": dict(found.tuned),
        "metric": found.metric,
        "trials": [asdict(trial) for trial in found.trials],
    }


def _plan(spec: dict[str, Any]) -> tuning.Plan:
    given = spec["search"]
    return tuning.Plan(
        tuning.ranges_of(RECIPES[spec["recipe"]], given["ranges"]),
        given["n_trials"],
        given["n_parallel"],
        min(given["n_at_once"], spec["n_threads"]),
        given["metric"],
    )


def _records(spec: dict[str, Any]) -> dict[str, Records]:
    return {
        dataset_type: Records(
            artifacts.load(Path(given["folder"]), INDEX_KINDS),
            tuple(given["features"]),
            tuple(given["textual"]),
            given["item_name"],
        )
        for dataset_type, given in spec["records"].items()
    }


def _ids(records: Records | None) -> list[str]:
    """Return the ids of a dataset, those that were put one by one included."""
    return [] if records is None else records.table.ids.texts(np.arange(len(records.table), dtype=np.int32))


def _task(
    spec: dict[str, Any], interactions: Interactions, records: Mapping[str, Records], reporter: Reporter
) -> Task:
    return Task(
        interactions,
        spec["settings"],
        spec["seed"],
        spec["n_threads"],
        reporter.progress,
        records=records,
        impressions=_shown(spec["impressions"], interactions),
        actions=load_action_events([Path(path) for path in spec["files"].get("ACTION_INTERACTIONS", ())]),
        objective=Objective(**spec["objective"]) if spec["objective"] else None,
        previous=artifacts.load(Path(spec["previous"]), model_kinds()) if spec["previous"] else None,
    )


def _shown(given: dict[str, list[str]] | None, interactions: Interactions) -> NDArray[np.int64]:
    """Return how often each item was shown; nothing for recipes that do not explore."""
    if given is None:
        return np.empty(0, np.int64)
    imported, streamed = ([Path(path) for path in given[where]] for where in ("imported", "streamed"))
    return impressions.count(imported, streamed, interactions.items)


def _train(spec: dict[str, Any], task: Task) -> Trained:
    work = _trainer(spec, task)
    return tuning.train_tuned(work, task, _plan(spec)) if spec["search"] else work(task)


def _trainer(spec: dict[str, Any], task: Task) -> Callable[[Task], Trained]:
    recipe = RECIPES[spec["recipe"]]
    work = recipe.train if task.previous is None else recipe.update
    if work is None:
        raise JobError(f"not built yet: training {recipe.name}")
    return work


def _counts(interactions: Interactions) -> dict[str, int]:
    return {
        "users": interactions.n_users,
        "items": interactions.n_items,
        "interactions": interactions.n_events,
    }


def _log_without_text(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log what ended the process, without the error's text, which may quote a customer's ids."""
    log.critical("the training child failed", exc_info=(kind, error, trace))


def main() -> None:
    """Answer one spec; whatever libraries print goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    configure_logging("warning")
    sys.excepthook = _log_without_text
    spec = json.load(sys.stdin)
    follow_parent(spec["parent"])
    reporter = Reporter(answers)
    try:
        reporter.send({"result": train(spec, reporter)})
    except JobError as error:
        reporter.send({"failure": str(error)})


if __name__ == "__main__":
    main()
