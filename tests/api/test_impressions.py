"""The items that were shown with an event: those that it names, or the list of its recommendationId."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from openpersonalize.storage.event_log import read_streamed
from openpersonalize.storage.log_tables import ShownListRow
from openpersonalize.storage.shown import impressions_of
from tests.api.stores_of_items import Store, a_store, popular_items, two_tastes
from tests.databases import new_database
from tests.processes import family, kill
from tests.world import World, process_server, until


def answered(store: Store, campaign: str, n_items: int = 5) -> tuple[str, list[str]]:
    """The recommendationId of an answer, and its items."""
    answer = store.world.runtime.get_recommendations(campaignArn=campaign, userId="u", numResults=n_items)
    return answer["recommendationId"], [entry["itemId"] for entry in answer["itemList"]]


def impressions(store: Store) -> list[list[str] | None]:
    """What was shown with each event of a store, as a training would read it now."""
    columns = read_streamed(store.stores.database, store.group_id).columns
    with store.stores.database.read() as session:
        return impressions_of(session, columns)


def shown(store: Store) -> set[str]:
    """The ids of the stored lists."""
    with store.stores.database.read() as session:
        return set(session.scalars(select(ShownListRow.recommendation_id)))


def wait_for(store: Store, recommendation_id: str) -> None:
    """Lists are written behind, within about half a second."""
    until(lambda: recommendation_id in shown(store), "the list is stored", 5)


def test_the_list_of_its_recommendation_id_is_an_events_impression(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes())
    first, items = answered(store, campaign)
    second, more_items = answered(store, campaign, 10)
    store.put("u", items[1], recommendationId=first)
    store.put("u", "b1")
    store.put("u", more_items[9], recommendationId=second)
    wait_for(store, second)

    until(lambda: len(impressions(store)) == 3, "all events can be read", 5)
    assert impressions(store) == [items, None, more_items]


def test_an_impression_that_an_event_names_wins(world: World) -> None:
    store = a_store(world)
    recommendation_id, _ = answered(store, store.deploy(two_tastes()))
    store.put("u", "b1", recommendationId=recommendation_id, impression=["b1", "b2"])
    wait_for(store, recommendation_id)

    until(lambda: impressions(store) == [["b1", "b2"]], "the event's own impression is read", 5)


def test_the_list_of_another_groups_campaign_is_no_impression(world: World) -> None:
    store, sibling = a_store(world), a_store(world)
    recommendation_id, _ = answered(sibling, sibling.deploy(two_tastes()))
    store.put("u", "b1", recommendationId=recommendation_id)
    wait_for(sibling, recommendation_id)

    until(lambda: impressions(store) == [None], "the event is read without impression", 5)


def test_only_lists_that_were_made_for_a_user_are_kept(world: World) -> None:
    store = a_store(world)
    popular, _ = answered(store, store.deploy(popular_items("a", "b"), "popularity-count"))
    for_user, _ = answered(store, store.deploy(two_tastes()))
    wait_for(store, for_user)

    assert popular not in shown(store)


@pytest.fixture
def url() -> Iterator[str]:
    with new_database() as made:
        yield made


def test_stored_lists_are_there_after_everything_was_killed(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "data"
    with process_server(folder, database_url=url) as server:
        store = a_store(World(server))
        campaign = store.deploy(two_tastes())
        recommendation_id, items = answered(store, campaign)
        wait_for(store, recommendation_id)
        assert server.process is not None
        kill(*family(server.process.pid))
        server.process.wait(30)

    with process_server(folder, database_url=url) as server:
        again = Store(World(server, store.world.account), "", store.tracking_id, store.group_id, "")
        again.put("u", items[0], recommendationId=recommendation_id)

        until(lambda: impressions(again) == [items], "the event has its list", 5)
