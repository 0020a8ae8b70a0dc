"""PutItems, PutUsers and PutActions through boto3: what is stored, and what is refused."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import select

from openpersonalize.storage.log_tables import RecordRow
from openpersonalize.storage.tables import DatasetRow
from tests.api.refusals import refused
from tests.world import World, text_field

FIELDS = [
    text_field("ITEM_ID"),
    text_field("GENRES", categorical=True),
    {"name": "PRICE", "type": ["null", "float"]},
    {"name": "NUM_RATINGS", "type": ["null", "int"]},
    {"name": "IS_ADULT", "type": ["null", "boolean"]},
    {"name": "DESCRIPTION", "type": ["null", "string"], "textual": True},
    {"name": "TITLE", "type": ["null", "string"]},
    {"name": "CREATION_TIMESTAMP", "type": ["null", "long"]},
]
DRAMA = {"genres": "Drama"}


@dataclass(frozen=True)
class Shop:
    """A group with an ACTIVE Items dataset."""

    world: World
    group: str
    dataset: str

    def put(self, *items: tuple[str, Any]) -> int:
        """Put items, each an id and its properties; the HTTP status."""
        entries = [{"itemId": item_id} | _properties(properties) for item_id, properties in items]
        answer = self.world.events.put_items(datasetArn=self.dataset, items=entries)
        return int(answer["ResponseMetadata"]["HTTPStatusCode"])

    def refused(self, properties: Any, code: str = "InvalidInputException") -> str:
        """What is said of an item that must be refused."""
        return refused(code, lambda: self.put(("i", properties)))

    def stored(self) -> list[tuple[str, Any]]:
        """All versions, oldest first."""
        return stored(self.world, self.dataset)


def _properties(properties: Any) -> dict[str, Any]:
    if properties is None:
        return {}
    return {"properties": properties if isinstance(properties, str) else json.dumps(properties)}


def stored(world: World, dataset: str) -> list[tuple[str, Any]]:
    query = select(RecordRow).join(DatasetRow, DatasetRow.id == RecordRow.dataset_id)
    with world.server.stores.database.read() as session:
        rows = session.scalars(query.where(DatasetRow.arn == dataset).order_by(RecordRow.id))
        return [
            (row.record_id, None if row.properties is None else json.loads(row.properties)) for row in rows
        ]


@pytest.fixture
def shop(world: World) -> Shop:
    """A shop without an item."""
    group = world.dataset_group()
    return Shop(world, group, world.dataset(group, "Items", *FIELDS))


def test_an_item_is_stored_by_the_columns_of_its_schema(shop: Shop) -> None:
    status = shop.put(
        (
            "i1",
            {
                "genres": "Horror|Action",
                "price": "9.5",
                "numRatings": 7.0,
                "isAdult": "TRUE",
                "title": "",
                "creationTimestamp": 1_700_000_000,
                "shelf": "no column",
            },
        )
    )

    assert status == 200
    expected = {"GENRES": "Horror|Action", "PRICE": 9.5, "NUM_RATINGS": 7, "IS_ADULT": True}
    assert shop.stored() == [("i1", expected | {"CREATION_TIMESTAMP": 1_700_000_000})]


def test_the_answer_is_empty(shop: Shop) -> None:
    world = World(shop.world.server, account="000000000000")
    group = world.dataset_group(f"group-{shop.world.account}")
    dataset = world.dataset(group, "Users")
    properties = json.dumps({"ageGroup": "old"})
    body = {"datasetArn": dataset, "users": [{"userId": "u", "properties": properties}]}
    answer = world.http.post("/users", json=body)

    assert (answer.status_code, answer.content) == (200, b"")


def test_every_version_of_an_item_is_kept_in_order(shop: Shop) -> None:
    shop.put(("i1", {"genres": "Drama"}), ("i2", DRAMA), ("i1", {"genres": "Comedy"}))
    shop.put(("i1", {"genres": "Horror", "price": 1}))

    assert shop.stored() == [
        ("i1", {"GENRES": "Drama"}),
        ("i2", {"GENRES": "Drama"}),
        ("i1", {"GENRES": "Comedy"}),
        ("i1", {"GENRES": "Horror", "PRICE": 1.0}),
    ]


@pytest.mark.parametrize(("record", "key"), [("Users", "userId"), ("Actions", "actionId")])
def test_users_and_actions_are_stored_too(world: World, record: str, key: str) -> None:
    category = text_field("KIND", categorical=True)
    dataset = world.dataset(world.dataset_group(), record, text_field(f"{key[:-2].upper()}_ID"), category)
    put = {"Users": world.events.put_users, "Actions": world.events.put_actions}[record]
    put(datasetArn=dataset, **{record.lower(): [{key: "one", "properties": '{"kind":"mail"}'}]})

    assert stored(world, dataset) == [("one", {"KIND": "mail"})]


def test_items_of_a_domain_are_stored_by_its_schema(world: World) -> None:
    fields = [
        *(text_field("ITEM_ID"), text_field("GENRES", categorical=True)),
        {"name": "CREATION_TIMESTAMP", "type": "long"},
    ]
    dataset = world.personalize.create_dataset(
        name="it",
        datasetGroupArn=world.dataset_group(domain="VIDEO_ON_DEMAND"),
        datasetType="Items",
        schemaArn=world.schema("Items", *fields, domain="VIDEO_ON_DEMAND"),
    )["datasetArn"]
    world.settle()
    shop = Shop(world, "", dataset)

    assert "demands a value of CREATION_TIMESTAMP: give creationTimestamp" in shop.refused(DRAMA)
    shop.put(("film", DRAMA | {"creationTimestamp": 1_700_000_000}))
    assert shop.stored() == [("film", {"GENRES": "Drama", "CREATION_TIMESTAMP": 1_700_000_000})]


def test_a_record_without_properties_is_stored_when_all_columns_may_be_null(world: World) -> None:
    nullable = {"name": "AGE_GROUP", "type": ["null", "string"], "categorical": True}
    dataset = world.dataset(world.dataset_group(), "Users", text_field("USER_ID"), nullable)
    world.events.put_users(datasetArn=dataset, users=[{"userId": "one"}])

    assert stored(world, dataset) == [("one", None)]


@pytest.mark.parametrize("text", ["{", "[]", '"{}"', "7", '{"a":"\\u0000"}'])
def test_properties_are_the_text_of_a_json_object(shop: Shop, text: str) -> None:
    assert shop.refused(text).startswith("items.1: Error parsing properties json")


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (None, "The schema demands a value of GENRES: give genres in properties"),
        ({"genres": ""}, "The schema demands a value of GENRES"),
        ({"genres": None}, "The schema demands a value of GENRES"),
        ({"genres": 7}, "The property genres must be a string: column GENRES is string."),
        (DRAMA | {"price": "dear"}, "The property price must be a number."),
        (DRAMA | {"price": 1e39}, "The property price must be a number in the range of float"),
        (
            DRAMA | {"numRatings": 1.5},
            "must be a whole number in the range of int: column NUM_RATINGS is int.",
        ),
        (DRAMA | {"numRatings": 2**31}, "must be a whole number in the range of int"),
        (DRAMA | {"isAdult": 1}, "The property isAdult must be a boolean"),
        (DRAMA | {"creationTimestamp": 1_700_000_000_000}, "(seconds since 1970, not milliseconds)"),
        (DRAMA | {"creationTimestamp": -1}, "must be a whole number from 0 to 9999999999"),
        ({"genres": "a" * 1001}, "The property genres must have at most 1000 characters"),
        (DRAMA | {"title": "é" * 1001}, "The property title must have at most 1000 characters"),
    ],
)
def test_what_the_schema_does_not_take_is_refused(shop: Shop, properties: Any, expected: str) -> None:
    assert expected in shop.refused(properties)
    assert shop.stored() == []


def test_a_long_textual_value_is_cut_and_a_long_category_is_taken(shop: Shop) -> None:
    shop.put(("i", {"genres": "a" * 1000, "description": "x" * 20_001}))

    ((_, properties),) = shop.stored()
    assert properties == {"GENRES": "a" * 1000, "DESCRIPTION": "x" * 20_000}


@pytest.mark.parametrize(("name", "wrong"), [("value", 11), ("value", 0), ("repeatFrequency", 31)])
def test_reserved_columns_of_actions_have_their_ranges(world: World, name: str, wrong: int) -> None:
    fields = [{"name": column, "type": ["null", "long"]} for column in ("VALUE", "REPEAT_FREQUENCY")]
    dataset = world.dataset(world.dataset_group(), "Actions", text_field("ACTION_ID"), *fields)

    def put(number: int) -> None:
        properties = json.dumps({name: number})
        world.events.put_actions(datasetArn=dataset, actions=[{"actionId": "a", "properties": properties}])

    assert "must be a whole number from" in refused("InvalidInputException", lambda: put(wrong))
    put(10)
    assert len(stored(world, dataset)) == 1


def test_a_call_is_stored_as_a_whole_or_not_at_all(shop: Shop) -> None:
    message = refused(
        "InvalidInputException", lambda: shop.put(("i1", DRAMA), ("i2", {}), ("i3", DRAMA), ("i4", {}))
    )

    assert [part.partition(":")[0] for part in message.split(" ") if part.startswith("items.")] == [
        "items.2",
        "items.4",
    ]
    assert shop.stored() == []


def test_a_dataset_of_another_type_is_refused(shop: Shop) -> None:
    message = refused(
        "InvalidInputException", shop.world.events.put_users, datasetArn=shop.dataset, users=[{"userId": "u"}]
    )

    assert message == f"{shop.dataset} is a dataset of ITEMS: name one of USERS."


def test_an_unknown_dataset_is_not_found(world: World) -> None:
    with pytest.raises(ClientError) as caught:
        world.events.put_items(datasetArn=world.arn("dataset", "store", "ITEMS"), items=[{"itemId": "i"}])

    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_the_dataset_of_another_account_or_region_is_not_found(shop: Shop) -> None:
    for stranger in (World(shop.world.server), shop.world.elsewhere(region="eu-west-1")):
        theirs = Shop(stranger, shop.group, shop.dataset)
        message = refused("ResourceNotFoundException", lambda theirs=theirs: theirs.put(("i", DRAMA)))

        assert message == f"The given dataset does not exist: {shop.dataset}"
    assert shop.stored() == []


def test_a_dataset_takes_records_only_while_it_is_active(world: World) -> None:
    dataset = world.personalize.create_dataset(
        name="it",
        datasetGroupArn=world.dataset_group(),
        datasetType="Items",
        schemaArn=world.schema("Items", *FIELDS),
    )["datasetArn"]
    shop = Shop(world, "", dataset)

    def status_of(put: Callable[[], Any]) -> tuple[str, int]:
        with pytest.raises(ClientError) as caught:
            put()
        answer: Any = caught.value.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]

    assert status_of(lambda: shop.put(("i", DRAMA))) == ("ResourceInUseException", 409)
    world.settle()
    assert shop.put(("i", DRAMA)) == 200
    world.personalize.delete_dataset(datasetArn=dataset)
    assert status_of(lambda: shop.put(("i", DRAMA))) == ("ResourceInUseException", 409)


def test_concurrent_calls_are_all_kept(shop: Shop) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: shop.put((f"i{number}", DRAMA)), range(60)))

    assert sorted(record_id for record_id, _ in shop.stored()) == sorted(f"i{number}" for number in range(60))


def test_versions_are_numbered_by_their_transaction_where_several_write_at_a_time(shop: Shop) -> None:
    shop.put(("i1", DRAMA), ("i2", DRAMA))
    shop.put(("i3", DRAMA))
    with shop.world.server.stores.database.read() as session:
        query = select(RecordRow.txid).join(DatasetRow, DatasetRow.id == RecordRow.dataset_id)
        numbers = list(session.scalars(query.where(DatasetRow.arn == shop.dataset).order_by(RecordRow.id)))

    if shop.world.server.stores.database.is_sqlite:
        assert numbers == [0, 0, 0]
    else:
        assert 0 < numbers[0] == numbers[1] < numbers[2]
