"""The test of recipes that rank users: what is held out, and the three metrics."""

import numpy as np
import pytest

from openpersonalize.domain.evaluation_users import is_held_out, metrics, n_best


def _rows(*lists: list[int]) -> list["np.ndarray[tuple[int], np.dtype[np.int32]]"]:
    return [np.array(one, np.int32) for one in lists]


def test_the_newest_fifth_of_each_users_events_is_held_out_and_one_event_is_kept() -> None:
    """Users of ten, one, two, no and four events."""
    held_out = is_held_out(np.array([0, 10, 11, 13, 13, 17]))

    assert np.flatnonzero(held_out).tolist() == [8, 9, 12, 16]


@pytest.mark.parametrize(("n_users", "expected"), [(1, 1), (99, 1), (610, 6), (12_345, 123)])
def test_the_best_are_one_in_a_hundred_and_at_least_one(n_users: int, expected: int) -> None:
    assert n_best(n_users) == expected


def test_hits_are_counted_per_query_and_recall_is_over_what_was_possible() -> None:
    """One of two, two of three and none of one are found, of which two each were possible, and one."""
    found = metrics(_rows([0, 1], [2, 3], [0, 2]), _rows([1, 7], [2, 3, 4], [9]), n_users=8)

    assert found == {"coverage": 0.5, "hits_at_1_percent": 1.0, "recall_at_1_percent": 0.5}


def test_hits_may_exceed_one() -> None:
    assert metrics(_rows(list(range(20))), _rows(list(range(30))), 2000) == {
        "coverage": 0.01,
        "hits_at_1_percent": 20.0,
        "recall_at_1_percent": 1.0,
    }


def test_without_queries_all_metrics_are_zero() -> None:
    assert set(metrics([], [], 5).values()) == {0.0}
