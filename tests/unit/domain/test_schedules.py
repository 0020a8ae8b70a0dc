"""When things are trained by themselves."""

import pytest

from openpersonalize.domain.schedules import DAY_S, interval_s, next_recommender_training


@pytest.mark.parametrize(
    ("days_since", "day_of_next"), [(0.0, 7), (0.5, 7), (6.9, 7), (7.0, 14), (13.9, 14), (40.0, 42)]
)
def test_recommenders_are_trained_whole_weeks_after_their_making(days_since: float, day_of_next: int) -> None:
    made = 1_700_000_000.0

    assert next_recommender_training(made, made + days_since * DAY_S) == made + day_of_next * DAY_S


@pytest.mark.parametrize(
    ("expression", "days"),
    [(None, 7), ("rate(1 day)", 1), ("rate(30 days)", 30), ("rate(31 days)", None), ("rate(0 days)", None)],
)
def test_an_expression_names_one_to_thirty_days(expression: str | None, days: int | None) -> None:
    assert interval_s(expression) == (None if days is None else days * DAY_S)
