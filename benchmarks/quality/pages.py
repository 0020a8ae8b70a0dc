"""The page of all figures: benchmarks/quality/README.md."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.quality import personalization, tables, trends
from benchmarks.quality.cold_items import ColdItems
from benchmarks.quality.goals import goals_of, trend_goal
from benchmarks.quality.measuring import Measured
from benchmarks.quality.trends import Trends

Pictures = Mapping[str, Path]

_HEAD = """# Quality

Written by `make quality` (`python -m benchmarks.quality --write`). Every recipe is trained by its own `train`
with default hyperparameters and asked through its model, as the server does; the peers stand beside it in the
same run, on the same questions. Intervals are 95 %, by a bootstrap that draws users (items, for segments;
stores, for trends), in pairs for ratios. Lists come from the full catalogue without what the user had before.
Ties in time are broken by file order. implicit's ALS and the number of its kNN's neighbours are tuned on each
user's last event of the training part, never on what is tabled; ours are not tuned. Domain recipes have the
trainers of the custom ones."""

_PROTOCOLS = {
    "users": """**Last event**: trained once on what is before every user's last event, which is to be
predicted. **Last five events**: trained once on what is before them; each is predicted, then told to the
model as PutEvents would; pooled. implicit's ALS folds users in from all they have, or from the newest 10
events (an extra peer).""",
    "items": """The last event, from nothing but the one item before it. implicit's neighbours have 200 an
item; where they know none, popular items follow.""",
    "own": """10 % of the users with all their events are not trained on; their oldest 90 % are given, the
newest 10 % are to be found; the metrics that GetSolutionMetrics gives. Peers leave out what is given, with
the settings that were tuned for the last five events.""",
    "cold": """Five folds of a random 10 % of the items with at least 5 interactions lose all their events
and count as just come. The percentile is that of the model's relevance in the whole catalogue; lists of 25
are those of a campaign with the explorationWeight, 5 drawn for each user.""",
    "segments": """Users ranked for each item that has 5 events in training and one held out; those who are
known to have had it are left out; recall of its held-out users in the top 1 % of users.""",
    "trends": f"""Stores of {trends.N_ITEMS} items, in which {trends.N_RISING} of the tail
rise over the last {trends.N_STEPS} windows of two hours, each to {trends.FACTOR:g} times the one before;
judged by the window that follows.""",
}


@dataclass(frozen=True)
class Drawn:
    """A store's figures with its pictures."""

    measured: Measured
    pictures: Pictures


def page(stores: Sequence[Drawn], planted: Trends, trend_picture: Path, seconds: float) -> str:
    """Return the page."""
    parts = [_HEAD, _machine(seconds), "## Goals", _goals(stores, planted)]
    for drawn in stores:
        parts += _store(drawn)
    parts += ["## Planted trends", _PROTOCOLS["trends"], tables.planted(planted), _picture(trend_picture)]
    return "\n\n".join(parts) + "\n"


def _machine(seconds: float) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "implicit"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {packages}; "
        f"the run took {seconds / 60:.0f} minutes."
    )


def _goals(stores: Sequence[Drawn], planted: Trends) -> str:
    rows = tables.goals("planted trends", [trend_goal(planted)])
    for drawn in reversed(stores):
        rows = tables.goals(drawn.measured.name, goals_of(drawn.measured)) + rows
    return tables.table(["store", "goal", "figures", "verdict"], rows)


def _store(drawn: Drawn) -> list[str]:
    found, pictures = drawn.measured, drawn.pictures
    cold = found.cold
    return [
        f"## {found.name}",
        f"{found.size}.",
        f"### Items for users\n\n{_PROTOCOLS['users']}",
        _picture(pictures["users"]),
        f"Last event: {tables.counts(found.last_event)} Tuned ALS: {found.last_event.settings}.",
        tables.comparison(found.last_event, "NDCG@10", personalization.TUNED_ALS),
        f"Last five events: {tables.counts(found.later_events)} Tuned ALS: {found.later_events.settings}.",
        tables.comparison(found.later_events, "NDCG@10", personalization.TUNED_ALS),
        f"### Personalize's own metrics\n\n{_PROTOCOLS['own']}",
        tables.own(found.own),
        "Training on all data, offline test included, and what recipes report beside these eight or instead:",
        tables.other_metrics(found.own),
        f"### Items like an item\n\n{_PROTOCOLS['items']}",
        _picture(pictures["items"]),
        tables.comparison(found.next_item, "HR@25", personalization.NEIGHBOURS[0]),
        f"### Cold items\n\n{_PROTOCOLS['cold']}",
        *(_cold(cold, pictures["cold"]) if isinstance(cold, ColdItems) else [str(cold)]),
        f"### Users for items\n\n{_PROTOCOLS['segments']}",
        _picture(pictures["segments"]),
        tables.affinity(found.segments),
    ]


def _cold(found: ColdItems, picture: Path) -> list[str]:
    percentile = found.pairs.interval(found.pairs.percentile)
    return [
        _picture(picture),
        f"{found.n_items:,} items, {len(found.pairs.users):,} pairs of user and item. "
        f"Mean percentile {percentile}; random is 0.50.",
        tables.cold(found),
    ]


def _picture(path: Path) -> str:
    return f"![{path.stem.replace('-', ' ')}]({path.name})"
