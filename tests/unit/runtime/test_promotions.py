"""Where promoted items stand."""

import random
from collections import Counter

import pytest

from openpersonalize.errors import InvalidInputException
from openpersonalize.runtime.promotions import mixed, share_of
from openpersonalize.runtime.shapes import Promotion

ARN = "arn:aws:personalize:us-east-1:000000000000:filter/f"


def test_both_kinds_keep_their_order_and_none_is_lost() -> None:
    chance = random.Random(0)
    for n_promoted in range(5):
        for n_others in range(5):
            promoted, others = [f"p{place}" for place in range(n_promoted)], [*range(n_others)]
            found = mixed(promoted, [str(other) for other in others], chance)

            assert [entry for entry in found if entry.startswith("p")] == promoted
            assert [int(entry) for entry in found if not entry.startswith("p")] == others


def test_the_same_seed_gives_the_same_places() -> None:
    first, second = random.Random(7), random.Random(7)

    for _ in range(20):
        assert mixed("pp", "123456", first) == mixed("pp", "123456", second)


def test_all_choices_of_places_are_equally_likely() -> None:
    """3000 draws of two places of four: each of six pairs 500 times; five standard deviations are 102."""
    chance = random.Random(1)
    drawn = Counter("".join(mixed("pp", "--", chance)) for _ in range(3000))

    assert len(drawn) == 6
    assert all(abs(times - 500) < 102 for times in drawn.values()), drawn


@pytest.mark.parametrize(
    ("members", "missing"),
    [
        ({}, "no name and no percentPromotedItems and no filterArn"),
        ({"name": "p", "percent_promoted_items": 5}, "no filterArn"),
        ({"name": "p", "filter_arn": ARN}, "no percentPromotedItems"),
        ({"percent_promoted_items": 5, "filter_arn": ARN}, "no name"),
    ],
)
def test_a_promotion_says_all_that_it_demands(members: dict[str, object], missing: str) -> None:
    with pytest.raises(InvalidInputException) as caught:
        share_of(Promotion.model_validate(members))

    assert f"has {missing}:" in caught.value.message
