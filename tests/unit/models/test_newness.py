"""What a list tries out: which items, how many, and with which scores."""

import random
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from openpersonalize.models import Ranked
from openpersonalize.models.newness import DAY_S, Exploration, Newness
from openpersonalize.models.ranker import NO_ROWS, Allowed

N_WARM, N_COLD = 100, 20
NEWEST = 1_700_000_000
COLD = np.arange(N_WARM, N_WARM + N_COLD)
RELEVANCE = np.append(np.linspace(0.012, 0.006, N_WARM), np.linspace(0.004, 0.001, N_COLD)).astype(np.float32)
RELEVANCE /= RELEVANCE.sum()


def rank(k: int, allowed: Allowed) -> Ranked:
    scores = RELEVANCE if allowed is None else np.where(allowed, RELEVANCE, -1.0)
    items = np.argsort(-scores, kind="stable")[:k]
    items = items[scores[items] > 0.0].astype(np.int32)
    return Ranked(items, RELEVANCE[items])


def newness(
    *, age_days: float = 3.0, n_events: int = 0, n_shown: int = 0, old_days: float = 400.0
) -> Newness:
    """Old, well-known items, and new ones of one age and as many interactions and impressions."""
    born = np.full(N_WARM + N_COLD, NEWEST - int(old_days * DAY_S))
    born[COLD] = NEWEST - int(age_days * DAY_S)
    events = np.full(N_WARM + N_COLD, 500)
    events[COLD] = n_events
    shown = np.zeros(N_WARM + N_COLD, np.int64)
    shown[COLD] = n_shown
    return Newness(born, events, shown, NEWEST)


def lists(
    known: Newness,
    weight: float = 0.3,
    cut_off_days: float = 30.0,
    *,
    k: int = 25,
    n: int = 1000,
    allowed: Allowed = None,
    had: NDArray[np.int32] = NO_ROWS,
) -> list[Ranked]:
    exploration = Exploration.of(known, weight, cut_off_days)
    chance = random.Random(7)
    return [exploration.mixed(rank, k, allowed, had, chance) for _ in range(n)]


def share(answers: list[Ranked]) -> float:
    """The share of places that the new items have."""
    return float(np.mean([np.isin(one.items, COLD).mean() for one in answers]))


def test_without_weight_no_cold_item_comes_in_a_thousand_lists() -> None:
    assert share(lists(newness(), 0.0)) == 0.0


def test_without_weight_new_items_that_somebody_had_come_by_relevance_only() -> None:
    (answer,) = lists(newness(n_events=1), 0.0, k=110, n=1)

    assert np.array_equal(answer.items, np.arange(110))


def test_scores_of_the_whole_catalogue_sum_to_one_where_cold_items_would_be_the_most_probable() -> None:
    known = newness(n_events=1)
    is_cold = np.arange(N_WARM + N_COLD) < N_COLD
    known = replace(known, n_events=np.where(is_cold, 0, known.n_events))
    (answer,) = lists(known, 0.0, k=500, n=1)

    assert answer.scores is not None
    assert answer.items[-N_COLD:].tolist() == list(range(N_COLD))
    assert answer.scores.sum() == pytest.approx(1.0, abs=1e-5)
    assert (np.diff(answer.scores) <= 0.0).all()


def test_the_share_of_what_is_tried_out_grows_with_the_weight() -> None:
    shares = [share(lists(newness(), weight)) for weight in (0.0, 0.1, 0.3, 0.6, 1.0)]

    assert shares == pytest.approx([0.0, 0.033, 0.1, 0.2, 0.33], abs=0.01)
    assert shares == sorted(shares)


def test_what_is_older_than_the_cut_off_is_not_tried_out() -> None:
    assert share(lists(newness(age_days=31.0), 1.0)) == 0.0
    assert share(lists(newness(age_days=30.0), 1.0)) > 0.3
    assert share(lists(newness(age_days=31.0), 1.0, 32.0)) > 0.3


@pytest.mark.parametrize("kind", ["n_events", "n_shown"])
def test_interactions_and_impressions_shrink_the_share(kind: str) -> None:
    shares = [share(lists(newness(**{kind: count}))) for count in (1, 10, 100, 1000)]

    assert shares == pytest.approx([0.091, 0.05, 0.009, 0.001], abs=0.006)


def test_what_suits_the_user_is_tried_out_more_often() -> None:
    counts = np.zeros(N_WARM + N_COLD)
    for answer in lists(newness()):
        counts[answer.items] += 1

    assert counts[COLD[:5]].sum() > 4.0 * counts[COLD[-5:]].sum()
    assert (counts[COLD] > 0).all()


def test_only_what_is_allowed_is_tried_out() -> None:
    allowed = np.zeros(N_WARM + N_COLD, np.bool_)
    allowed[:50] = allowed[COLD[:3]] = True
    answers = lists(newness(), 1.0, allowed=allowed, n=200)

    assert {len(one.items) for one in answers} == {25}
    assert all(allowed[one.items].all() for one in answers)
    assert share(answers) > 0.05


def test_what_the_user_had_is_not_tried_out() -> None:
    had = COLD[:15].astype(np.int32)
    found = np.concatenate([one.items for one in lists(newness(n_events=2), 1.0, had=had, n=200)])

    assert not np.isin(found, had).any()
    assert np.isin(found, COLD).any()


def test_an_item_has_one_place_and_the_others_stay_in_order() -> None:
    for answer in lists(newness(), 1.0, n=200):
        relevant = answer.items[~np.isin(answer.items, COLD)]
        assert len(set(answer.items.tolist())) == 25
        assert np.array_equal(relevant, np.arange(len(relevant)))


def test_scores_fall_and_still_sum_to_one_over_the_catalogue() -> None:
    for answer in lists(newness(), 1.0, n=200):
        assert answer.scores is not None
        assert (np.diff(answer.scores) <= 1e-9).all()
        is_lifted = np.isin(answer.items, COLD)
        factor = answer.scores[~is_lifted][0] / RELEVANCE[answer.items[~is_lifted][0]]
        rest = factor * (1.0 - RELEVANCE[answer.items].sum())
        assert answer.scores.sum() + rest == pytest.approx(1.0, abs=1e-5)


def test_cold_items_fill_up_what_a_filter_leaves_empty() -> None:
    allowed = np.zeros(N_WARM + N_COLD, np.bool_)
    allowed[90:110] = True
    (answer,) = lists(newness(), 0.0, allowed=allowed, n=1)

    assert np.array_equal(answer.items, np.arange(90, 110))
    assert answer.scores is not None
    assert (np.diff(answer.scores) <= 0.0).all()
