"""Every rule of schemas, with the text that says what to do."""

import json
from typing import Any

import pytest

from openpersonalize.domain.schemas import check_fits, parse_schema
from openpersonalize.errors import InvalidInputException

Field = dict[str, Any]


def field(name: str, kind: Any = "string", **members: Any) -> Field:
    return {"name": name, "type": kind} | members


USER, ITEM, TIME = field("USER_ID"), field("ITEM_ID"), field("TIMESTAMP", "long")
ACTION, EVENT_TYPE = field("ACTION_ID"), field("EVENT_TYPE")
GENRE = field("GENRE", categorical=True)
FLOAT_OR_NULL, TEXT_OR_NULL = ["null", "float"], ["null", "string"]


def text_of(name: Any, *fields: Any, **members: Any) -> str:
    document = {"type": "record", "name": name, "namespace": "com.amazonaws.personalize.schema"}
    return json.dumps(document | {"fields": list(fields), "version": "1.0"} | members)


def interactions(*fields: Any) -> str:
    return text_of("Interactions", USER, ITEM, TIME, *fields)


def items(*fields: Any) -> str:
    return text_of("Items", ITEM, *fields)


def own(count: int) -> list[Field]:
    return [field(f"OWN_{place}", "int") for place in range(count)]


def refusal(text: str, domain: str | None = None) -> str:
    with pytest.raises(InvalidInputException) as caught:
        parse_schema(text, domain)
    assert caught.value.message.startswith("Invalid schema. ")
    return caught.value.message.removeprefix("Invalid schema. ")


@pytest.mark.parametrize(
    "text",
    [
        interactions(),
        interactions(EVENT_TYPE, field("EVENT_VALUE", "float")),
        interactions(field("EVENT_VALUE", FLOAT_OR_NULL), field("IMPRESSION", TEXT_OR_NULL)),
        interactions(field("EVENT_VALUE", ["double", "null"]), field("RECOMMENDATION_ID", ["string"])),
        interactions(field("EVENT_ATTRIBUTION_SOURCE"), *own(5)),
        interactions(field("DISCOUNT"), field("DEVICE", TEXT_OR_NULL, categorical=True)),
        text_of("interactions", TIME, ITEM, USER),
        items(GENRE),
        items(field("PRICE", "double")),
        items(field("CREATION_TIMESTAMP", "long")),
        items(field("DESCRIPTION", TEXT_OR_NULL, textual=True), field("TITLE", itemName=True)),
        items(field("IS_NEW", "boolean"), field("NOTE"), *own(98)),
        text_of("Users", USER, field("AGE", ["int", "null"])),
        text_of("Users", USER, *own(25)),
        text_of("Actions", ACTION, field("VALUE", ["null", "long"]), field("TYPE", TEXT_OR_NULL)),
        text_of("ActionInteractions", USER, ACTION, EVENT_TYPE, TIME),
        text_of("Action_Interactions", USER, ACTION, EVENT_TYPE, TIME, *own(5)),
        text_of("Users", USER, GENRE, doc="free text", version="2.0"),
    ],
)
def test_a_schema_that_keeps_the_rules_is_read(text: str) -> None:
    schema = parse_schema(text)

    assert list(schema.columns.names) == [entry["name"] for entry in json.loads(text)["fields"]]


