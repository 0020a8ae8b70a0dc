"""The customers of the sample store and what they do: tastes, visits, purchases, and buying again."""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from itertools import accumulate
from math import exp, pi, sin
from random import Random

from openpersonalize.cli.sample_store.catalogue import CLOSED, DAY_S, N_DAYS, OPENED, Item
from openpersonalize.cli.sample_store.words import SHELVES

N_CUSTOMERS = 3_000
VISITS_ON_AVERAGE = 9.0
AGE_GROUPS = ("18-24", "25-34", "35-49", "50-64", "65+")
MEMBERSHIPS = ("none", "basic", "gold")
# Visits by hour of the day, UTC: quiet nights, busy evenings.
HOURS = (1, 1, 1, 1, 1, 1, 2, 4, 6, 7, 7, 8, 10, 9, 7, 7, 8, 10, 13, 16, 18, 15, 9, 4)
STAYS_ON_SHELF = 0.6
GOES_TO_NEIGHBOUR = 0.25
INTO_CART = 0.11
FROM_CART_TO_PURCHASE = 0.65
BUYS_AGAIN = 0.3
"""Chance that a visit begins with something used up that the customer has bought before."""


@dataclass(frozen=True)
class Customer:
    """One line of the users file."""

    user_id: str
    age_group: str
    membership: str
    shelves: tuple[str, ...]
    """What the customer likes, most first; the models have to find this out."""


@dataclass(frozen=True)
class Interaction:
    """One line of the interactions file."""

    user_id: str
    item_id: str
    event_type: str
    event_value: float | None
    """What was paid, of a purchase."""
    timestamp: int
    """Epoch seconds, UTC."""


class Weighted:
    """Draws from choices with fixed weights; `random.choices` would add them up at every draw."""

    def __init__(self, choices: list[int], weights: list[float]) -> None:
        self.choices = choices
        self.sums = list(accumulate(weights))

    def draw(self, random: Random) -> int:
        """One of the choices."""
        return self.choices[bisect_right(self.sums, random.random() * self.sums[-1])]


def make_customers(random: Random) -> list[Customer]:
    """Draw the customers; age and shelves go together a little."""
    names = [shelf.name for shelf in SHELVES]
    neighbours = {shelf.name: shelf.goes_with for shelf in SHELVES}
    customers = []
    for number in range(1, N_CUSTOMERS + 1):
        age = random.choices(range(len(AGE_GROUPS)), weights=(15, 26, 30, 19, 10))[0]
        # Each age prefers a stretch of the shelves.
        favourite = names[int(random.triangular(0, len(names), len(names) * (age + 0.5) / 5))]
        shelves = (favourite, random.choice(neighbours[favourite]), random.choice(names))
        membership = random.choices(MEMBERSHIPS, weights=(55, 30, 15))[0]
        customers.append(
            Customer(f"u{number:04d}", AGE_GROUPS[age], membership, tuple(dict.fromkeys(shelves)))
        )
    return customers


def make_interactions(customers: list[Customer], items: list[Item], random: Random) -> list[Interaction]:
    """Let all customers visit the store; oldest first."""
    store = _Store(items)
    days = Weighted(list(range(N_DAYS)), [_busy(day) for day in range(N_DAYS)])
    hours = Weighted(list(range(24)), [float(weight) for weight in HOURS])
    interactions = []
    for customer in customers:
        eager = {"none": 0.8, "basic": 1.1, "gold": 1.6}[customer.membership]
        n_visits = 2 + int(random.expovariate(1 / (VISITS_ON_AVERAGE * eager)))
        starts = sorted(
            OPENED + days.draw(random) * DAY_S + hours.draw(random) * 3600 + int(random.random() * 3600)
            for _ in range(n_visits)
        )
        history = _History()
        for start in starts:
            interactions += store.visit(customer, history, start, random)
    interactions.sort(key=lambda interaction: (interaction.timestamp, interaction.user_id))
    return [interaction for interaction in interactions if interaction.timestamp < CLOSED]


