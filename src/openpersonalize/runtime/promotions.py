"""Promotions: a share of an answer that comes from items which a filter of its own chooses."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from openpersonalize.errors import InvalidInputException
from openpersonalize.runtime.shapes import Promotion

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Share:
    """What a promotion demands of an answer."""

    name: str
    percent: int

    def of(self, n_results: int) -> int:
        """How many of the results are promoted: the nearest whole number, at least one."""
        return max(1, (n_results * self.percent + 50) // 100)


def share_of(promotion: Promotion) -> Share:
    """The share that a promotion demands. Raises InvalidInputException where something is missing."""
    name, percent, arn = promotion.name, promotion.percent_promoted_items, promotion.filter_arn
    if name is None or percent is None or arn is None:
        given = {"name": name, "percentPromotedItems": percent, "filterArn": arn}
        missing = [member for member, value in given.items() if value is None]
        raise InvalidInputException(
            f"The promotion has no {' and no '.join(missing)}: give its name, percentPromotedItems, and the "
            "filterArn of the filter that chooses what is promoted."
        )
    return Share(name, percent)


def mixed(promoted: Sequence[Entry], others: Sequence[Entry], chance: random.Random) -> list[Entry]:
    """Both in one list, each in its own order; any places for the promoted ones are equally likely."""
    n_entries = len(promoted) + len(others)
    places = set(chance.sample(range(n_entries), len(promoted)))
    first, second = iter(promoted), iter(others)
    return [next(first) if place in places else next(second) for place in range(n_entries)]
