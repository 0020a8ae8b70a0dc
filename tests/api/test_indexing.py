"""The indexes of datasets: what serving reads, when they are made, and that nothing is lost in them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import func, select

from openpersonalize.errors import JobError
from openpersonalize.jobs.indexes import begin_index
from openpersonalize.jobs.lifecycle import INDEX_DATASET
from openpersonalize.jobs.worker import Publish, RunningJob, Worker
from openpersonalize.models import INDEX_KINDS
from openpersonalize.models.columns import ColumnTable, NumberColumn, TextColumn
from openpersonalize.models.event_pairs import EventPairs
from openpersonalize.storage import artifacts, event_log, record_log, records
from openpersonalize.storage.event_log import Log, Position, end_of_log
from openpersonalize.storage.log_tables import ActionInteractionRow, EventRow, RecordRow
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import DatasetRow, JobRow
from openpersonalize.work.handlers import HANDLERS
from openpersonalize.work.housekeeping import collect
from openpersonalize.work.index_needs import RECORDS_BEHIND, begin_wanted
from openpersonalize.work.indexing import index_dataset
from tests.world import World, plain_interactions, text_field, until

ITEMS = [
    text_field("ITEM_ID"),
    text_field("GENRE", categorical=True),
    {"name": "PRICE", "type": ["null", "float"]},
    {"name": "STOCK", "type": ["null", "long"]},
    {"name": "IS_NEW", "type": ["null", "boolean"]},
]
INTERACTIONS = [
    *(text_field("USER_ID"), text_field("ITEM_ID")),
    *({"name": "TIMESTAMP", "type": "long"}, text_field("EVENT_TYPE")),
]


LOGS: tuple[type[Log], ...] = (EventRow, RecordRow, ActionInteractionRow)
EVERYTHING = Position(2**62, 2**62)
"""Beyond the end of every log."""


@dataclass(frozen=True)
class Indexed:
    """A dataset and its index."""

    world: World
    dataset: str

    @property
    def stores(self) -> Stores:
        return self.world.server.stores

    def row(self) -> DatasetRow:
        with self.stores.database.read() as session:
            return records.named(session, DatasetRow, self.dataset)

    def readable(self) -> None:
        """Wait until all that was sent can be read: on PostgreSQL older transactions hold the logs back."""

        def is_readable() -> bool:
            with self.stores.database.read() as session:
                newest = max(session.scalar(select(func.max(log.txid))) or 0 for log in LOGS)
                end = end_of_log(session, self.stores.database)
            return self.stores.database.is_sqlite or end > Position(newest, 0)

        until(is_readable, "no older transaction is running")

    def make(self) -> None:
        """Have the index made."""
        self.readable()
        with self.stores.database.write() as session:
            dataset = records.named(session, DatasetRow, self.dataset)
            begin_index(session, dataset, now=self.stores.clock())
        self.world.settle()

    def model(self) -> Any:
        """The index, mapped into memory."""
        return artifacts.load(self.stores.artifacts / str(self.row().index_id), INDEX_KINDS)

    def watermark(self) -> Position:
        extra = artifacts.read_manifest(self.stores.artifacts / str(self.row().index_id))["extra"]
        return Position(*extra["watermark"])

    def jobs(self) -> list[str]:
        """The states of the jobs that made the index."""
        query = select(JobRow.state).where(JobRow.resource_arn == self.dataset)
        with self.stores.database.read() as session:
            return list(session.scalars(query.where(JobRow.kind == INDEX_DATASET.kind).order_by(JobRow.id)))

    def put(self, item_id: str, **properties: Any) -> None:
        item = {"itemId": item_id, "properties": json.dumps(properties)}
        self.world.events.put_items(datasetArn=self.dataset, items=[item])

    def items(self) -> dict[str, dict[str, Any]]:
        """What the index says of all items, without nulls."""
        table: ColumnTable = self.model()
        held: list[TextColumn | NumberColumn] = [*table.texts, *table.numbers]
        names = [column.name for column in held if column.name != "ITEM_ID"]
        return {
            table.ids.text(row): {
                name: value for name in names if (value := table.value(row, name)) is not None
            }
            for row in range(len(table))
        }


@pytest.fixture
def shop(world: World) -> Indexed:
    """An Items dataset without items."""
    return Indexed(world, world.dataset(world.dataset_group(), "Items", *ITEMS))


def csv(*lines: str) -> str:
    return "\n".join(("ITEM_ID,GENRE,PRICE,STOCK,IS_NEW", *lines)) + "\n"


def test_nothing_is_indexed_that_nothing_needs(shop: Indexed) -> None:
    shop.world.imported(shop.dataset, csv("i1,drama,1.5,2,true"))

    assert shop.row().index_id is None
    assert shop.jobs() == []


def test_imported_items_stand_in_the_index_with_all_their_columns(shop: Indexed) -> None:
    shop.world.imported(shop.dataset, csv("i1,drama|horror,1.5,2,true", "i2,comedy,,,"))
    shop.make()

    assert shop.items() == {
        "i1": {"GENRE": "drama|horror", "PRICE": 1.5, "STOCK": 2, "IS_NEW": "true"},
        "i2": {"GENRE": "comedy"},
    }
    genre = shop.model().column("GENRE")
    assert [bool(genre.cells_with([value])[genre.codes[0]]) for value in ("horror", "drama", "dra")] == [
        *(True, True, False)
    ]


def test_making_an_index_changes_nothing_that_the_api_shows(shop: Indexed) -> None:
    before = shop.world.personalize.describe_dataset(datasetArn=shop.dataset)["dataset"]
    shop.make()

    assert shop.world.personalize.describe_dataset(datasetArn=shop.dataset)["dataset"] == before
    assert (shop.row().indexing or {})["status"] == "ACTIVE"
    assert shop.items() == {}


def test_the_newest_write_of_an_item_wins(shop: Indexed) -> None:
    shop.put("older", genre="put", price=1)
    shop.put("only-put", genre="put")
    shop.put("twice", genre="first")
    shop.world.imported(shop.dataset, csv("older,imported,,,", "newer,imported,2,,", "twice,imported,,,"))
    shop.put("newer", genre="put", stock=3)
    shop.put("twice", genre="second")
    shop.put("twice", genre="third")
    shop.make()

    assert shop.items() == {
        "older": {"GENRE": "imported"},
        "only-put": {"GENRE": "put"},
        "newer": {"GENRE": "put", "STOCK": 3},
        "twice": {"GENRE": "third"},
    }


def test_an_item_that_is_put_while_an_import_runs_is_newer_than_its_file(shop: Indexed) -> None:
    shop.world.personalize.create_dataset_import_job(
        jobName="running",
        datasetArn=shop.dataset,
        dataSource={"dataLocation": shop.world.upload(csv("i1,imported,,,"))},
    )
    shop.put("i1", genre="put")
    shop.world.settle()
    shop.make()

    assert shop.items() == {"i1": {"GENRE": "put"}}


def test_later_imports_replace_rows_and_a_full_one_all(shop: Indexed) -> None:
    shop.world.imported(shop.dataset, csv("i1,a,,,", "i2,a,,,"))
    shop.put("i3", genre="put")
    shop.world.imported(shop.dataset, csv("i2,b,,,"), importMode="INCREMENTAL")
    shop.make()
    added = shop.items()
    shop.world.imported(shop.dataset, csv("i4,c,,,"))

    assert added == {"i1": {"GENRE": "a"}, "i2": {"GENRE": "b"}, "i3": {"GENRE": "put"}}
    assert shop.items() == {"i4": {"GENRE": "c"}, "i3": {"GENRE": "put"}}


def test_an_import_has_the_index_made_again(shop: Indexed) -> None:
    shop.make()
    first = shop.row().index_id
    with shop.stores.database.read() as session:
        counter = records.counter(session, records.INDEXES)
    shop.world.imported(shop.dataset, csv("i1,a,,,"))

    assert shop.row().index_id != first
    assert shop.jobs() == ["done", "done"]
    with shop.stores.database.read() as session:
        assert records.counter(session, records.INDEXES) > counter


def test_of_one_dataset_a_single_making_waits(shop: Indexed) -> None:
    with shop.stores.database.write() as session:
        dataset = records.named(session, DatasetRow, shop.dataset)
        begun = [begin_index(session, dataset, now=1.0) for _ in range(3)]
    waiting = shop.jobs()
    shop.world.settle()

    assert begun == [True, False, False]
    assert waiting == ["queued"]


def test_a_new_schema_brings_its_columns_into_the_index(shop: Indexed) -> None:
    shop.world.imported(shop.dataset, csv("i1,a,1,,"))
    shop.make()
    schema = shop.world.schema("Items", *ITEMS, {"name": "BRAND", "type": ["null", "string"]})
    shop.world.personalize.update_dataset(datasetArn=shop.dataset, schemaArn=schema)
    shop.world.settle()
    before, column = shop.items(), shop.model().column("BRAND")
    shop.put("i2", genre="a", brand="acme")
    shop.make()

    assert before == {"i1": {"GENRE": "a", "PRICE": 1.0}}
    assert isinstance(column, TextColumn)
    assert shop.items()["i2"] == {"GENRE": "a", "BRAND": "acme"}


def making(index: Indexed, work: Callable[[RunningJob, Stores], Publish]) -> None:
    """Have the index made by another work function."""
    index.readable()
    with index.stores.database.write() as session:
        begin_index(session, records.named(session, DatasetRow, index.dataset), now=index.stores.clock())
    assert Worker(index.stores, {**HANDLERS, INDEX_DATASET.kind: work}).run_one()


class EventfulJob(RunningJob):
    """A job during whose every step something happens."""

    happen: Callable[[], object]

    def progress(self, phase: str, percent: float) -> None:
        self.happen()
        super().progress(phase, percent)


def at_every_step(index: Indexed, happen: Callable[[], object]) -> None:
    """Have the index made while something happens again and again."""

    def work(job: RunningJob, stores: Stores) -> Publish:
        eventful = EventfulJob(job.claim, job.scratch, job._beat)
        eventful.happen = happen
        return index_dataset(eventful, stores)

    making(index, work)


def test_an_import_that_ends_while_the_first_index_is_made_is_in_the_next(shop: Indexed) -> None:
    def work(job: RunningJob, stores: Stores) -> Publish:
        publish = index_dataset(job, stores)
        shop.world.imported(shop.dataset, csv("i1,a,,,"))
        return publish

    making(shop, work)
    made, waiting = shop.items(), shop.jobs()
    shop.world.settle()

    assert made == {}
    assert waiting == ["done", "queued"]
    assert shop.items() == {"i1": {"GENRE": "a"}}
    assert shop.jobs() == ["done", "done"]


def test_exactly_what_is_put_while_an_index_is_made_lies_after_its_watermark(shop: Indexed) -> None:
    sent = ["n0"]
    shop.put("n0", genre="a")

    def put() -> None:
        sent.append(f"n{len(sent)}")
        shop.put(sent[-1], genre="a")

    at_every_step(shop, put)
    with shop.stores.database.read() as session:
        later = record_log.read_records(
            session, after=shop.watermark(), end=EVERYTHING, dataset_id=shop.row().id
        )
        missing = [stored.record.record_id for stored in later]

    assert list(shop.items()) == sent[: -len(missing)]
    assert missing == sent[1:]


def test_a_deleted_dataset_takes_its_index_along(shop: Indexed) -> None:
    shop.make()
    folder = shop.stores.artifacts / str(shop.row().index_id)
    with shop.stores.database.read() as session:
        counter = records.counter(session, records.INDEXES)
    shop.world.personalize.delete_dataset(datasetArn=shop.dataset)
    shop.world.settle()
    with shop.stores.database.read() as session:
        is_told = records.counter(session, records.INDEXES) > counter
    collect(shop.stores, grace_s=0.0)
    collect(shop.stores, grace_s=0.0)

    assert is_told
    assert not folder.exists()


def test_a_dataset_can_be_deleted_while_its_index_waits(shop: Indexed) -> None:
    with shop.stores.database.write() as session:
        begin_index(session, records.named(session, DatasetRow, shop.dataset), now=1.0)
    shop.world.personalize.delete_dataset(datasetArn=shop.dataset)
    shop.world.settle()

    assert shop.jobs() == ["cancelled"]
    assert shop.world.personalize.list_datasets()["datasets"] == []


def test_a_replaced_index_goes_but_stays_readable_where_it_is_mapped(shop: Indexed) -> None:
    shop.world.imported(shop.dataset, csv("i1,a,1,,"))
    shop.make()
    old, mapped = shop.stores.artifacts / str(shop.row().index_id), shop.model()
    shop.put("i2", genre="b")
    shop.make()
    collect(shop.stores, grace_s=0.0)
    collect(shop.stores, grace_s=0.0)

    assert not old.exists()
    assert mapped.value(mapped.ids.find("i1"), "PRICE") == 1.0
    assert set(shop.items()) == {"i1", "i2"}


def test_users_and_actions_are_indexed_too(world: World) -> None:
    group = world.dataset_group()
    users = Indexed(world, world.dataset(group, "Users"))
    actions = Indexed(world, world.dataset(group, "Actions"))
    world.imported(users.dataset, "USER_ID,AGE_GROUP\nu1,old\n")
    entry = {"actionId": "a1", "properties": json.dumps({"kind": "mail"})}
    world.events.put_actions(datasetArn=actions.dataset, actions=[entry])
    users.make()
    actions.make()

    found: ColumnTable = users.model()
    assert found.value(found.ids.find("u1"), "AGE_GROUP") == "old"
    found = actions.model()
    assert found.value(found.ids.find("a1"), "KIND") == "mail"


def pairs(index: Indexed, user: str) -> dict[tuple[str, str], int]:
    """The places of a user's pairs by type and item."""
    model: EventPairs = index.model()
    items, types, places = model.pairs_of(model.users.find(user))
    return {
        (model.types[type_], model.items.text(item)): place
        for item, type_, place in zip(items.tolist(), types.tolist(), places.tolist(), strict=True)
    }