def test_a_column_says_what_its_field_declared() -> None:
    fields = field("G", TEXT_OR_NULL, categorical=True), field("T", textual=True), field("N", itemName=True)
    columns = parse_schema(items(field("P", ["double", "null"]), *fields)).columns.columns

    assert [(column.name, column.type, column.nullable) for column in columns] == [
        ("ITEM_ID", "string", False),
        ("P", "double", True),
        ("G", "string", True),
        ("T", "string", False),
        ("N", "string", False),
    ]
    assert [(column.categorical, column.textual, column.item_name) for column in columns[2:]] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "It is not JSON: Expecting value at line 1, column 1."),
        ('{"type": "record",\n "name" }', "at line 2, column 9."),
        ("[" * 19_000, "nested too deeply"),
        ("9" * 9_000, "It has a number with thousands of digits: correct"),
        ("[]", "It is []: write an object"),
        ('"record"', 'It is "record": write an object'),
        ('{"type": "record", "type": "record"}', 'The member "type" stands twice'),
        (text_of("Users", USER, GENRE, type="enum"), 'The type is "enum": write "type": "record".'),
        (text_of("Users", USER, GENRE, namespace=3), "The namespace is 3: write a string."),
        (text_of("Movies", USER, GENRE), 'The record\'s name is "Movies": write one of Interactions, Items,'),
        (text_of(None, USER, GENRE), "The record's name is missing"),
        (text_of(7, USER, GENRE), "The record's name is 7"),
        (text_of("Users"), "The fields are []: write a list"),
        (text_of("Users", fields={}), "The fields are {}: write a list"),
        (text_of("Users", USER, "AGE"), 'Field 2 is "AGE": write an object'),
        (text_of("Users", USER, {"type": "int"}), "Field 2 has the name missing"),
        (text_of("Users", USER, field("2ND", "int")), 'Field 2 has the name "2ND": write a letter'),
        (text_of("Users", USER, field("A-B", "int")), 'Field 2 has the name "A-B"'),
        (text_of("Users", USER, field("A\N{ARABIC-INDIC DIGIT ONE}", "int")), "Field 2 has the name"),
        (text_of("Users", USER, field("A" * 151, "int")), "at most 150 characters"),
    ],
)
def test_a_text_that_is_no_flat_record_is_refused(text: str, expected: str) -> None:
    assert expected in refusal(text)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("bytes", 'the type "bytes": write one of string, int, long, float, double, boolean.'),
        ("null", 'the type "null": write one type, or one type and "null"'),
        (["null"], 'the type ["null"]'),
        ([], "the type []: write one type"),
        (["string", "int"], 'the type ["string", "int"]: write one type, or one type and "null"'),
        (["null", "string", "int"], "write one type, or"),
        (["null", "null"], "write one type, or"),
        ({"type": "array", "items": "string"}, "only flat fields are possible"),
        (["null", {"type": "map", "values": "string"}], "has the type"),
        ("array", "only flat fields are possible"),
        (None, "the type missing"),
        (5, "the type 5"),
    ],
)
def test_a_type_that_no_column_can_have_is_refused(kind: Any, expected: str) -> None:
    text = refusal(text_of("Users", USER, field("AGE", kind)))

    assert text.startswith("Field 'AGE' has the type")
    assert expected in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (interactions(field("A_B"), field("a_b")), "Fields 'A_B' and 'a_b' have the same name"),
        (
            items(field("GENRES_FIELD_1"), field("GENRESFIELD1")),
            "Fields 'GENRES_FIELD_1' and 'GENRESFIELD1' have the same name",
        ),
        (text_of("Users", USER, USER), "Fields 'USER_ID' and 'USER_ID' have the same name"),
    ],
)
def test_names_differ_in_more_than_case_and_underscores(text: str, expected: str) -> None:
    assert expected in refusal(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            items(field("P", "int", categorical=True)),
            "Field 'P' has type int and is categorical: only string",
        ),
        (items(field("P", "long", textual=True)), "Field 'P' has type long and is textual"),
        (items(field("P", "float", itemName=True)), "Field 'P' has type float and is itemName"),
        (items(field("P", categorical="true")), 'Field \'P\' has "categorical": "true": write true or false'),
        (
            items(field("P", Categorical=True)),
            'Field \'P\' has the member "Categorical": write "categorical".',
        ),
        (items(field("P", itemname=True)), 'write "itemName".'),
        (items(field("P", categorical=True, textual=True)), "Field 'P' is categorical and textual: keep one"),
        (items(field("P", textual=True), field("Q", textual=True)), "Fields P, Q are textual: only one"),
        (items(field("P", itemName=True), field("Q", itemName=True)), "Fields P, Q are itemName: only one"),
        (
            text_of("Users", USER, field("P", textual=True)),
            "Field 'P' of USERS is textual: only fields of Items",
        ),
        (interactions(field("P", itemName=True)), "Field 'P' of INTERACTIONS is itemName"),
    ],
)
def test_flags_stand_where_they_can(text: str, expected: str) -> None:
    assert expected in refusal(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            text_of("Interactions", ITEM, TIME),
            "Field 'USER_ID' is missing: INTERACTIONS needs USER_ID, ITEM_ID,",
        ),
        (text_of("Interactions", USER, TIME), "Field 'ITEM_ID' is missing"),
        (text_of("Interactions", USER, ITEM), 'Add {"name": "TIMESTAMP", "type": "long"}.'),
        (text_of("Users", GENRE), "Field 'USER_ID' is missing: USERS needs USER_ID."),
        (text_of("Items", GENRE), "Field 'ITEM_ID' is missing"),
        (text_of("Actions", GENRE), "Field 'ACTION_ID' is missing"),
        (text_of("ActionInteractions", USER, ACTION, TIME), "Field 'EVENT_TYPE' is missing"),
        (text_of("Users", field("user_id"), GENRE), "Field 'user_id' is a reserved name in another spelling"),
        (text_of("Users", USER), "USERS has no metadata: add at least one field beside USER_ID."),
        (items(), "ITEMS has no metadata"),
        (text_of("Actions", ACTION), "ACTIONS has no metadata"),
    ],
)
def test_required_fields_are_there(text: str, expected: str) -> None:
    assert expected in refusal(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            text_of("Users", field("USER_ID", "int"), GENRE),
            "Field 'USER_ID' has type int: this reserved name",
        ),
        (
            text_of("Users", field("USER_ID", TEXT_OR_NULL), GENRE),
            "Field 'USER_ID' can be null: this one must not",
        ),
        (text_of("Users", field("USER_ID", categorical=True), GENRE), "Field 'USER_ID' is categorical"),
        (
            text_of("Interactions", USER, ITEM, field("TIMESTAMP", "int")),
            "has type int: this reserved name must be long",
        ),
        (
            text_of("Interactions", USER, ITEM, field("TIMESTAMP", ["long", "null"])),
            "'TIMESTAMP' can be null",
        ),
        (interactions(field("EVENT_TYPE", "int")), "Field 'EVENT_TYPE' has type int"),
        (interactions(field("EVENT_TYPE", TEXT_OR_NULL)), "Field 'EVENT_TYPE' can be null"),
        (interactions(field("EVENT_TYPE", categorical=True)), "Field 'EVENT_TYPE' is categorical"),
        (interactions(field("EVENT_VALUE", "string")), "Field 'EVENT_VALUE' has type string"),
        (interactions(field("IMPRESSION", "long")), "Field 'IMPRESSION' has type long"),
        (interactions(field("RECOMMENDATION_ID", "long")), "Field 'RECOMMENDATION_ID' has type long"),
        (items(field("CREATION_TIMESTAMP", "float")), "Field 'CREATION_TIMESTAMP' has type float"),
        (text_of("Actions", ACTION, field("VALUE", "string")), "Field 'VALUE' has type string"),
        (
            text_of("Actions", ACTION, field("REPEAT_FREQUENCY", "int")),
            "Field 'REPEAT_FREQUENCY' has type int",
        ),
    ],
)
def test_reserved_names_have_their_types(text: str, expected: str) -> None:
    assert expected in refusal(text)


