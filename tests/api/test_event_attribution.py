"""An event that carries a recommendationId is stored with the ARN of who gave the id out."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from openpersonalize.storage.log_tables import EventRow
from openpersonalize.storage.tables import CampaignRow, RecommenderRow
from tests.api.stores_of_items import Store, a_store, popular_items, two_tastes
from tests.databases import new_database
from tests.processes import family, kill
from tests.world import World, process_server


def answered(store: Store, campaign: str, user: str = "u") -> str:
    """The recommendationId of an answer."""
    answer = store.world.runtime.get_recommendations(campaignArn=campaign, userId=user)
    return str(answer["recommendationId"])


def put(store: Store, item: str, recommendation_id: str) -> None:
    store.put("u", item, recommendationId=recommendation_id)


def sources(store: Store) -> list[tuple[str, str | None, str | None]]:
    """Item, recommendationId and source of a store's events."""
    with store.stores.database.read() as session:
        query = select(EventRow).where(EventRow.dataset_group_id == store.group_id).order_by(EventRow.id)
        return [(row.item_id, row.recommendation_id, row.source_arn) for row in session.scalars(query)]


def a_recommender(store: Store, cid: str) -> str:
    """The ARN of a recommender's row; its ids end with `cid`."""
    arn = store.world.arn("recommender", f"r-{uuid.uuid4().hex[:8]}")
    with store.stores.database.write() as session:
        session.add(
            RecommenderRow(
                arn=arn,
                account=store.world.account,
                region=store.world.region,
                name=arn.rpartition("/")[2],
                creation_date_time=1.0,
                last_updated_date_time=1.0,
                status="INACTIVE",
                dataset_group_arn=store.group_arn,
                recipe_arn="arn:aws:personalize:::recipe/aws-ecomm-popular-items-by-views",
                recommendation_cid=cid,
            )
        )
    return arn


def test_an_event_is_stored_with_the_campaign_that_led_to_it(world: World) -> None:
    store = a_store(world)
    for_you, popular = store.deploy(two_tastes()), store.deploy(popular_items("a", "b"), "popularity-count")
    ids = [answered(store, campaign) for campaign in (for_you, popular)]
    for item, recommendation_id in zip(("a1", "a2"), ids, strict=True):
        put(store, item, recommendation_id)
    store.put("u", "a3")

    assert sources(store) == [("a1", ids[0], for_you), ("a2", ids[1], popular), ("a3", None, None)]


def test_an_event_is_stored_with_the_recommender_that_led_to_it(world: World) -> None:
    store = a_store(world)
    recommender = a_recommender(store, "abcde0")
    recommendation_id = f"RID-{'00-0000-0000-000000000000'}-CID-abcde0"
    put(store, "a1", recommendation_id)

    assert sources(store) == [("a1", recommendation_id, recommender)]


def test_an_event_knows_a_campaign_made_a_moment_ago(world: World) -> None:
    store = a_store(world)
    expected = []
    for number in range(5):
        store.put("u", f"before-{number}")  # the tracker is known now, without the campaign that follows
        campaign = store.deploy(two_tastes())
        recommendation_id = answered(store, campaign)
        put(store, f"after-{number}", recommendation_id)
        expected += [(f"before-{number}", None, None), (f"after-{number}", recommendation_id, campaign)]

    assert sources(store) == expected


def test_ids_that_nobody_of_the_group_gave_out_are_kept_without_a_source(world: World) -> None:
    store, sibling = a_store(world), a_store(world)
    stranger = a_store(world.elsewhere(account="999999999999"))
    campaign, theirs = sibling.deploy(two_tastes()), stranger.deploy(two_tastes())
    ids = [
        answered(sibling, campaign),
        answered(stranger, theirs),
        "RID-12-3456-7890-abcdefabcdef-CID-ffffff",
        "no id of ours",
    ]
    for _ in range(2):
        for place, recommendation_id in enumerate(ids):
            store.put("u", f"i{place}", recommendationId=recommendation_id, eventValue=len(sources(store)))

    assert sources(store) == [(f"i{place}", text, None) for _ in range(2) for place, text in enumerate(ids)]


def test_a_call_with_ids_of_several_sources_keeps_them_apart(world: World) -> None:
    store = a_store(world)
    campaigns = [store.deploy(two_tastes()) for _ in range(2)]
    ids = [answered(store, campaign) for campaign in campaigns] + ["unknown"]
    world.events.put_events(
        trackingId=store.tracking_id,
        sessionId="s",
        eventList=[
            {"eventType": "view", "itemId": f"i{place}", "sentAt": 1, "recommendationId": text}
            for place, text in enumerate(ids)
        ],
    )

    assert sources(store) == [
        (f"i{place}", text, source)
        for place, (text, source) in enumerate(zip(ids, [*campaigns, None], strict=True))
    ]


def test_a_named_source_of_attribution_stands_beside_the_campaign(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes())
    store.put(
        "u",
        "a1",
        recommendationId=answered(store, campaign),
        metricAttribution={"eventAttributionSource": "mail"},
    )

    with store.stores.database.read() as session:
        row = session.scalars(select(EventRow).where(EventRow.dataset_group_id == store.group_id)).one()
    assert (row.source_arn, row.attribution_source) == (campaign, "mail")


def test_events_keep_the_source_that_is_deleted_later(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(two_tastes())
    recommendation_id = answered(store, campaign)
    put(store, "a1", recommendation_id)
    with store.stores.database.write() as session:
        session.execute(delete(CampaignRow).where(CampaignRow.arn == campaign))

    assert sources(store) == [("a1", recommendation_id, campaign)]


@pytest.fixture
def url() -> Iterator[str]:
    with new_database() as made:
        yield made


def test_sources_are_there_after_everything_was_killed(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "data"
    with process_server(folder, database_url=url) as server:
        store = a_store(World(server))
        campaign = store.deploy(two_tastes())
        ids = [answered(store, campaign), "RID-12-3456-7890-abcdefabcdef-CID-ffffff"]
        for place, recommendation_id in enumerate(ids):
            put(store, f"a{place}", recommendation_id)
        assert server.process is not None
        kill(*family(server.process.pid))
        server.process.wait(30)

    with process_server(folder, database_url=url) as server:
        again = Store(World(server, store.world.account), "", store.tracking_id, store.group_id, "")
        put(again, "a2", ids[0])

        assert sources(again) == [("a0", ids[0], campaign), ("a1", ids[1], None), ("a2", ids[0], campaign)]
