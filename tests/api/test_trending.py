"""Trends through boto3, and how what serves is updated by the clock without a training."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from openpersonalize.errors import JobError
from openpersonalize.jobs.lifecycle import UPDATE_MODEL
from openpersonalize.jobs.worker import Publish, RunningJob, Worker
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import JobRow, SolutionVersionRow
from openpersonalize.work import updates
from openpersonalize.work.housekeeping import collect
from tests.api.domain_stores import VIDEO, DomainStore, a_domain_store, is_silent
from tests.databases import new_database
from tests.queue_bench import TestClock
from tests.world import World, running_server, text_field, until

NOW = 1_600_000_000
"""The newest TIMESTAMP that is imported, years before the clock of the server."""
HOUR_S = 3_600
WINDOW_S = 2 * HOUR_S

COUNTS = {
    "star": (400, 20, 20),
    "rising": (0, 2, 30),
    "double": (0, 40, 80),
    "spark": (0, 0, 1),
    "rest": (10, 0, 0),
    "fading": (0, 30, 5),
}
"""By item: events long ago, in the window of two hours before the newest one, and in that."""
BY_TREND = ["rising", "double", "spark", "star", "rest", "fading"]
BY_USERS = ["star", "double", "fading", "rising", "rest", "spark"]


def planted() -> str:
    """CSV text with those events, each of another user."""
    lines = ["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP"]
    for item, counts in COUNTS.items():
        for newest, count in zip((NOW - 50 * HOUR_S, NOW - WINDOW_S, NOW), counts, strict=True):
            lines += [f"u{number},{item},Watch,{newest - number}" for number in range(count)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def world(tmp_path: Path, clock: TestClock) -> Iterator[World]:
    """An account on a server of its own, whose clock is the test's and which has no minimums."""
    with (
        new_database() as url,
        running_server(tmp_path / "data", url, clock=clock, limits="relaxed") as server,
    ):
        yield World(server)


@dataclass
class Trends:
    """A dataset group with the planted events, and a solution that looks for trends in it."""

    world: World
    clock: TestClock
    group: str
    tracker: str
    solution: str

    def list(self, campaign: str, n: int = 25) -> list[str]:
        answer = self.world.runtime.get_recommendations(campaignArn=campaign, numResults=n)
        assert all(set(entry) == {"itemId"} for entry in answer["itemList"])
        return [entry["itemId"] for entry in answer["itemList"]]

    def send(self, item: str, sent_at: int, n_events: int = 40) -> None:
        """Interactions with an item, a second after what was before."""
        self.clock.now += 1.0
        send(self.world, self.tracker, item, sent_at, n_events)

    def version(self, arn: str) -> dict[str, Any]:
        client = self.world.personalize
        described: dict[str, Any] = client.describe_solution_version(solutionVersionArn=arn)[
            "solutionVersion"
        ]
        metrics: dict[str, Any] = client.get_solution_metrics(solutionVersionArn=arn)["metrics"]
        return described | metrics

    def pass_hours(self, hours: float) -> int:
        """Let time pass; says how many updates were begun."""
        self.clock.now += hours * HOUR_S
        return self.world.tick()


def send(world: World, tracker: str, item: str, sent_at: int, n_events: int) -> None:
    for first in range(0, n_events, 10):
        events = [
            {"eventType": "Watch", "itemId": item, "sentAt": sent_at - second}
            for second in range(first, min(first + 10, n_events))
        ]
        world.events.put_events(trackingId=tracker, sessionId="s", userId="u7", eventList=events)


@pytest.fixture
def trends(world: World, clock: TestClock) -> Trends:
    group = world.dataset_group()
    fields = text_field("USER_ID"), text_field("ITEM_ID"), text_field("EVENT_TYPE")
    dataset = world.dataset(group, "Interactions", *fields, {"name": "TIMESTAMP", "type": "long"})
    world.imported(dataset, planted())
    tracker = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
    world.settle()
    return Trends(world, clock, group, tracker, a_solution(world, group))


def a_solution(world: World, group: str, frequency: str | None = None) -> str:
    config = {"featureTransformationParameters": {"trend_discovery_frequency": frequency}}
    more: dict[str, Any] = {} if frequency is None else {"solutionConfig": config}
    return world.solution(group, "aws-trending-now", performAutoTraining=False, **more)


def test_what_grows_stands_above_what_is_popular_and_a_new_trend_comes_without_a_training(
    trends: Trends,
) -> None:
    world = trends.world
    popular = world.campaign(world.trained(world.solution(trends.group, performAutoTraining=False)))
    older = world.campaign(world.trained(trends.solution))
    version = world.trained(trends.solution)
    campaign = world.campaign(version)
    before = trends.version(version)

    assert trends.list(popular) == BY_USERS
    assert trends.list(campaign) == BY_TREND
    assert len(before.keys() & {"coverage", "precision_at_5", "trend_prediction_accuracy"}) == 3
    trends.send("newcomer", NOW + WINDOW_S)
    assert trends.pass_hours(1.9) == 0
    assert trends.pass_hours(0.2) == 1
    until(lambda: trends.list(campaign, 1) == ["newcomer"], "the new trend is known")
    assert trends.version(version) == before
    assert trends.list(older) == BY_TREND
    assert trends.list(popular) == BY_USERS
    assert trends.pass_hours(2.1) == 0  # nothing came
    for _ in range(2):
        collect(world.server.stores, grace_s=0.0)
    assert len(list(world.server.stores.artifacts.iterdir())) == 3
    assert trends.list(campaign, 1) == ["newcomer"]


