"""Deployments: what serves changes while requests are answered, and a bad artifact harms nobody else."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from openpersonalize.storage.records import DEPLOYMENTS, bump
from openpersonalize.storage.tables import CampaignRow, SolutionVersionRow
from tests.api.stores_of_items import Store, a_store, popular_items, save
from tests.world import World, until


def serve_instead(store: Store, campaign: str, artifact_id: str) -> None:
    """Let a campaign serve another artifact, as an update of it does."""
    with store.stores.database.write() as session:
        row = session.query(CampaignRow).filter_by(arn=campaign).one()
        version = session.query(SolutionVersionRow).filter_by(arn=row.solution_version_arn).one()
        version.artifact_id = row.artifact_id = artifact_id
        bump(session, DEPLOYMENTS)


def test_an_update_changes_the_answers(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(popular_items("old"), "popularity-count")
    assert store.recommend(campaign) == ["old"]

    serve_instead(store, campaign, save(store.stores, popular_items("new")))

    until(lambda: store.recommend(campaign) == ["new"], "the new model answers", deadline_s=5)


def test_answers_never_stop_during_updates(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(popular_items("0"), "popularity-count")
    seen: set[str] = set()
    with ThreadPoolExecutor(1) as pool:
        updates = [
            pool.submit(serve_instead, store, campaign, save(store.stores, popular_items(str(number))))
            for number in range(1, 6)
        ]
        until(
            lambda: seen.update(store.recommend(campaign)) or "5" in seen,
            "the last model answers",
            deadline_s=10,
        )

    assert all(update.done() and update.exception() is None for update in updates)


def test_an_artifact_that_cannot_be_loaded_leaves_the_one_before(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(popular_items("old"), "popularity-count")
    assert store.recommend(campaign) == ["old"]

    broken = save(store.stores, popular_items("new"))
    (store.stores.artifacts / broken / "order.npy").write_bytes(b"other bytes")
    serve_instead(store, campaign, broken)
    other = store.deploy(popular_items("fine"), "popularity-count")

    assert store.recommend(other) == ["fine"]
    assert store.recommend(campaign) == ["old"]


def test_many_requests_for_nothing_are_all_refused(world: World) -> None:
    arns = [world.arn("campaign", f"nothing-{number}") for number in range(40)]

    def refused(arn: str) -> Any:
        try:
            world.runtime.get_recommendations(campaignArn=arn, userId="u")
        except ClientError as error:
            return error.response["Error"]["Message"]
        return None

    with ThreadPoolExecutor(20) as pool:
        texts = list(pool.map(refused, arns))

    assert texts == [f"{arn} does not exist or is not active yet." for arn in arns]
