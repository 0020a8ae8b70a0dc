"""What users without events are shown: what others began with, and lately."""

import numpy as np
import pytest

from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes.early import first_choices
from openpersonalize.recipes.interactions import Interactions

DAY_S, YEARS_S = 86_400, 5 * 365 * 86_400
FIRST, LATE, LATELY = 0, 1, 2


def _store() -> Interactions:
    """Most users begin with one item and end with another, both as frequent; the last ten begin elsewhere."""
    histories = [[FIRST, *range(3, 63), LATE]] * 100 + [[LATELY, *range(3, 63)]] * 10
    starts = np.concatenate([[0], np.cumsum([len(one) for one in histories])])
    begins = [0] * 100 + [YEARS_S] * 10
    times = np.concatenate(
        [begin + 60 * np.arange(len(one)) for begin, one in zip(begins, histories, strict=True)]
    )
    return Interactions(
        IdIndex.build([f"u{row}" for row in range(110)]),
        IdIndex.build([f"i{row}" for row in range(64)]),
        Histories(starts, np.concatenate(histories).astype(np.int32), times),
    )


def test_what_users_begin_with_comes_before_what_they_end_with() -> None:
    chances = first_choices(_store(), has_recency=False)

    assert chances[FIRST] > 2.0 * chances[LATE]


def test_with_a_recency_mask_what_users_begin_with_lately_comes_first() -> None:
    chances = first_choices(_store(), has_recency=True)

    assert chances[LATELY] > chances[FIRST]
    assert first_choices(_store(), has_recency=False)[LATELY] < chances[LATELY]


@pytest.mark.parametrize("has_recency", [True, False])
def test_every_item_has_a_chance_and_all_sum_to_one(has_recency: bool) -> None:
    chances = first_choices(_store(), has_recency=has_recency)

    assert chances.sum() == pytest.approx(1.0, abs=1e-5)
    assert (chances > 0.0).all()
