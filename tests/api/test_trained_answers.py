"""What campaigns of models answer that were imported for, trained and deployed through the API."""

import itertools
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from openpersonalize.models import KINDS, BlendModel, Query
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.storage import artifacts
from openpersonalize.storage.event_log import read_streamed
from openpersonalize.storage.tables import DatasetGroupRow
from tests.api.stores_of_items import Store
from tests.planted import taste_store
from tests.world import FIELDS, Server, World, text_field, until

DATA = Path(os.environ.get("OPENPERSONALIZE_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
RATINGS = DATA / "ml-latest-small" / "ratings.csv"
FOR_YOU = "aws-user-personalization"
TYPED = [
    *FIELDS["Interactions"],
    text_field("EVENT_TYPE"),
    {"name": "EVENT_VALUE", "type": ["null", "float"]},
]


def csv_of(interactions: Interactions) -> str:
    """The file that these interactions are imported from."""
    users = interactions.users.texts(interactions.user_of_event)
    items = interactions.items.texts(interactions.histories.items)
    rows = zip(users, items, interactions.histories.times.tolist(), strict=True)
    return "USER_ID,ITEM_ID,TIMESTAMP\n" + "".join(f"{user},{item},{at}\n" for user, item, at in rows)


def a_trained_store(
    world: World, text: str, fields: Iterable[Mapping[str, Any]] = (), recipe: str = FOR_YOU, **solution: Any
) -> tuple[Store, str, str]:
    """A store with a tracker and one campaign `for-you`; its solution and solution version."""
    group = world.dataset_group()
    world.imported(world.dataset(group, "Interactions", *fields), text)
    arn = world.solution(group, recipe, **solution)
    version = world.trained(arn)
    campaign = world.campaign(version, campaignConfig={"itemExplorationConfig": {"explorationWeight": "0"}})
    tracker = world.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)
    world.settle()
    with world.server.stores.database.read() as session:
        number = session.scalars(select(DatasetGroupRow.id).where(DatasetGroupRow.arn == group)).one()
    store = Store(world, "store", tracker["trackingId"], number, group, campaigns={"for-you": campaign})
    return store, arn, version


def await_log(store: Store, n_events: int) -> None:
    """Wait until a training would read all events; on PostgreSQL anybody's open transaction delays that."""
    database = store.stores.database
    until(
        lambda: len(read_streamed(database, store.group_id).columns["id"]) == n_events,
        "a training reads all events",
    )


def shares_of_seen(store: Store, histories: Mapping[str, Iterable[str]]) -> list[float]:
    """By user, which part of the list of 25 the user has had before."""
    lists = {user: store.recommend(store.campaigns["for-you"], userId=user) for user in histories}
    assert all(len(items) == 25 for items in lists.values())
    return [float(np.isin(items, list(histories[user])).mean()) for user, items in lists.items()]


def test_where_30_percent_of_events_repeat_so_do_20_to_40_percent_of_the_lists(world: World) -> None:
    planted = taste_store(repeat_share=0.3).interactions
    store, _, _ = a_trained_store(world, csv_of(planted))
    histories = {
        user: planted.items.texts(planted.histories.items_of(planted.users.find(user)))
        for user in planted.users.texts(np.arange(0, planted.n_users, 4, dtype=np.int32))
    }

    assert 0.2 <= np.mean(shares_of_seen(store, histories)) <= 0.4


@pytest.mark.skipif(
    not RATINGS.is_file(),
    reason=f"{RATINGS} is absent; OPENPERSONALIZE_TEST_DATA may name its folder's parent",
)
def test_on_movielens_a_users_list_is_new_films(world: World) -> None:
    lines = [line.split(",") for line in RATINGS.read_text().splitlines()[1:]]
    text = "USER_ID,ITEM_ID,TIMESTAMP\n" + "".join(f"{user},{film},{at}\n" for user, film, _, at in lines)
    store, _, _ = a_trained_store(world, text)
    histories: dict[str, set[str]] = {}
    for user, film, _, _ in lines:
        histories.setdefault(user, set()).add(film)

    assert len(histories) == 610
    assert max(shares_of_seen(store, histories)) == 0.0


def test_a_retrained_campaign_neither_loses_nor_repeats_an_event(world: World) -> None:
    """Some events come before the second training, some after it, some after its deployment."""
    planted = taste_store(n_users=80, n_clusters=4, items_per_cluster=30).interactions
    store, solution, first = a_trained_store(world, csv_of(planted))
    user, at = "user-0000", itertools.count(int(time.time()) - 100)
    before, between, after = ["item-0040", "item-0041"], ["item-0070", "item-0070"], ["item-0100"]

    def put(items: list[str]) -> None:
        for item in items:
            store.put(user, item, sentAt=next(at))

    put(before)
    await_log(store, len(before))
    second = world.trained(solution)
    put(between)
    wanted = expected(model_of(world, first), user, [*before, *between])
    assert scores_of(store, user) == pytest.approx(wanted, abs=2e-7)

    campaign = store.campaigns["for-you"]
    world.personalize.update_campaign(campaignArn=campaign, solutionVersionArn=second)
    world.settle()
    put(after)

    model = model_of(world, second)
    history = model.items.texts(model.histories.items_of(model.users.find(user)))
    assert history[-len(before) :] == before
    assert len(model.histories.items) == planted.n_events + len(before)
    until(
        lambda: scores_of(store, user) == pytest.approx(expected(model, user, [*between, *after]), abs=2e-7),
        "the new version answers, and knows each event once",
        deadline_s=5,
    )


def test_a_session_is_somebody_until_the_next_training_and_then_its_users(world: World) -> None:
    """Two visitors act; one of them signs in, the other never does."""
    planted = taste_store(n_users=80, n_clusters=4, items_per_cluster=30).interactions
    store, solution, _ = a_trained_store(world, csv_of(planted))
    strangers = scores_of(store, "stranger")
    for visit in ("visit-1", "visit-2"):
        store.put(None, "item-0070", "item-0071", session_id=visit)
        assert scores_of(store, visit) != strangers
    store.put("newcomer-1", "item-0072", session_id="visit-1", sentAt=int(time.time()) + 1)

    await_log(store, 5)
    second = world.trained(solution)
    campaign = store.campaigns["for-you"]
    world.personalize.update_campaign(campaignArn=campaign, solutionVersionArn=second)
    world.settle()

    model = model_of(world, second)
    history = model.items.texts(model.histories.items_of(model.users.find("newcomer-1")))
    assert history == ["item-0070", "item-0071", "item-0072"]
    until(
        lambda: scores_of(store, "newcomer-1") == pytest.approx(expected(model, "newcomer-1", []), abs=2e-7),
        "the user is known by what the session did",
        deadline_s=5,
    )
    for visit in ("visit-1", "visit-2"):
        assert scores_of(store, visit) == scores_of(store, "stranger")


def model_of(world: World, version: str) -> BlendModel:
    model = artifacts.load(world.artifact(version), KINDS)
    assert isinstance(model, BlendModel)
    return model


def scores_of(store: Store, user: str) -> dict[str, float]:
    """The scores of a list of 25 by item."""
    answer = store.world.runtime.get_recommendations(campaignArn=store.campaigns["for-you"], userId=user)
    return {entry["itemId"]: entry["score"] for entry in answer["itemList"]}


def expected(model: BlendModel, user: str, recent: list[str]) -> dict[str, float]:
    """What a model answers if exactly these events are new to it."""
    now = np.full(len(recent), int(time.time()))
    query = Query(user=model.users.find(user), recent=model.items.find_many(recent), recent_times=now)
    ranked = model.recommend(query, 25)
    assert ranked.scores is not None
    return dict(zip(model.items.texts(ranked.items), ranked.scores.tolist(), strict=True))


def test_two_versions_of_the_same_data_have_the_same_bytes(world: World) -> None:
    planted = taste_store(n_users=80, n_clusters=4, items_per_cluster=30).interactions
    _, solution, first = a_trained_store(world, csv_of(planted))
    folders = [world.artifact(version) for version in (first, world.trained(solution))]
    contents = [{path.name: path.read_bytes() for path in folder.glob("*.npy")} for folder in folders]

    assert folders[0] != folders[1]
    assert len(contents[0]) > 8
    assert contents[0] == contents[1]
    metrics = [
        world.personalize.get_solution_metrics(solutionVersionArn=version["solutionVersionArn"])["metrics"]
        for version in world.personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]
    ]
    assert metrics[0] == metrics[1]


