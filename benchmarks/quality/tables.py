"""The figures as tables in Markdown."""

from collections.abc import Iterable, Sequence

from benchmarks.quality import cold_items, segments, trends
from benchmarks.quality.cold_items import ColdItems
from benchmarks.quality.goals import Goal
from benchmarks.quality.measures import MEASURES, Evaluation, paired
from benchmarks.quality.own_metrics import OwnMetrics
from benchmarks.quality.personalization import Comparison
from benchmarks.quality.segments import Segments
from benchmarks.quality.training import Untrained
from benchmarks.quality.trends import Trends

_OWN = (
    ("coverage", "coverage"),
    ("mean_reciprocal_rank_at_25", "MRR@25"),
    *((f"normalized_discounted_cumulative_gain_at_{k}", f"NDCG@{k}") for k in (5, 10, 25)),
    *((f"precision_at_{k}", f"P@{k}") for k in (5, 10, 25)),
)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def goals(store: str, found: Iterable[Goal]) -> list[list[str]]:
    """Return rows of goals."""
    return [[store, goal.what, goal.figures, goal.verdict] for goal in found]


def comparison(found: Comparison, measure: str, against: str) -> str:
    """Return all models with the interval of one measure, and its ratio to one peer."""
    columns = [
        "model",
        f"{measure} [95 %]",
        *(one for one in MEASURES if one != measure),
        f"ratio to {against}",
    ]
    peer = found.found[against]
    assert isinstance(peer, Evaluation)
    rows = []
    for name, result in found.found.items():
        if not isinstance(result, Evaluation):
            rows.append([_bold(name), str(result), *["-"] * (len(columns) - 2)])
            continue
        means = result.means()
        others = [f"{means[one]:.4f}" for one in MEASURES if one != measure]
        ratio = "1" if name == against else str(paired(result, peer, measure))
        rows.append([_bold(name), str(result.mean(measure)), *others, ratio])
    return table(columns, rows)


def own(found: OwnMetrics) -> str:
    """Return Personalize's metrics of all recipes and peers that have them."""
    rows = [
        [_bold(name), *(f"{metrics[key]:.4f}" for key, _ in _OWN)]
        for name, metrics in [*found.ours.items(), *found.peers.items()]
        if not isinstance(metrics, Untrained) and _OWN[0][0] in metrics and _OWN[1][0] in metrics
    ]
    return table(["model", *(title for _, title in _OWN)], rows)


def other_metrics(found: OwnMetrics) -> str:
    """Return seconds of training, and what recipes report beside or instead of the eight, or why nothing."""
    usual = {key for key, _ in _OWN}
    rows = []
    for name, metrics in found.ours.items():
        if isinstance(metrics, Untrained):
            rows.append([_bold(name), "-", str(metrics)])
            continue
        others = {
            key: value for key, value in metrics.items() if key not in usual or _OWN[1][0] not in metrics
        }
        text = ", ".join(f"{key} {value:.4f}" for key, value in others.items())
        rows.append([_bold(name), f"{found.seconds[name]:.2f}", text or "the eight above"])
    return table(["recipe", "training, seconds", "metrics"], rows)


def cold(found: ColdItems) -> str:
    """Return where cold items stand and what lists show of them."""
    pairs = found.pairs
    rows = []
    for weight in cold_items.WEIGHTS:
        shown, hits, slots = pairs.shown[weight], pairs.hits[weight], pairs.by_slots[weight]
        rows.append(
            [
                f"{weight:g}",
                f"{100 * shown.mean():.1f} %",
                str(pairs.interval(hits)),
                f"{pairs.by_chance.mean():.4f}",
                str(pairs.against(weight, pairs.by_chance)),
                f"{slots.mean():.4f}",
                str(pairs.against(weight, slots)) if hits.any() else "-",
            ]
        )
    header = [
        "explorationWeight",
        "places with new items",
        "HR@25 [95 %]",
        "random lists of the catalogue",
        "ratio",
        "new items drawn at random for the same places",
        "ratio",
    ]
    return table(header, rows)


def affinity(found: dict[str, Segments]) -> str:
    """Return the recall of users for items, by split and model."""
    rows = []
    for split, one in found.items():
        for name in one.recalls:
            ratio = "1" if name == segments.ACTIVITY else _ratio(one, name)
            rows.append([split, _bold(name), str(one.mean(name)), ratio])
    return table(["held out", "model", "recall at 1 % [95 %]", f"ratio to {segments.ACTIVITY}"], rows)


def _ratio(found: Segments, name: str) -> str:
    if name == segments.RECIPE:
        return str(found.against(segments.ACTIVITY))
    return str(found.ratio(name, segments.ACTIVITY))


def planted(found: Trends) -> str:
    """Return what both recipes found of the planted trends."""
    rows = [
        [_bold(name), str(found.mean(found.found, name)), str(found.mean(found.growth, name))]
        for name in (trends.RECIPE, trends.POPULARITY)
    ]
    return table(["recipe", "rising items found [95 %]", "share of the growth [95 %]"], rows)


def counts(found: Comparison) -> str:
    """Say how much was asked."""
    n_seen = found.n_held_out - found.n_questions
    left_out = f"; {n_seen:,} of items that the user had before are not asked" if n_seen else ""
    return f"{found.n_questions:,} events{left_out}."


def _bold(name: str) -> str:
    return f"**{name}**" if name.startswith("aws-") else name