def _busy(day: int) -> float:
    """More visits at weekends, and slowly more of them over the months; 2025-07-01 was a Tuesday."""
    weekend = (day + 1) % 7 in {4, 5}
    return (1.6 if weekend else 1.0) * (1.0 + 0.5 * day / N_DAYS)


@dataclass
class _History:
    """What a customer remembers between visits."""

    used_up: list[int] = field(default_factory=list)
    lately: deque[int] = field(default_factory=lambda: deque(maxlen=30))


class _Store:
    """The shelves with the weights that customers draw items by, a set for every two weeks."""

    PERIOD_DAYS = 14

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.shelves = {shelf.name: shelf for shelf in SHELVES}
        self.stock: dict[str, list[int]] = {name: [] for name in self.shelves}
        for row, item in enumerate(items):
            self.stock[item.shelves[0]].append(row)
        self.weights: dict[tuple[str, int], Weighted] = {}

    def visit(self, customer: Customer, history: _History, start: int, random: Random) -> list[Interaction]:
        """One visit: a few items, mostly of one shelf and its neighbours."""
        now, done = start, []
        shelf = random.choices(customer.shelves, weights=(6, 3, 1)[: len(customer.shelves)])[0]
        if history.used_up and random.random() < BUYS_AGAIN:
            again = random.choice(history.used_up[-8:])
            done += self._buy(customer, again, now, random)
            now += 40 + int(random.random() * 120)
        for _ in range(1 + int(random.expovariate(1 / 2.6))):
            row = self._pick(shelf, history, now, random)
            done.append(Interaction(customer.user_id, self.items[row].item_id, "View", None, now))
            history.lately.append(row)
            now += 15 + int(random.expovariate(1 / 60))
            if random.random() < INTO_CART:
                bought = self._buy(customer, row, now, random)
                done += bought
                now += 30 * len(bought)
                if len(bought) > 1 and self.shelves[self.items[row].shelves[0]].used_up:
                    history.used_up.append(row)
            shelf = self._next_shelf(shelf, customer, random)
        return done

    def _buy(self, customer: Customer, row: int, now: int, random: Random) -> list[Interaction]:
        item = self.items[row]
        done = [Interaction(customer.user_id, item.item_id, "AddToCart", None, now)]
        if random.random() < FROM_CART_TO_PURCHASE:
            paid = round(item.price * (0.9 if customer.membership == "gold" else 1.0), 2)
            done.append(Interaction(customer.user_id, item.item_id, "Purchase", paid, now + 20))
        return done

    def _next_shelf(self, shelf: str, customer: Customer, random: Random) -> str:
        chance = random.random()
        if chance < STAYS_ON_SHELF:
            return shelf
        if chance < STAYS_ON_SHELF + GOES_TO_NEIGHBOUR:
            return random.choice(self.shelves[shelf].goes_with)
        return random.choice(customer.shelves)

    def _pick(self, shelf: str, history: _History, now: int, random: Random) -> int:
        """An item of the shelf; one that the customer saw lately only now and then."""
        weighted = self._weighted(shelf, (now - OPENED) // (self.PERIOD_DAYS * DAY_S))
        row = weighted.draw(random)
        for _ in range(4):
            if row not in history.lately or random.random() < 0.15:
                break
            row = weighted.draw(random)
        return row

    def _weighted(self, shelf: str, period: int) -> Weighted:
        if (shelf, period) not in self.weights:
            stock = self.stock[shelf]
            now = OPENED + (period + 0.5) * self.PERIOD_DAYS * DAY_S
            weights = [self._demand(place, row, now) for place, row in enumerate(stock)]
            self.weights[shelf, period] = Weighted(stock, weights)
        return self.weights[shelf, period]

    def _demand(self, place: int, row: int, now: float) -> float:
        """Zipf by place on the shelf, a burst after the launch, and a slow wave that differs by item."""
        age_days = (now - self.items[row].created_at) / DAY_S
        if age_days < 0:
            return 0.0
        launch = 1.0 + 4.0 * exp(-age_days / 21)
        wave = 1.0 + 0.6 * sin(2 * pi * ((now - OPENED) / (120 * DAY_S) + row * 0.37))
        zipf: float = (place + 3) ** -0.9
        return launch * wave * zipf
