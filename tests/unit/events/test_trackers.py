"""Looking trackers up: how often, and what is known of recommendationIds afterwards."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from openpersonalize.events.trackers import Tracker, Trackers
from openpersonalize.protocol.arns import Scope
from openpersonalize.storage.database import Database
from openpersonalize.storage.migrations import upgrade
from openpersonalize.storage.tables import DatasetGroupRow, EventTrackerRow, RecommenderRow

SCOPE = Scope("0" * 12, "r")
OWNER: dict[str, Any] = {
    "account": SCOPE.account,
    "region": SCOPE.region,
    "status": "ACTIVE",
    "creation_date_time": 1.0,
    "last_updated_date_time": 1.0,
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database with the tracker `t` of a group."""
    url = f"sqlite:///{tmp_path}/test.sqlite3"
    upgrade(url)
    opened = Database(url)
    with opened.write() as session:
        session.add(DatasetGroupRow(arn="group", name="g", **OWNER))
        session.flush()
        session.add(
            EventTrackerRow(arn="tracker", name="t", tracking_id="t", dataset_group_arn="group", **OWNER)
        )
    yield opened
    opened.dispose()


def add_recommender(database: Database, cid: str) -> str:
    arn = f"recommender-{cid}"
    with database.write() as session:
        session.add(
            RecommenderRow(
                arn=arn,
                name=arn,
                dataset_group_arn="group",
                recipe_arn="recipe",
                recommendation_cid=cid,
                **OWNER,
            )
        )
    return arn


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The look-ups of trackers while the block runs."""
    found: list[str] = []

    def note(*arguments: Any) -> None:
        if "FROM event_trackers" in arguments[2]:
            found.append(arguments[2])

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


async def known(trackers: Trackers, *cids: str) -> Tracker:
    """The tracker as PutEvents uses it: looked up only where something is not known."""
    tracker = trackers.fresh("t", SCOPE)
    if tracker is not None and trackers.knows(tracker, cids):
        return tracker
    return await trackers.look_up("t", SCOPE, cids)


def test_a_recommender_made_after_the_look_up_is_found_by_another_one(database: Database) -> None:
    async def ask() -> None:
        trackers = Trackers(database)
        assert (await known(trackers)).sources == {}

        arn = add_recommender(database, "c1c1c1")

        assert (await known(trackers, "c1c1c1")).sources == {"c1c1c1": arn}

    asyncio.run(ask())


def test_what_is_known_is_not_looked_up_again(database: Database) -> None:
    async def ask() -> None:
        trackers = Trackers(database)
        add_recommender(database, "c1c1c1")
        await known(trackers, "c1c1c1", "foreign")
        with counted(database) as look_ups:
            for _ in range(100):
                await known(trackers, "c1c1c1", "foreign")
        assert look_ups == []

    asyncio.run(ask())


def test_many_unknown_ids_at_once_cost_few_look_ups(database: Database) -> None:
    async def ask() -> None:
        trackers = Trackers(database)
        await known(trackers)
        with counted(database) as look_ups:
            await asyncio.gather(*(known(trackers, f"cid-{number}") for number in range(500)))
        assert len(look_ups) == 1

    asyncio.run(ask())


def test_unknown_ids_one_after_the_other_are_looked_up_at_most_twenty_times_a_second(
    database: Database,
) -> None:
    async def ask() -> float:
        trackers, loop = Trackers(database), asyncio.get_running_loop()
        await known(trackers)
        began = loop.time()
        for number in range(6):
            await known(trackers, f"cid-{number}")
        return loop.time() - began

    assert asyncio.run(ask()) >= 5 * 0.05