def send(world: World, tracker: str, item: str, event_type: str, at: int, **members: Any) -> None:
    event = {"eventType": event_type, "itemId": item, "sentAt": at}
    world.events.put_events(trackingId=tracker, sessionId="visit", eventList=[event], **members)


def a_tracked_store(world: World, *fields: Any, text: str) -> tuple[Indexed, str]:
    group = world.dataset_group()
    dataset = world.dataset(group, "Interactions", *fields)
    world.imported(dataset, text)
    tracker = world.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)
    world.settle()
    return Indexed(world, dataset), tracker["trackingId"]


def test_imported_and_sent_events_are_pairs_of_their_users(world: World) -> None:
    index, tracker = a_tracked_store(
        world, *INTERACTIONS, text=plain_interactions(each=20, event_type="Click")
    )
    send(world, tracker, "i1", "CLICK", 1_700_000_000, userId="u3")
    send(world, tracker, "i2", "Buy", 1_700_000_001, userId="u3")
    send(world, tracker, "i2", "Buy", 1_700_000_002)
    index.make()

    found = pairs(index, "u3")
    assert found["CLICK", "i1"] == 0  # types are kept as they were sent
    assert found["Buy", "i2"] == 0
    # The newest imported event is the 20th: i(19 * 19 + 3) % 30.
    assert found["Click", f"i{(19 * 19 + 3) % 30}"] == 0
    assert pairs(index, "visit") == {("Buy", "i2"): 0}


