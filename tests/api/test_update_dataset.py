"""UpdateDataset through boto3: a schema with more fields takes the place of the old one."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest
from botocore.exceptions import ClientError

from openpersonalize.errors import JobError
from openpersonalize.jobs.lifecycle import UPDATE_DATASET
from openpersonalize.jobs.worker import Publish, RunningJob, Worker
from openpersonalize.storage.generations import part_paths
from openpersonalize.storage.stores import Stores
from openpersonalize.work.datasets import update_dataset
from tests.api.refusals import refused
from tests.api.test_put_records import stored
from tests.world import World, plain_interactions, text_field, until

OLD = [text_field("ITEM_ID"), text_field("GENRE", categorical=True)]
PRICE = {"name": "PRICE", "type": ["null", "float"]}
PENDING, RUNNING = "UPDATE PENDING", "UPDATE IN_PROGRESS"


@dataclass(frozen=True)
class Shop:
    """A group with an ACTIVE Items dataset of two columns."""

    world: World
    group: str
    dataset: str

    def update(self, *fields: Any, record: str = "Items", **members: Any) -> str:
        """Ask for a schema of the given fields; its ARN."""
        schema = self.world.schema(record, *fields, **members)
        answer = self.world.personalize.update_dataset(datasetArn=self.dataset, schemaArn=schema)
        assert answer["datasetArn"] == self.dataset
        return schema

    def described(self) -> dict[str, Any]:
        found: dict[str, Any] = self.world.personalize.describe_dataset(datasetArn=self.dataset)["dataset"]
        return found

    def put(self, item_id: str, **properties: Any) -> None:
        """Put one item."""
        item = {"itemId": item_id, "properties": json.dumps(properties)}
        self.world.events.put_items(datasetArn=self.dataset, items=[item])


def a_shop(world: World) -> Shop:
    group = world.dataset_group()
    return Shop(world, group, world.dataset(group, "Items", *OLD))


@pytest.fixture
def shop(world: World) -> Shop:
    return a_shop(world)


def test_the_new_schema_holds_when_the_update_has_ended(shop: Shop) -> None:
    before = shop.described()
    schema = shop.update(*OLD, PRICE)
    pending = shop.described()
    shop.world.settle()
    after = shop.described()

    assert "latestDatasetUpdate" not in before
    assert (pending["status"], pending["schemaArn"]) == (PENDING, before["schemaArn"])
    update = pending["latestDatasetUpdate"]
    assert (update["status"], update["schemaArn"]) == (PENDING, schema)
    assert (after["status"], after["schemaArn"]) == ("ACTIVE", schema)
    update = after["latestDatasetUpdate"]
    assert (update["status"], update["schemaArn"]) == ("ACTIVE", schema)
    assert update["creationDateTime"] == pending["latestDatasetUpdate"]["creationDateTime"]
    assert update["creationDateTime"] <= update["lastUpdatedDateTime"]
    assert "failureReason" not in update
    assert after["creationDateTime"] == before["creationDateTime"]


def test_a_second_update_takes_the_place_of_the_first(shop: Shop) -> None:
    shop.update(*OLD, PRICE)
    shop.world.settle()
    schema = shop.update(PRICE, *reversed(OLD), {"name": "YEAR", "type": ["int", "null"]})
    shop.world.settle()

    assert shop.described()["latestDatasetUpdate"]["schemaArn"] == schema == shop.described()["schemaArn"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([OLD[0], PRICE], "Field 'GENRE' is missing: a new schema keeps every field of the old one."),
        ([OLD[0], text_field("GENRE"), PRICE], "Field 'GENRE' differs from that of the old schema"),
        ([OLD[0], {"name": "GENRE", "type": "int"}, PRICE], "Field 'GENRE' differs"),
        (
            [OLD[0], {"name": "GENRE", "type": ["null", "string"], "categorical": True}, PRICE],
            "Field 'GENRE' differs",
        ),
        ([*OLD, {"name": "PRICE", "type": "float"}], "The new field 'PRICE' cannot be null"),
        (OLD, "It has no field that the old schema has not"),
    ],
)
def test_old_fields_stay_and_new_ones_can_be_null(shop: Shop, fields: list[Any], expected: str) -> None:
    assert expected in refused("InvalidInputException", lambda: shop.update(*fields))
    assert shop.described()["status"] == "ACTIVE"
    assert "latestDatasetUpdate" not in shop.described()


def test_a_schema_of_another_type_or_domain_is_refused(shop: Shop) -> None:
    users = [text_field("USER_ID"), *OLD]
    vod = [
        *(text_field("ITEM_ID"), text_field("GENRES", categorical=True), OLD[1], PRICE),
        {"name": "CREATION_TIMESTAMP", "type": "long"},
    ]

    message = refused("InvalidInputException", lambda: shop.update(*users, record="Users"))
    assert "named Users, which is for USERS datasets: for ITEMS, use a schema named Items" in message
    message = refused("InvalidInputException", lambda: shop.update(*vod, domain="VIDEO_ON_DEMAND"))
    assert "The schema's domain is VIDEO_ON_DEMAND, the dataset's is none" in message


def test_a_dataset_s_own_schema_is_no_change(shop: Shop) -> None:
    own = shop.described()["schemaArn"]
    call = shop.world.personalize.update_dataset

    message = refused("InvalidInputException", call, datasetArn=shop.dataset, schemaArn=own)
    assert "It has no field that the old schema has not" in message


@pytest.mark.parametrize("record", ["Interactions", "Actions", "ActionInteractions"])
def test_other_datasets_keep_their_schemas(world: World, record: str) -> None:
    dataset = world.dataset(world.dataset_group(), record)
    call = world.personalize.update_dataset
    message = refused("InvalidInputException", call, datasetArn=dataset, schemaArn=world.schema(record))

    assert "only the schemas of Items and Users can be replaced" in message


def test_users_can_be_updated_too(world: World) -> None:
    dataset = world.dataset(world.dataset_group(), "Users")
    fields = [text_field("USER_ID"), text_field("AGE_GROUP", categorical=True), PRICE]
    schema = Shop(world, "", dataset).update(*fields, record="Users")
    world.settle()

    assert world.personalize.describe_dataset(datasetArn=dataset)["dataset"]["schemaArn"] == schema


def test_dataset_and_schema_must_exist(shop: Shop) -> None:
    call = shop.world.personalize.update_dataset
    none, schema = shop.world.arn("dataset", "none", "ITEMS"), shop.world.schema("Items", *OLD, PRICE)

    refused("ResourceNotFoundException", call, datasetArn=none, schemaArn=schema)
    no_schema = shop.world.arn("schema", "none")
    refused("ResourceNotFoundException", call, datasetArn=shop.dataset, schemaArn=no_schema)


def test_an_update_that_fails_says_so_and_leaves_the_dataset_as_it_was(shop: Shop) -> None:
    before = shop.described()
    shop.update(*OLD, PRICE)
    hand = Worker(shop.world.server.stores, {UPDATE_DATASET.kind: fail})
    until(hand.run_one, "the update is tried")
    after = shop.described()

    assert (after["status"], after["schemaArn"]) == ("ACTIVE", before["schemaArn"])
    update = after["latestDatasetUpdate"]
    assert (update["status"], update["failureReason"]) == ("CREATE FAILED", "No room is left.")
    shop.put("i", genre="x")
    shop.update(*OLD, PRICE)
    assert shop.described()["latestDatasetUpdate"]["status"] == PENDING
    shop.world.settle()
    assert "failureReason" not in shop.described()["latestDatasetUpdate"]


def fail(job: RunningJob, stores: Stores) -> Publish:
    raise JobError("No room is left.")


def test_the_dataset_is_in_progress_while_the_update_runs(shop: Shop) -> None:
    seen: list[dict[str, Any]] = []

    def look(job: RunningJob, stores: Stores) -> Publish:
        seen.append(shop.described())
        return update_dataset(job, stores)

    shop.update(*OLD, PRICE)
    assert Worker(shop.world.server.stores, {UPDATE_DATASET.kind: look}).run_one()

    assert [each["status"] for each in seen] == [RUNNING]
    assert seen[0]["latestDatasetUpdate"]["status"] == RUNNING
    assert shop.described()["status"] == "ACTIVE"


def test_nothing_else_begins_while_the_schema_is_replaced(shop: Shop) -> None:
    client, world = shop.world.personalize, shop.world
    schema = shop.update(*OLD, PRICE)
    source = {"dataLocation": world.upload("ITEM_ID,GENRE\na,x\n")}
    again = world.schema("Items", *OLD, PRICE)
    begun: list[Callable[[], Any]] = [
        lambda: client.update_dataset(datasetArn=shop.dataset, schemaArn=again),
        lambda: client.create_dataset_import_job(
            jobName="import", datasetArn=shop.dataset, dataSource=source
        ),
        lambda: client.delete_dataset(datasetArn=shop.dataset),
        lambda: client.delete_schema(schemaArn=schema),
    ]

    for begin in begun:
        refused("ResourceInUseException", begin)
    with pytest.raises(ClientError) as caught:
        shop.put("i", genre="x")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    world.settle()
    shop.put("i", genre="x", price=1)


def test_of_updates_at_the_same_time_one_is_taken(shop: Shop) -> None:
    schemas = [shop.world.schema("Items", *OLD, PRICE) for _ in range(6)]

    def update(schema: str) -> str:
        try:
            shop.world.personalize.update_dataset(datasetArn=shop.dataset, schemaArn=schema)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return schema

    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(update, schemas))
    (taken,) = set(outcomes) & set(schemas)
    assert outcomes.count("ResourceInUseException") == 5
    shop.world.settle()
    assert shop.described()["schemaArn"] == taken


def test_a_schema_is_not_replaced_while_an_import_reads_by_it(shop: Shop) -> None:
    client = shop.world.personalize
    source = {"dataLocation": shop.world.upload("ITEM_ID,GENRE\na,x\n")}
    client.create_dataset_import_job(jobName="import", datasetArn=shop.dataset, dataSource=source)

    message = refused("ResourceInUseException", lambda: shop.update(*OLD, PRICE))
    assert "dataset-import-job/import" in message
    shop.world.settle()
    shop.update(*OLD, PRICE)


def test_the_old_schema_can_be_deleted_afterwards_and_the_new_one_cannot(shop: Shop) -> None:
    client, old = shop.world.personalize, shop.described()["schemaArn"]
    new = shop.update(*OLD, PRICE)
    refused("ResourceInUseException", client.delete_schema, schemaArn=old)
    shop.world.settle()

    client.delete_schema(schemaArn=old)
    refused("ResourceInUseException", client.delete_schema, schemaArn=new)


def test_records_fill_the_new_columns_once_they_are_there(shop: Shop) -> None:
    shop.put("i1", genre="x", price=1)
    shop.update(*OLD, PRICE)
    shop.world.settle()
    shop.put("i2", genre="x", price=2)

    assert stored(shop.world, shop.dataset) == [
        ("i1", {"GENRE": "x"}),
        ("i2", {"GENRE": "x", "PRICE": 2.0}),
    ]


@pytest.mark.parametrize("recipe", ["aws-popularity-count", "aws-user-personalization"])
def test_imports_of_both_schemas_are_trained_on_together(world: World, recipe: str) -> None:
    shop = a_shop(world)
    world.imported(shop.dataset, "ITEM_ID,GENRE\ni0,x\nold,x\n")
    shop.update(OLD[0], PRICE, OLD[1])
    world.settle()
    missing = world.imported(shop.dataset, "ITEM_ID,GENRE\nnew,x\n", importMode="INCREMENTAL")
    world.imported(shop.dataset, "ITEM_ID,GENRE,PRICE\ni1,x,1.5\nnew,x,2\n", importMode="INCREMENTAL")
    frames = [
        pl.read_parquet(path) for folder in world.generations(shop.dataset) for path in part_paths(folder)
    ]
    world.interactions(shop.group, plain_interactions(n_users=60, n_items=30))
    version = world.trained(world.solution(shop.group, recipe))
    described = world.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
    failed = world.personalize.describe_dataset_import_job(datasetImportJobArn=missing)["datasetImportJob"]

    assert "missing the following columns: [PRICE]" in failed["failureReason"]
    assert [frame.columns for frame in frames] == [["ITEM_ID", "GENRE"], ["ITEM_ID", "PRICE", "GENRE"]]
    assert described["status"] == "ACTIVE", described
