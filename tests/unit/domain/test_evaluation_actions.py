"""The metrics of recommended actions, against examples worked by hand."""

import numpy as np
import pytest

from openpersonalize.domain.evaluation_actions import area_under_curve, metrics, precision_and_recall


def rows(*values: int) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    return np.array(values, np.int32)


def test_precision_and_recall_are_means_over_actions() -> None:
    """Action 0: shown to three, taken by two of them and nobody else. Action 1: shown to one who refused."""
    recommended = [rows(0), rows(0), rows(0, 1)]
    taken = [rows(0), rows(0), rows(2)]

    precision, recall = precision_and_recall(recommended, taken, 3)

    assert precision == pytest.approx((2 / 3 + 0 / 1) / 2)
    assert recall == pytest.approx((2 / 2 + 0 / 1) / 2)


@pytest.mark.parametrize(
    ("scores", "is_taken", "expected"),
    [
        ([0.9, 0.8, 0.1], [True, True, False], 1.0),
        ([0.9, 0.8, 0.1], [False, True, False], 0.5),
        ([0.5, 0.5], [True, False], 0.5),
        ([0.9, 0.1], [False, True], 0.0),
        ([0.9, 0.1], [True, True], 0.0),
        ([], [], 0.0),
    ],
)
def test_the_area_is_the_share_of_pairs_in_the_right_order(
    scores: list[float], is_taken: list[bool], expected: float
) -> None:
    assert area_under_curve(np.array(scores), np.array(is_taken, np.bool_)) == expected


def test_gains_are_of_users_who_took_something_as_in_the_guide() -> None:
    """A list of five with hits at ranks two and five; the other user took nothing."""
    found = metrics(
        [rows(0, 1, 2, 3, 4), rows(0)],
        [rows(1, 4), rows()],
        10,
        scores=np.array([0.5]),
        is_taken=np.array([True]),
    )

    assert found["normalized_discounted_cumulative_gain_at_5"] == 0.6241
    assert found["coverage"] == 0.5


def test_without_test_users_all_is_zero() -> None:
    found = metrics([], [], 3, scores=np.empty(0), is_taken=np.empty(0, np.bool_))

    assert set(found.values()) == {0.0}