@pytest.mark.slow
def test_the_frequency_says_which_windows_are_compared_and_how_often(trends: Trends) -> None:
    """Yesterday the rising items did not grow as much as the others; half an hour ago nothing stood still."""
    world = trends.world
    campaigns = {
        frequency: world.campaign(world.trained(a_solution(world, trends.group, frequency)))
        for frequency in ("30 minutes", "1 day")
    }

    assert trends.list(campaigns["1 day"])[:2] == ["double", "star"]
    trends.send("newcomer", NOW + HOUR_S)
    assert trends.pass_hours(0.6) == 1
    until(lambda: trends.list(campaigns["30 minutes"], 1) == ["newcomer"], "the quick one knows")
    assert trends.list(campaigns["1 day"], 1) == ["double"]
    assert trends.pass_hours(1.5) == 1
    until(lambda: "newcomer" in trends.list(campaigns["1 day"]), "every two hours the slow one looks, too")


@pytest.mark.slow
def test_an_update_that_fails_leaves_the_model_and_is_tried_again_without_more_data(trends: Trends) -> None:
    world = trends.world
    campaign = world.campaign(world.trained(trends.solution))
    trends.send("newcomer", NOW + WINDOW_S)
    trends.clock.now += 2.1 * HOUR_S

    def broken(job: RunningJob, stores: Stores) -> Publish:
        raise JobError("no")

    assert updates.begin_due(world.server.stores) == 1
    assert Worker(world.server.stores, {UPDATE_MODEL.kind: broken}).run_one()
    assert trends.list(campaign) == BY_TREND
    assert trends.pass_hours(0.1) == 0
    assert trends.pass_hours(2.1) == 1
    until(lambda: trends.list(campaign, 1) == ["newcomer"], "the new trend is known")


def test_only_the_newest_full_version_that_a_campaign_serves_is_updated(trends: Trends) -> None:
    world = trends.world
    version = world.trained(trends.solution)
    trends.send("newcomer", NOW + WINDOW_S)
    assert trends.pass_hours(2.1) == 0  # it does not serve
    campaign = world.campaign(version)
    world.set_columns(SolutionVersionRow, version, training_mode="UPDATE")
    assert trends.pass_hours(2.1) == 0
    world.set_columns(SolutionVersionRow, version, training_mode="FULL")
    newer = world.trained(trends.solution)
    assert trends.pass_hours(2.1) == 0  # a newer one is there, which does not serve
    assert trends.list(campaign) == BY_TREND
    assert trends.list(world.campaign(newer), 1) == ["newcomer"]


def test_workers_that_look_at_the_same_moment_begin_one_update(trends: Trends) -> None:
    world = trends.world
    world.campaign(world.trained(trends.solution))
    trends.send("newcomer", NOW + WINDOW_S)
    trends.clock.now += 2.1 * HOUR_S
    with ThreadPoolExecutor(4) as pool:
        begun = sum(pool.map(lambda _: updates.begin_due(world.server.stores), range(8)))
    with world.server.stores.database.read() as session:
        jobs = session.scalars(select(JobRow).where(JobRow.kind == UPDATE_MODEL.kind)).all()

    assert begun == len(jobs) == 1


@pytest.fixture
def videos(world: World) -> DomainStore:
    return a_domain_store(world, VIDEO, text=planted())


def test_a_recommender_looks_for_trends_while_it_serves_and_no_request_fails(
    videos: DomainStore, clock: TestClock
) -> None:
    world = videos.world
    arn = videos.recommender("trends", recipe="aws-vod-trending-now")
    found = videos.describe(arn)
    tracker = world.personalize.create_event_tracker(name="t", datasetGroupArn=videos.group)["trackingId"]
    world.settle()

    assert videos.recommend(arn) == BY_TREND
    assert "trend_prediction_accuracy" in found["modelMetrics"]
    clock.now += 1.0
    send(world, tracker, "newcomer", NOW + WINDOW_S, 40)
    clock.now += 2.1 * HOUR_S
    with ThreadPoolExecutor(1) as pool:
        updating = pool.submit(world.tick)
        until(lambda: videos.recommend(arn)[0] == "newcomer", "the new trend is known")
    assert updating.result() == 1
    assert videos.describe(arn) == found
    world.personalize.stop_recommender(recommenderArn=arn)
    world.settle()
    clock.now += 1.0
    send(world, tracker, "later", NOW + 2 * WINDOW_S, 40)
    clock.now += 2.1 * HOUR_S
    assert world.tick() == 0
    world.personalize.start_recommender(recommenderArn=arn)
    world.settle()
    until(lambda: not is_silent(videos, arn), "it answers again")
    clock.now += 2.1 * HOUR_S
    assert world.tick() == 1
    until(lambda: videos.recommend(arn)[0] == "later", "the newest trend is known")
