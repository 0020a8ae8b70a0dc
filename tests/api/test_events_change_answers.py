"""Events change the next answer: at once in the process that took them, within a second in others."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from openpersonalize.roles.http_server import listen
from openpersonalize.storage.event_log import read_streamed
from tests.api.stores_of_items import Store, a_store, two_tastes
from tests.world import DEADLINE_S, Server, World, until

N_USERS = 400
N_CLUSTERS = 10
ITEMS_PER_CLUSTER = 30


def test_the_next_answer_knows_the_newest_event(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes())
    for user in ("u", "new user"):
        assert store.recommend(campaign, userId=user, numResults=1)[0].startswith("a")

        store.put(user, "b1", "b2", "b3")

        assert {item[0] for item in store.recommend(campaign, userId=user, numResults=10)} == {"b"}


def test_an_anonymous_visitor_is_known_by_the_session(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes())
    store.put(None, "b1", "b2", "b3", session_id="visit")

    assert store.recommend(campaign, userId="visit", numResults=1)[0].startswith("b")


def test_events_sent_before_the_deployment_count(world: World) -> None:
    store = a_store(world)
    store.put("u", "b1", "b2", "b3")
    campaign = store.deploy(two_tastes())

    assert store.recommend(campaign, userId="u", numResults=1)[0].startswith("b")


def test_events_that_the_training_has_read_are_not_counted_twice(world: World) -> None:
    store = a_store(world)
    store.put("u", "b1", "b2", "b3")
    watermark = read_streamed(store.stores.database, store.group_id).watermark
    campaign = store.deploy(two_tastes(), watermark=watermark)

    assert store.recommend(campaign, userId="u", numResults=1)[0].startswith("a")


def test_items_that_the_model_does_not_know_are_taken(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes())
    store.put("u", "brand new", "b1", "b2", "b3", "brand new too")

    assert store.recommend(campaign, userId="u", numResults=1)[0].startswith("b")


def test_a_campaign_listens_to_the_events_it_was_trained_on(world: World) -> None:
    store = a_store(world)
    by_type = store.deploy(two_tastes(), event_type="buy")
    by_value = store.deploy(two_tastes(), solution_config={"eventValueThreshold": "3"})
    store.put("u", "b1", "b2", "b3")
    store.put("u", "b4", "b5", "b6", eventType="view", eventValue=2.5)

    assert store.recommend(by_type, userId="u", numResults=1)[0].startswith("a")
    assert store.recommend(by_value, userId="u", numResults=1)[0].startswith("a")

    store.put("u", "b7", "b8", "b9", eventType="buy", eventValue=3)

    assert store.recommend(by_type, userId="u", numResults=1)[0].startswith("b")
    assert store.recommend(by_value, userId="u", numResults=1)[0].startswith("b")


def test_events_of_one_store_change_nothing_in_another(world: World) -> None:
    store, other = a_store(world), a_store(world)
    campaign, its_campaign = store.deploy(two_tastes()), other.deploy(two_tastes())
    store.put("u", "b1", "b2", "b3")

    assert store.recommend(campaign, userId="u", numResults=1)[0].startswith("b")
    assert other.recommend(its_campaign, userId="u", numResults=1)[0].startswith("a")


@contextmanager
def another_process(server: Server) -> Iterator[tuple[Server, "subprocess.Popen[bytes]"]]:
    """Another API process on the same data, as the supervisor would start it."""
    listener = listen("127.0.0.1", 0)
    settings = replace(server.settings, port=listener.getsockname()[1])
    environment = os.environ | {
        "OPENPERSONALIZE_DATA_DIR": str(settings.data_dir),
        "OPENPERSONALIZE_DATABASE_URL": settings.database_url,
        "OPENPERSONALIZE_PORT": str(settings.port),
    }
    arguments = [f"--parent={os.getpid()}", f"--listener={listener.fileno()}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "openpersonalize.roles.api_child", *arguments],
        env=environment,
        pass_fds=[listener.fileno()],
    )
    try:
        yield Server(settings, server.stores), process
    finally:
        process.terminate()
        process.wait(DEADLINE_S)
        listener.close()


@pytest.fixture(scope="module")
def second_server(server: Server) -> Iterator[Server]:
    with another_process(server) as (second, _):
        yield second


def test_a_process_that_starts_knows_the_events_so_far(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes())
    store.put("u", "b1", "b2", "b3")
    with another_process(world.server) as (second, _):
        answer = World(second, world.account).runtime.get_recommendations(campaignArn=campaign, userId="u")

    assert answer["itemList"][0]["itemId"].startswith("b")


def test_acknowledged_events_outlive_a_killed_process(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes())
    with another_process(world.server) as (second, process):
        replace(store, world=World(second, world.account)).put("u", "b1", "b2", "b3")
        process.kill()
        process.wait(DEADLINE_S)

    assert read_streamed(store.stores.database, store.group_id).columns["item_id"] == ["b1", "b2", "b3"]
    until(
        lambda: store.recommend(campaign, userId="u", numResults=1)[0].startswith("b"),
        "the process that is left knows the events",
        deadline_s=2,
    )


def test_another_process_knows_an_event_within_a_second(world: World, second_server: Server) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes())
    other = World(second_server, world.account).runtime

    def first_elsewhere(user: str) -> str:
        answer = other.get_recommendations(campaignArn=campaign, userId=user, numResults=1)
        return str(answer["itemList"][0]["itemId"])

    assert first_elsewhere("u").startswith("a")
    for user in ("u", "v", "w"):
        store.put(user, "b1", "b2", "b3")
        sent = time.monotonic()
        until(lambda user=user: first_elsewhere(user).startswith("b"), "the other process knows the events")

        assert time.monotonic() - sent < 1.0


def planted_csv() -> str:
    """400 users with 8 to 20 events each, nine of ten of them in one cluster of taste."""
    rng = np.random.default_rng(1)
    lines = ["USER_ID,ITEM_ID,TIMESTAMP"]
    for user in range(N_USERS):
        for place in range(int(rng.integers(8, 21))):
            cluster = user % N_CLUSTERS if rng.random() < 0.9 else rng.integers(N_CLUSTERS)
            item = f"c{cluster}-{rng.integers(ITEMS_PER_CLUSTER)}"
            lines.append(f"u{user},{item},{1_600_000_000 + 1000 * place}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def clusters(server: Server) -> Store:
    """A store of clear clusters, imported, trained and deployed through the API; with an event tracker."""
    world = World(server)
    group = world.dataset_group()
    world.interactions(group, planted_csv())
    version = world.trained(world.solution(group, "aws-user-personalization"))
    campaign = world.campaign(version)
    tracker = world.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)
    world.settle()
    return Store(world, "store", tracker["trackingId"], 0, group, campaigns={"for-you": campaign})


@pytest.mark.parametrize("are_known", [True, False], ids=["known users", "new users"])
def test_three_events_in_a_new_cluster_bring_its_items(clusters: Store, are_known: bool) -> None:
    n_served = sum(_is_won_over(clusters, number, are_known=are_known) for number in range(100))

    assert n_served >= 90


def _is_won_over(store: Store, number: int, *, are_known: bool) -> bool:
    """Send three events in a cluster that is not the user's; whether five of the top ten come from it."""
    user = f"u{number}" if are_known else f"new-{number}"
    cluster = (number + 1 + number // N_CLUSTERS % (N_CLUSTERS - 1)) % N_CLUSTERS
    liked = np.random.default_rng(number).choice(ITEMS_PER_CLUSTER, 3, replace=False)
    store.put(user, *(f"c{cluster}-{item}" for item in liked))
    top = store.recommend(store.campaigns["for-you"], userId=user, numResults=10)
    return sum(item.startswith(f"c{cluster}-") for item in top) >= 5