@pytest.mark.parametrize(
    ("text", "most"),
    [
        (interactions(EVENT_TYPE, *own(6)), 5),
        (text_of("Users", USER, *own(26)), 25),
        (items(*own(101)), 100),
        (text_of("Actions", ACTION, *own(11)), 10),
        (text_of("ActionInteractions", USER, ACTION, EVENT_TYPE, TIME, *own(6)), 5),
    ],
)
def test_there_are_only_so_many_fields_of_ones_own(text: str, most: int) -> None:
    message = refusal(text)

    assert message.startswith(f"{most + 1} fields of your own are too many")
    assert message.endswith("Remove 1.")


SHOP_ITEM = (field("PRICE", "float"), field("CATEGORY_L1", ["string"], categorical=True))
VIDEO_ITEM = (field("CREATION_TIMESTAMP", "long"), field("GENRES", ["string"], categorical=True))


@pytest.mark.parametrize(
    ("domain", "text"),
    [
        ("ECOMMERCE", interactions(EVENT_TYPE)),
        ("VIDEO_ON_DEMAND", interactions(EVENT_TYPE, field("EVENT_VALUE", FLOAT_OR_NULL))),
        ("ECOMMERCE", items(*SHOP_ITEM)),
        ("ECOMMERCE", items(*SHOP_ITEM, field("PRODUCT_DESCRIPTION", TEXT_OR_NULL, textual=True))),
        ("VIDEO_ON_DEMAND", items(*VIDEO_ITEM, field("DURATION", FLOAT_OR_NULL))),
        ("ECOMMERCE", text_of("Users", USER, field("MEMBERSHIP_STATUS", categorical=True))),
        ("VIDEO_ON_DEMAND", text_of("Users", USER, field("SUBSCRIPTION_MODEL", categorical=True))),
    ],
)
def test_default_schemas_of_the_domains_are_read(domain: str, text: str) -> None:
    assert parse_schema(text, domain).columns.columns


