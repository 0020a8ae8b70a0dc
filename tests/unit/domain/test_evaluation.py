"""The offline test: AWS's worked examples, the split, and the borders of both."""

import math

import numpy as np
import pytest

from openpersonalize.domain import evaluation


def _hits(*rows: list[int]) -> "np.ndarray[tuple[int, int], np.dtype[np.bool_]]":
    """Hits at the given ranks, counted from 1."""
    hits = np.zeros((len(rows), evaluation.LIST_LENGTH), np.bool_)
    for row, ranks in enumerate(rows):
        hits[row, np.array(ranks, int) - 1] = True
    return hits


def test_mean_reciprocal_rank_of_first_hits_at_4_2_and_6() -> None:
    ranks = evaluation.reciprocal_rank(_hits([4], [2, 3], [6]))

    assert ranks.mean() == pytest.approx(0.3056, abs=5e-5)


def test_a_list_of_5_with_hits_at_2_and_5_of_two_relevant_items() -> None:
    hits = _hits([2, 5])

    assert evaluation.reciprocal_rank(hits).tolist() == [0.5]
    assert evaluation.precision(hits, 5).tolist() == [0.4]
    expected = (1 / math.log(3) + 1 / math.log(6)) / (1 / math.log(2) + 1 / math.log(3))
    assert evaluation.ndcg(hits, np.array([2]), 5)[0] == pytest.approx(expected)
    assert expected == pytest.approx(0.6241, abs=5e-5)


def test_a_list_without_hits_scores_nothing() -> None:
    hits = _hits([])

    assert evaluation.reciprocal_rank(hits).tolist() == [0.0]
    assert evaluation.ndcg(hits, np.array([3]), 10).tolist() == [0.0]
    assert evaluation.precision(hits, 25).tolist() == [0.0]


def test_a_hit_beyond_k_does_not_count() -> None:
    hits = _hits([6])

    assert evaluation.precision(hits, 5).tolist() == [0.0]
    assert evaluation.ndcg(hits, np.array([1]), 5).tolist() == [0.0]
    assert evaluation.ndcg(hits, np.array([1]), 10)[0] > 0


def test_the_ideal_order_of_many_relevant_items_is_cut_at_k() -> None:
    hits = _hits([1, 2, 3, 4, 5])

    assert evaluation.ndcg(hits, np.array([40]), 5).tolist() == [pytest.approx(1.0)]


def test_all_eight_metrics_are_returned_and_rounded() -> None:
    lists = [np.arange(25, dtype=np.int32), np.arange(10, 35, dtype=np.int32)]
    targets = [np.array([3, 3, 99], np.int32), np.array([11], np.int32)]

    assert evaluation.metrics(lists, targets, 300) == {
        "coverage": 0.1167,
        "mean_reciprocal_rank_at_25": 0.375,
        "normalized_discounted_cumulative_gain_at_5": 0.4475,
        "normalized_discounted_cumulative_gain_at_10": 0.4475,
        "normalized_discounted_cumulative_gain_at_25": 0.4475,
        "precision_at_5": 0.2,
        "precision_at_10": 0.1,
        "precision_at_25": 0.04,
    }


def test_a_short_list_is_a_list_whose_other_places_miss() -> None:
    values = evaluation.metrics([np.array([7], np.int32)], [np.array([7], np.int32)], 10)

    assert values["precision_at_25"] == 0.04
    assert values["normalized_discounted_cumulative_gain_at_25"] == 1.0


def test_a_tenth_of_the_users_are_held_out_with_the_newest_tenth_of_their_events() -> None:
    lengths = np.concatenate([np.full(300, 40), np.full(200, 1)])
    held_out = evaluation.hold_out(lengths, np.random.default_rng(0))

    assert len(held_out.users) == 30
    assert np.all(np.diff(held_out.users) > 0)
    assert held_out.users.max() < 300
    assert set(held_out.n_given.tolist()) == {36}


@pytest.mark.parametrize(("length", "n_given"), [(2, 1), (3, 2), (14, 13), (16, 14), (100, 90)])
def test_every_test_user_has_at_least_one_event_on_both_sides(length: int, n_given: int) -> None:
    held_out = evaluation.hold_out(np.array([length]), np.random.default_rng(0))

    assert held_out.n_given.tolist() == [n_given]


def test_large_data_hold_out_a_bounded_number_of_users() -> None:
    held_out = evaluation.hold_out(np.full(100_000, 5), np.random.default_rng(0))

    assert len(held_out.users) == evaluation.MAX_TEST_USERS


def test_the_same_seed_holds_out_the_same_users() -> None:
    lengths = np.full(500, 5)
    draws = [evaluation.hold_out(lengths, np.random.default_rng(seed)).users.tolist() for seed in (1, 1, 2)]

    assert draws[0] == draws[1] != draws[2]
