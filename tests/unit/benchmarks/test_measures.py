"""HR, NDCG and MRR of single right answers, and bootstrap intervals."""

import numpy as np
import pytest
from benchmarks.quality import measures
from benchmarks.quality.measures import Evaluation


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        ("HR@10", [1, 1, 0, 0]),
        ("HR@25", [1, 1, 1, 0]),
        ("NDCG@10", [1, 1 / np.log2(4), 0, 0]),
        ("NDCG@25", [1, 1 / np.log2(4), 1 / np.log2(12), 0]),
        ("MRR@25", [1, 1 / 3, 1 / 11, 0]),
    ],
)
def test_a_right_answer_counts_by_its_place(measure: str, expected: list[float]) -> None:
    places = np.array([1, 3, 11, 0])

    assert measures.gains(places, measure) == pytest.approx(expected)


def test_means_pool_questions_not_users() -> None:
    found = Evaluation(np.array([1, 0, 0, 1]), np.array([5, 5, 5, 8]))

    assert found.means()["HR@10"] == found.mean("HR@10").value == 0.5


def test_an_interval_of_a_ratio_holds_its_value_and_is_the_same_for_a_seed() -> None:
    generator = np.random.default_rng(1)
    theirs = generator.random(300)
    ours = 2.0 * theirs + 0.1 * generator.random(300)

    found = measures.ratio(ours, theirs, seed=3)

    assert found == measures.ratio(ours, theirs, seed=3)
    assert found != measures.ratio(ours, theirs, seed=4)
    assert 2.0 < found.low < found.value < found.high < 2.3


def test_pairs_are_drawn_together() -> None:
    """Users differ a thousandfold, but ours is always twice theirs: there is no doubt of the ratio."""
    theirs = np.logspace(-3, 3, 50)

    found = measures.ratio(2.0 * theirs, theirs)

    assert (found.low, found.value, found.high) == pytest.approx((2.0, 2.0, 2.0))


def test_users_are_drawn_whole() -> None:
    """One user with half of all questions makes the interval wide, as all of theirs come or go at once."""
    places = np.array([1] * 20 + [0] * 20)
    one_user = Evaluation(places, np.array([0] * 20 + list(range(1, 21))))
    many = Evaluation(places, np.arange(40))

    wide, narrow = one_user.mean("HR@25"), many.mean("HR@25")

    assert wide.value == narrow.value == 0.5
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_a_ratio_to_nothing_is_infinite() -> None:
    assert measures.ratio(np.ones(3), np.zeros(3)).value == np.inf
    assert np.isnan(measures.ratio(np.zeros(3), np.zeros(3)).value)