def test_events_of_a_dataset_without_types_have_the_empty_one(world: World) -> None:
    index, _ = a_tracked_store(world, text=plain_interactions())
    index.make()

    assert {event_type for event_type, _ in pairs(index, "u1")} == {""}


def test_action_interactions_are_pairs_of_users_and_actions(world: World) -> None:
    index = Indexed(world, world.dataset(world.dataset_group(), "ActionInteractions"))
    world.imported(index.dataset, "USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP\nu1,a1,Taken,1\nu1,a2,Viewed,2\n")
    event = {"actionId": "a3", "sessionId": "s", "userId": "u1", "timestamp": 3, "eventType": "Not Taken"}
    tracking = world.personalize.describe_dataset(datasetArn=index.dataset)["dataset"]["trackingId"]
    world.events.put_action_interactions(trackingId=tracking, actionInteractions=[event])
    index.make()

    assert pairs(index, "u1") == {("Taken", "a1"): 0, ("Viewed", "a2"): 0, ("Not Taken", "a3"): 0}


def test_no_event_is_lost_or_twice_when_many_come_while_an_index_is_made(world: World) -> None:
    index, tracker = a_tracked_store(world, *INTERACTIONS, text=plain_interactions(event_type="Click"))
    sent: list[str] = []

    def visit() -> None:
        sent.append(f"n{len(sent)}")
        send(world, tracker, sent[-1], "Click", 1_700_000_000 + len(sent), userId="guest")

    visit()
    at_every_step(index, visit)
    index.world.settle()
    extra = artifacts.read_manifest(index.stores.artifacts / str(index.row().index_id))["extra"]
    with index.stores.database.read() as session:
        later = event_log.read(
            session, after=index.watermark(), end=EVERYTHING, group=int(extra["dataset_group_id"])
        )
        missing = [stored.event.item_id for stored in later]

    assert [item for _, item in pairs(index, "guest")] == sent[:1]
    assert missing == sent[1:]
    assert len(index.model().users) == 61


