"""The items of the sample store."""

from dataclasses import dataclass
from itertools import product
from random import Random

from openpersonalize.cli.sample_store.words import SHELVES, Shelf

ITEMS_A_SHELF = 48
DAY_S = 86_400
OPENED = 1_751_328_000  # 2025-07-01, the day of the first visit
N_DAYS = 184
CLOSED = OPENED + N_DAYS * DAY_S
NEW_SHARE = 0.2
"""Part of the items that came while the store was open; the others were there before."""


@dataclass(frozen=True)
class Item:
    """One line of the items file."""

    item_id: str
    title: str
    department: str
    shelves: tuple[str, ...]
    price: float
    created_at: int
    """Epoch seconds, UTC."""


def make_items(random: Random) -> list[Item]:
    """Draw the items, shelf by shelf; the first of a shelf will be its most popular ones."""
    return [item for shelf in SHELVES for item in _items_of(shelf, random)]


def _items_of(shelf: Shelf, random: Random) -> list[Item]:
    usual = {second: _usual_price(shelf, random) for second in shelf.second}
    pairs = random.sample(list(product(shelf.first, shelf.second)), ITEMS_A_SHELF)
    return [
        Item(
            item_id=f"{shelf.name.lower().replace(' ', '-')}-{number:02d}",
            title=shelf.pattern.format(first=first, second=second),
            department=shelf.department,
            shelves=(shelf.name, *_second_shelf(shelf, random)),
            price=_price(usual[second], random),
            created_at=_created_at(random),
        )
        for number, (first, second) in enumerate(pairs, start=1)
    ]


def _second_shelf(shelf: Shelf, random: Random) -> tuple[str, ...]:
    return (random.choice(shelf.goes_with),) if random.random() < 0.15 else ()


def _usual_price(shelf: Shelf, random: Random) -> float:
    """What such a thing costs; prices crowd at the low end of the shelf's range."""
    return shelf.price_low + (shelf.price_high - shelf.price_low) * random.random() ** 2


def _price(usual: float, random: Random) -> float:
    """Up to a quarter more or less than usual; prices end in 49 or 99 cents."""
    return int(usual * random.uniform(0.75, 1.25)) + random.choice((0.49, 0.99))


def _created_at(random: Random) -> int:
    if random.random() < NEW_SHARE:
        return OPENED + int(random.random() * (CLOSED - OPENED))
    return OPENED - int(random.random() * 720 * DAY_S) - DAY_S
