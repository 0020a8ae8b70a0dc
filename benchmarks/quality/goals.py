"""The goals of this project, and whether a store's figures reach them."""

from dataclasses import dataclass

from benchmarks.quality import personalization, segments
from benchmarks.quality.measures import Evaluation, Interval, paired
from benchmarks.quality.measuring import Measured
from benchmarks.quality.personalization import Comparison
from benchmarks.quality.training import Untrained
from benchmarks.quality.trends import Trends

from openpersonalize.runtime.exploration import DEFAULT_WEIGHT

USER_RATIO, USER_LOWER_BOUND = 1.5, 1.2
COLD_PERCENTILE = 0.65


@dataclass(frozen=True)
class Goal:
    """One goal and what came of it; `is_reached` is None where it could not be measured."""

    what: str
    figures: str
    is_reached: bool | None

    @property
    def verdict(self) -> str:
        """In a word."""
        return {True: "reached", False: "missed", None: "not measured"}[self.is_reached]


def goals_of(measured: Measured) -> list[Goal]:
    """Judge one store."""
    return [
        _user_personalization(measured.last_event),
        *(_neighbours(measured.next_item, name) for name in personalization.LIKE_ITEM),
        *_cold(measured),
        *(
            _over(
                f"item-affinity: recall at 1 % over activity of users, {split}, above 1",
                found.against(segments.ACTIVITY),
                1.0,
            )
            for split, found in measured.segments.items()
        ),
    ]


def trend_goal(trends: Trends) -> Goal:
    """Judge the planted stores."""
    what = "trending-now: share of the growth found, less popularity's, above 0"
    return _over(what, trends.against_popularity(), 0.0)


def _user_personalization(found: Comparison) -> Goal:
    what = (
        f"user-personalization: NDCG@10 of the last event over tuned ALS, at least {USER_RATIO:g}, "
        f"lower bound above {USER_LOWER_BOUND:g}"
    )
    ours, theirs = found.found[personalization.FOR_USER[0]], found.found[personalization.TUNED_ALS]
    if not isinstance(ours, Evaluation) or not isinstance(theirs, Evaluation):
        return Goal(what, str(ours), None)
    interval = paired(ours, theirs, "NDCG@10")
    missing = [
        f"missed by {least - value:.2f}{of}"
        for value, least, of in (
            (interval.value, USER_RATIO, ""),
            (interval.low, USER_LOWER_BOUND, " in the lower bound"),
        )
        if value < least
    ]
    return Goal(what, ", ".join([str(interval), *missing]), not missing)


def _neighbours(found: Comparison, name: str) -> Goal:
    peers = {peer: found.found[peer] for peer in personalization.NEIGHBOURS}
    best = max(peers, key=lambda peer: _hits(peers[peer]))
    what = f"{name}: HR@25 of the next item from the last one, over the best of implicit's item-kNN, above 1"
    ours, theirs = found.found[name], peers[best]
    if not isinstance(ours, Evaluation) or not isinstance(theirs, Evaluation):
        return Goal(what, str(ours), None)
    figures = f"{_hits(ours):.4f} over {_hits(theirs):.4f} ({best.rpartition(' ')[2]})"
    return _over(what, paired(ours, theirs, "HR@25"), 1.0, before=f"{figures}: ")


def _hits(found: Evaluation | Untrained) -> float:
    return found.means()["HR@25"] if isinstance(found, Evaluation) else 0.0


def _cold(measured: Measured) -> list[Goal]:
    percentile = f"cold items: mean percentile, at least {COLD_PERCENTILE:g} (random 0.50)"
    hits = f"cold items: HR@25 with weight {DEFAULT_WEIGHT:g}, over random lists of the catalogue, above 1"
    if isinstance(measured.cold, Untrained):
        return [Goal(what, str(measured.cold), None) for what in (percentile, hits)]
    pairs = measured.cold.pairs
    return [
        _over(percentile, pairs.interval(pairs.percentile), COLD_PERCENTILE),
        _over(hits, pairs.against(DEFAULT_WEIGHT, pairs.by_chance), 1.0),
    ]


def _over(what: str, found: Interval | Untrained, least: float, *, before: str = "") -> Goal:
    if isinstance(found, Untrained):
        return Goal(what, str(found), None)
    is_reached = found.value > least if least in {0.0, 1.0} else found.value >= least
    missing = "" if is_reached else f", missed by {least - found.value:.3f}"
    return Goal(what, f"{before}{found}{missing}", is_reached)