def test_a_campaign_with_metadata_has_the_items_indexed(world: World) -> None:
    group = world.dataset_group()
    items = Indexed(world, world.dataset(group, "Items", *ITEMS))
    world.imported(items.dataset, csv("i1,a,,,"))
    world.interactions(group)
    version = world.trained(world.solution(group))
    plain = world.campaign(version)
    before = items.row().index_id
    world.personalize.update_campaign(
        campaignArn=plain, campaignConfig={"enableMetadataWithRecommendations": True}
    )
    world.settle()

    assert before is None
    assert items.items() == {"i1": {"GENRE": "a"}}


def test_a_dataset_that_takes_the_place_of_a_deleted_one_is_indexed_for_its_filters(world: World) -> None:
    group = world.dataset_group()
    dataset = world.dataset(group, "Items", *ITEMS)
    world.personalize.create_filter(
        name="dramas",
        datasetGroupArn=group,
        filterExpression='INCLUDE ItemID WHERE Items.GENRE IN ("drama")',
    )
    world.settle()
    world.personalize.delete_dataset(datasetArn=dataset)
    world.settle()
    index = Indexed(world, world.dataset(group, "Items", *ITEMS))
    users = Indexed(world, world.dataset(group, "Users"))
    world.imported(index.dataset, csv("i1,drama,,,"))
    begin_wanted(index.stores)
    world.settle()

    assert index.items() == {"i1": {"GENRE": "drama"}}
    assert users.jobs() == []


