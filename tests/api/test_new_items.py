"""New items come by themselves two hours after they were put, or with an update; on a clock of the test."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.stores_of_newcomers import NewcomerStore, interactions, shares
from tests.databases import new_database
from tests.queue_bench import TestClock
from tests.world import World, running_server, until

TWO_HOURS_S = 7_200.0


@pytest.fixture(scope="module")
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, clock: TestClock) -> Iterator[NewcomerStore]:
    folder: Path = tmp_path_factory.mktemp("newcomers") / "data"
    with new_database() as url, running_server(folder, url, clock=clock) as server:
        yield NewcomerStore(World(server))


@pytest.fixture
def solution(store: NewcomerStore) -> str:
    return store.world.solution(store.group, "aws-user-personalization", performAutoTraining=False)


def _versions(store: NewcomerStore, solution: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = store.world.personalize.list_solution_versions(solutionArn=solution)[
        "solutionVersions"
    ]
    return found


def test_items_that_were_put_are_tried_out_after_two_hours_without_a_new_version(
    store: NewcomerStore, solution: str, clock: TestClock
) -> None:
    version = store.world.trained(solution)
    exploring, silent = store.deployed(version, 1.0), store.deployed(version, 0.0)
    new = ["space-fresh0", "space-fresh1", "crime-fresh0"]
    clock.now += 60.0
    store.put(*new)
    store.world.tick()
    at_once = shares(store.lists(exploring, 40), new)
    clock.now += TWO_HOURS_S
    store.world.tick()

    assert at_once == 0.0
    until(lambda: shares(store.lists(exploring, 40), new) > 0.1, "new items are tried out", 10)
    assert shares(store.lists(silent, 40), new) == 0.0
    fans = [store.lists(exploring, 1, userId=f"u{user}")[0] for user in range(3, 84, 4)]
    assert shares(fans, new[:2]) > 2.0 * shares(fans, new[2:])
    assert len(_versions(store, solution)) == 1


def test_a_version_of_mode_update_has_the_new_items_and_no_training_of_its_own(
    store: NewcomerStore, solution: str
) -> None:
    new = ["nature-later0", "nature-later1"]
    store.world.trained(solution)
    store.put(*new)
    version = store.world.trained(solution, trainingMode="UPDATE")
    described = store.world.personalize.describe_solution_version(solutionVersionArn=version)[
        "solutionVersion"
    ]
    campaign = store.deployed(version, 1.0)

    assert described["status"] == "ACTIVE", described
    assert described["trainingMode"] == "UPDATE"
    assert shares(store.lists(campaign, 40), new) > 0.05


@pytest.mark.slow
def test_a_recommender_tries_out_new_items_and_is_updated_too(store: NewcomerStore, clock: TestClock) -> None:
    world = World(store.world.server)
    shop = NewcomerStore(world, domain="VIDEO_ON_DEMAND", text=interactions(seed=3))
    arn = world.personalize.create_recommender(
        name="picks",
        datasetGroupArn=shop.group,
        recipeArn="arn:aws:personalize:::recipe/aws-vod-top-picks",
        recommenderConfig={"itemExplorationConfig": {"explorationWeight": "1"}},
    )["recommenderArn"]
    world.settle()
    clock.now += 60.0
    shop.put("space-fresh0")
    clock.now += TWO_HOURS_S
    world.tick()

    until(lambda: shares(shop.lists(arn, 40), ["space-fresh0"]) > 0.03, "a new item is tried out", 10)