@pytest.mark.parametrize(
    ("domain", "text", "expected"),
    [
        ("ECOMMERCE", interactions(), "Field 'EVENT_TYPE' is missing"),
        ("ECOMMERCE", items(SHOP_ITEM[1]), "Field 'PRICE' is missing"),
        (
            "ECOMMERCE",
            items(SHOP_ITEM[0]),
            'Add {"name": "CATEGORY_L1", "type": "string", "categorical": true}.',
        ),
        ("ECOMMERCE", items(SHOP_ITEM[0], field("CATEGORY_L1")), "Field 'CATEGORY_L1' is not categorical"),
        ("ECOMMERCE", items(*SHOP_ITEM, field("GENDER")), "Field 'GENDER' is not categorical"),
        ("ECOMMERCE", items(*SHOP_ITEM, field("PRODUCT_DESCRIPTION")), "is not textual"),
        ("ECOMMERCE", items(field("PRICE", "long"), SHOP_ITEM[1]), "Field 'PRICE' has type long"),
        ("VIDEO_ON_DEMAND", items(VIDEO_ITEM[1]), "Field 'CREATION_TIMESTAMP' is missing"),
        ("VIDEO_ON_DEMAND", items(VIDEO_ITEM[0], field("GENRES")), "Field 'GENRES' is not categorical"),
        ("VIDEO_ON_DEMAND", items(*VIDEO_ITEM, field("PRICE", "string")), "Field 'PRICE' has type string"),
        ("VIDEO_ON_DEMAND", text_of("Users", USER), "USERS has no metadata"),
        ("ECOMMERCE", text_of("Actions", ACTION, GENRE), "of domain ECOMMERCE cannot describe ACTIONS"),
    ],
)
def test_a_domain_has_rules_of_its_own(domain: str, text: str, expected: str) -> None:
    assert expected in refusal(text, domain)


def test_a_schema_fits_the_dataset_type_that_its_record_names() -> None:
    schema = parse_schema(items(GENRE))
    check_fits(schema, "ITEMS")

    with pytest.raises(
        InvalidInputException, match=r"named Items, which is for ITEMS .* use a schema named Users"
    ):
        check_fits(schema, "USERS")
