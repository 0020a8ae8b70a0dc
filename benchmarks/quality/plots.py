"""The figures as pictures, PNG: bars with their 95 % intervals, and where cold items stand."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from benchmarks.quality import trends
from benchmarks.quality.cold_items import ColdItems
from benchmarks.quality.measures import Evaluation, Interval
from benchmarks.quality.measuring import Measured
from benchmarks.quality.training import Untrained
from benchmarks.quality.trends import Trends
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from openpersonalize.runtime.exploration import DEFAULT_WEIGHT

OURS, THEIRS, RANDOM = "#1f6fb4", "#9aa5b1", "#d1495b"
WIDTH, DPI = 9.0, 110
Bars = Mapping[str, Interval]


def draw(measured: Measured, folder: Path) -> dict[str, Path]:
    """Write the pictures of one store; return their paths by what they show."""
    name = re.sub(r"\W+", "-", measured.name.lower())
    pictures: dict[str, Figure] = {
        "users": side_by_side(
            {
                "Last event": of(measured.last_event.found, "NDCG@10"),
                "Last five events": of(measured.later_events.found, "NDCG@10"),
            },
            "NDCG@10",
            f"Items for users, {measured.name}",
        ),
        "items": side_by_side(
            {"": of(measured.next_item.found, "HR@25")},
            "HR@25",
            f"Next item from the last one alone, {measured.name}",
        ),
        "segments": side_by_side(
            {
                f"Held out: {split}": {
                    model: interval
                    for model in found.recalls
                    if isinstance(interval := found.mean(model), Interval)
                }
                for split, found in measured.segments.items()
            },
            "recall at 1 % of users",
            f"Users for items, {measured.name}",
        ),
    }
    if isinstance(measured.cold, ColdItems):
        pictures["cold"] = cold_items(measured.cold, measured.name)
    return {what: _saved(figure, folder / f"{what}-{name}.png") for what, figure in pictures.items()}


def draw_trends(found: Trends, folder: Path) -> Path:
    """Write the picture of planted trends."""
    panels = {
        title: {
            name: interval
            for name in (trends.RECIPE, trends.POPULARITY)
            if isinstance(interval := found.mean(values, name), Interval)
        }
        for title, values in (("Rising items found", found.found), ("Growth found", found.growth))
    }
    return _saved(
        side_by_side(panels, "share", f"Planted trends, {found.n_stores} stores"), folder / "trends.png"
    )


def of(found: Mapping[str, Evaluation | Untrained], measure: str) -> Bars:
    """Return the intervals of the models that were measured."""
    return {name: one.mean(measure) for name, one in found.items() if isinstance(one, Evaluation)}


def side_by_side(panels: Mapping[str, Bars], label: str, title: str) -> Figure:
    """Return one panel of horizontal bars for each group, on one scale; the first's best model on top."""
    first = next(iter(panels.values()))
    names = sorted(first, key=lambda name: first[name].value)
    height = 1.3 + 0.32 * max(1, len(names))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, sharex=True, squeeze=False)
    for axis, (subtitle, bars) in zip(axes[0], panels.items(), strict=True):
        _bars(axis, {name: bars[name] for name in names if name in bars})
        axis.set_title(subtitle, fontsize=10)
        axis.set_xlabel(label)
    figure.suptitle(title, fontsize=12, fontweight="bold")
    return figure


def _bars(axis: Axes, bars: Bars) -> None:
    values = np.array([one.value for one in bars.values()])
    errors = np.array([[one.value - one.low, one.high - one.value] for one in bars.values()]).reshape(-1, 2).T
    colours = [OURS if name.startswith("aws-") else THEIRS for name in bars]
    axis.barh(list(bars), values, color=colours, xerr=errors, error_kw={"lw": 1.0, "capsize": 2.5})
    for row, one in enumerate(bars.values()):
        axis.annotate(
            f"{one.value:.3f}",
            (one.high, row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axis.margins(x=0.14)
    axis.set_xlim(left=0.0)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def cold_items(found: ColdItems, store: str) -> Figure:
    """Return the histogram of percentiles, and the hits of lists by what fills their places."""
    pairs = found.pairs
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    share = np.full(len(pairs.percentile), 100.0 / len(pairs.percentile))
    left.hist(pairs.percentile, bins=20, range=(0.0, 1.0), weights=share, color=OURS, edgecolor="white")
    left.axhline(5.0, color=RANDOM, lw=1.2, ls="--", label="random")
    mean = float(pairs.percentile.mean())
    left.axvline(mean, color="black", lw=1.2, label=f"mean {mean:.2f}")
    left.set(xlabel="percentile in the whole catalogue (1 is the top)", ylabel="% of pairs", xlim=(0, 1))
    left.set_title("Where cold items stand by their metadata", fontsize=10)
    left.legend(frameon=False)
    bars = {
        "random list of\nthe catalogue": pairs.interval(pairs.by_chance),
        "new items drawn\nat random": pairs.interval(pairs.by_slots[DEFAULT_WEIGHT]),
        "aws-user-personalization,\nweight 0": pairs.interval(pairs.hits[0.0]),
        f"aws-user-personalization,\nweight {DEFAULT_WEIGHT:g}": pairs.interval(pairs.hits[DEFAULT_WEIGHT]),
    }
    _bars(right, bars)
    right.set_xlabel("HR@25")
    right.set_title("Lists that show the cold item", fontsize=10)
    figure.suptitle(f"Items without events, {store}", fontsize=12, fontweight="bold")
    return figure


def _saved(figure: Figure, path: Path) -> Path:
    figure.savefig(path, dpi=DPI)
    return path