@pytest.fixture(scope="module")
def purchases(server: Server) -> Store:
    """60 users who buy a's, look at b's, and buy c's for little; trained on purchases from 4.5."""
    world = World(server)
    lines = ["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE"]
    for user in range(60):
        for place in range(20):
            at, item = 1_600_000_000 + 10 * place, (place + user) % 25
            lines += [
                f"u{user},a{item},{at},buy,5",
                f"u{user},b{item},{at},view,5",
                f"u{user},c{item},{at},buy,1",
            ]
    store, _, version = a_trained_store(
        world,
        "\n".join(lines) + "\n",
        TYPED,
        eventType="buy",
        solutionConfig={"eventValueThreshold": "4.5", "algorithmHyperParameters": {"hidden_dimension": "32"}},
    )
    model = model_of(world, version)
    assert (len(model.histories.items), len(model.items), model.factors.blocks.shape[1]) == (60 * 20, 25, 32)
    return store


def test_a_solution_learns_events_of_its_type_and_value_alone(purchases: Store) -> None:
    items = purchases.recommend(purchases.campaigns["for-you"], userId="u0", numResults=100)

    assert {item[0] for item in items} == {"a"}
    assert len(items) == 25


def test_its_campaign_listens_to_these_alone(purchases: Store) -> None:
    def answer() -> list[str]:
        return purchases.recommend(purchases.campaigns["for-you"], userId="newcomer")

    popular = answer()
    purchases.put("newcomer", "a3", eventType="view", eventValue=5)
    purchases.put("newcomer", "a3", eventType="buy", eventValue=4)
    purchases.put("newcomer", "a3", eventType="buy")
    assert answer() == popular

    purchases.put("newcomer", "a3", eventType="buy", eventValue=4.5)
    assert answer() != popular