def test_an_index_that_cannot_be_read_any_more_is_made_again(shop: Indexed) -> None:
    shop.put("i1", genre="a")
    shop.make()
    (shop.stores.artifacts / str(shop.row().index_id) / artifacts.MANIFEST).unlink()
    begin_wanted(shop.stores)
    shop.world.settle()

    assert shop.items() == {"i1": {"GENRE": "a"}}


def test_an_index_that_cannot_be_made_is_not_tried_again_at_once(shop: Indexed) -> None:
    shop.world.imported(shop.dataset, csv("i1,a,,,"))
    shop.make()
    made = str(shop.row().index_id)

    def work(job: RunningJob, stores: Stores) -> Publish:
        raise JobError("cannot be made")

    making(shop, work)
    (shop.stores.artifacts / made / artifacts.MANIFEST).unlink()
    begin_wanted(shop.stores)

    assert shop.jobs() == ["done", "failed"]
    assert shop.row().status == "ACTIVE"
    assert shop.row().index_id == made
    assert (shop.row().indexing or {})["status"] == "CREATE FAILED"


def test_an_index_is_made_again_when_much_was_put_after_it(shop: Indexed) -> None:
    shop.make()
    first = shop.row().index_id
    put(shop, RECORDS_BEHIND)
    begin_wanted(shop.stores)
    before = shop.jobs()
    put(shop, 1)
    begin_wanted(shop.stores)
    begin_wanted(shop.stores)
    after = shop.jobs()
    shop.world.settle()
    begin_wanted(shop.stores)

    assert (before, after) == (["done"], ["done", "queued"])
    assert shop.row().index_id != first
    assert shop.jobs() == ["done", "done"]
    assert len(shop.items()) == RECORDS_BEHIND


def put(shop: Indexed, number: int) -> None:
    with shop.stores.database.write() as session:
        for start in range(0, number, 1000):
            numbers = range(start, min(number, start + 1000))
            record_log.append_records(
                session,
                [record_log.Record(shop.row().id, f"n{each}", '{"GENRE":"a"}', 1.0) for each in numbers],
            )
