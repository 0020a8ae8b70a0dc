"""What was acknowledged of records and action interactions is there after kill -9 of the whole server."""

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import select

from openpersonalize.storage.log_tables import ActionInteractionRow, RecordRow
from tests.databases import new_database
from tests.processes import family, kill
from tests.world import Server, World, process_server, until


@pytest.fixture
def url() -> Iterator[str]:
    with new_database() as made:
        yield made


class Sender(threading.Thread):
    """Puts one thing after the other until the server is gone, and keeps the ids of those acknowledged."""

    def __init__(self, put: Callable[[str], object]) -> None:
        super().__init__(daemon=True)
        self.put = put
        self.acknowledged: list[str] = []
        self.ended_by: Exception | None = None

    def run(self) -> None:
        """Put until a request fails."""
        while True:
            name = uuid.uuid4().hex
            try:
                self.put(name)
            except (BotoCoreError, ClientError) as error:
                self.ended_by = error
                return
            self.acknowledged.append(name)


def dataset_of(world: World, group: str, record: str, kind: str = "") -> str:
    """An ACTIVE dataset, made by the server's own worker."""
    arn: str = world.personalize.create_dataset(
        name="it", datasetType=kind or record, datasetGroupArn=group, schemaArn=world.schema(record)
    )["datasetArn"]
    world.wait(arn)
    return arn


def senders_to(world: World) -> list[Sender]:
    """One of items and one of action interactions."""
    group: str = world.personalize.create_dataset_group(name="store")["datasetGroupArn"]
    world.wait(group)
    items = dataset_of(world, group, "Items")
    actions = dataset_of(world, group, "ActionInteractions", "Action_Interactions")
    tracking_id = world.personalize.describe_dataset(datasetArn=actions)["dataset"]["trackingId"]

    def put_item(name: str) -> None:
        item = {"itemId": name, "properties": '{"genre":"Drama"}'}
        world.events.put_items(datasetArn=items, items=[item])

    def put_interaction(name: str) -> None:
        done = {"actionId": name, "sessionId": "s", "timestamp": 1_700_000_000, "eventType": "Taken"}
        world.events.put_action_interactions(trackingId=tracking_id, actionInteractions=[done])

    return [Sender(put_item), Sender(put_interaction)]


def stored(server: Server) -> list[list[str]]:
    """The ids of all items and of the actions of all interactions."""
    with server.stores.database.read() as session:
        return [
            list(session.scalars(select(column)))
            for column in (RecordRow.record_id, ActionInteractionRow.action_id)
        ]


def test_a_server_killed_as_a_whole_has_everything_that_it_acknowledged(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "data"
    with process_server(folder, database_url=url) as server:
        senders = senders_to(World(server))
        for sender in senders:
            sender.start()
        for sender in senders:
            until(lambda sender=sender: len(sender.acknowledged) > 20 or sender.ended_by, "some are stored")
            assert sender.ended_by is None
        assert server.process is not None
        kill(*family(server.process.pid))
        for sender in senders:
            sender.join(60)
            assert sender.ended_by is not None
        server.process.wait(30)

    with process_server(folder, database_url=url) as server:
        for sender, kept in zip(senders, stored(server), strict=True):
            assert set(sender.acknowledged) <= set(kept)
            assert len(kept) <= len(sender.acknowledged) + 1
