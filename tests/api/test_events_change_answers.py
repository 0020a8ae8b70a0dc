"""Events change the next answer: at once in the process that took them, within a second in others."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from openpersonalize.models import FactorModel
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes import als
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.training import Task
from openpersonalize.recipes.training_data import Interactions
from openpersonalize.roles.http_server import listen
from openpersonalize.storage.event_log import read_streamed
from tests.api.stores_of_items import Store, a_store, two_tastes
from tests.world import DEADLINE_S, Server, World, until

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


@pytest.fixture(scope="module")
def second_server(server: Server) -> Iterator[Server]:
    """Another API process on the same data."""
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
        yield Server(settings, server.stores)
    finally:
        process.terminate()
        process.wait(DEADLINE_S)
        listener.close()


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


def planted(rng: np.random.Generator) -> Interactions:
    """400 users, each with up to 20 events in one cluster of taste, now and then one elsewhere."""
    items = [f"c{cluster}-{number}" for cluster in range(N_CLUSTERS) for number in range(ITEMS_PER_CLUSTER)]
    rows, lengths = [], []
    for user in range(400):
        n_events = int(rng.integers(8, 21))
        clusters = np.where(
            rng.random(n_events) < 0.9, user % N_CLUSTERS, rng.integers(N_CLUSTERS, size=n_events)
        )
        rows.append(clusters * ITEMS_PER_CLUSTER + rng.integers(ITEMS_PER_CLUSTER, size=n_events))
        lengths.append(n_events)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    times = np.concatenate([1_600_000_000 + 1000 * np.arange(length) for length in lengths]).astype(np.int64)
    histories = Histories(starts, np.concatenate(rows).astype(np.int32), times)
    return Interactions(IdIndex.build([f"u{user}" for user in range(400)]), IdIndex.build(items), histories)


@pytest.fixture(scope="module")
def clusters() -> FactorModel:
    """A model that the recipe has trained on the planted store."""
    recipe = RECIPES["aws-user-personalization"]
    task = Task(planted(np.random.default_rng(1)), validate_hyperparameters(recipe, {}, {}))
    model = als.train(task).model
    assert isinstance(model, FactorModel)
    return model


@pytest.mark.parametrize("are_known", [True, False], ids=["known users", "new users"])
def test_three_events_in_a_new_cluster_bring_its_items(
    world: World, clusters: FactorModel, are_known: bool
) -> None:
    store = a_store(world)
    campaign = store.deploy(clusters)
    n_served = sum(_is_won_over(store, campaign, number, are_known=are_known) for number in range(100))

    assert n_served >= 90


def _is_won_over(store: Store, campaign: str, number: int, *, are_known: bool) -> bool:
    """Send three events in a cluster that is not the user's; whether five of the top ten come from it."""
    user = f"u{number}" if are_known else f"new-{number}"
    cluster = (number + 1 + number // N_CLUSTERS % (N_CLUSTERS - 1)) % N_CLUSTERS
    rng = np.random.default_rng(number)
    liked = rng.choice(ITEMS_PER_CLUSTER, 3, replace=False)
    store.put(user, *(f"c{cluster}-{item}" for item in liked))
    top = store.recommend(campaign, userId=user, numResults=10)
    return sum(item.startswith(f"c{cluster}-") for item in top) >= 5
