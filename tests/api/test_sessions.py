"""Visitors without a name, from their first event to the training that knows who they were."""

from dataclasses import dataclass

import pytest

from tests.api.stores_of_items import Store
from tests.world import Server, World

N_SHELVES = 4
ITEMS_ON_SHELF = 25


def shelf(number: int, start: int = 0, n_items: int = 10) -> list[str]:
    """Items of one taste."""
    return [f"s{number}-{(start + place) % ITEMS_ON_SHELF}" for place in range(n_items)]


def readers() -> str:
    """CSV text of forty readers of each shelf."""
    lines = ["USER_ID,ITEM_ID,TIMESTAMP"]
    for number in range(N_SHELVES):
        for reader in range(40):
            lines += [
                f"r{number}-{reader},{item},{1_600_000_000 + place}"
                for place, item in enumerate(shelf(number, start=reader))
            ]
    return "\n".join(lines) + "\n"


@dataclass
class Shop:
    """A store that is trained again and again."""

    store: Store
    solution: str
    campaign: str = ""

    def train(self) -> None:
        """Train on all that there is, and ask the new version from then on."""
        nothing_new = {"itemExplorationConfig": {"explorationWeight": "0"}}
        version = self.store.world.trained(self.solution)
        self.campaign = self.store.world.campaign(version, campaignConfig=nothing_new)

    def n_from(self, number: int, user: str) -> int:
        """How many of a user's first ten recommendations come from a shelf."""
        top = self.store.recommend(self.campaign, userId=user, numResults=10)
        return sum(item.startswith(f"s{number}-") for item in top)


@pytest.fixture
def shop(server: Server) -> Shop:
    world = World(server)
    group = world.dataset_group()
    world.interactions(group, readers())
    tracker = world.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)
    world.settle()
    store = Store(world, "store", tracker["trackingId"], 0, group)
    made = Shop(store, world.solution(group, "aws-user-personalization"))
    made.train()
    return made


def test_what_a_visitor_did_is_the_users_after_the_next_training(shop: Shop) -> None:
    store = shop.store
    store.put(None, *shelf(1), session_id="visit")
    assert shop.n_from(1, "visit") >= 8
    assert shop.n_from(1, "r0-0") == 0

    store.put("r0-0", "s0-3", session_id="visit")
    store.put("r0-1", "s0-3", session_id="another visit")
    assert shop.n_from(1, "r0-0") == 0

    shop.train()

    assert shop.n_from(1, "r0-0") >= 3
    assert shop.n_from(1, "r0-1") == 0


def test_a_session_that_never_names_its_user_is_trained_on_by_no_one(shop: Shop) -> None:
    store = shop.store
    store.put(None, *shelf(2), "only here", session_id="visit")
    assert shop.n_from(2, "visit") >= 8

    shop.train()

    assert "only here" not in store.recommend(shop.campaign, userId="r2-0", numResults=200)
    assert store.recommend(shop.campaign, userId="visit", numResults=10) == store.recommend(
        shop.campaign, userId="nobody", numResults=10
    )


def test_a_session_id_sent_as_user_id_is_an_ordinary_user(shop: Shop) -> None:
    store = shop.store
    store.put("visit", *shelf(3), session_id="visit")
    store.put("r0-0", "s0-3", session_id="visit")
    shop.train()

    assert shop.n_from(3, "visit") >= 8
    assert shop.n_from(3, "r0-0") == 0


def test_of_two_users_of_a_session_each_gets_what_came_before_signing_in(shop: Shop) -> None:
    store = shop.store
    for user, number in (("ann", 1), ("bob", 2)):
        for item in shelf(number):
            store.put(None, item, session_id="kiosk", sentAt=1_700_000_000 + number * 10)
        store.put(user, "s0-3", session_id="kiosk", sentAt=1_700_000_001 + number * 10)
    shop.train()

    for user, own, other in (("ann", 1, 2), ("bob", 2, 1)):
        assert shop.n_from(own, user) >= 3
        assert shop.n_from(other, user) == 0
