"""Schemas through boto3; their rules are tested in tests/unit/domain/test_schemas.py."""

import json

from tests.api.refusals import refused
from tests.world import FIELDS, World


def test_a_schema_is_there_at_once_with_the_text_as_given(world: World) -> None:
    text = json.dumps(
        {"version": "1.0", "type": "record", "name": "Users", "fields": FIELDS["Users"]}, indent=3
    )
    arn = world.personalize.create_schema(name="users", schema=text)["schemaArn"]
    found = world.personalize.describe_schema(schemaArn=arn)["schema"]

    assert arn == world.arn("schema", "users")
    assert found["schema"] == text
    assert set(found) == {"name", "schemaArn", "schema", "creationDateTime", "lastUpdatedDateTime"}


def test_lists_leave_the_text_out(world: World) -> None:
    world.schema("Users", name="users")
    world.schema(
        "Items", {"name": "ITEM_ID", "type": "string"}, *_shop_fields(), name="shop", domain="ECOMMERCE"
    )
    users, shop = world.personalize.list_schemas()["schemas"]

    assert set(users) == {"name", "schemaArn", "creationDateTime", "lastUpdatedDateTime"}
    assert (shop["name"], shop["domain"]) == ("shop", "ECOMMERCE")


def _shop_fields() -> list[dict[str, object]]:
    return [
        {"name": "PRICE", "type": "float"},
        {"name": "CATEGORY_L1", "type": "string", "categorical": True},
    ]


def test_a_schema_that_breaks_a_rule_is_refused_with_the_remedy(world: World) -> None:
    message = refused(
        "InvalidInputException",
        world.personalize.create_schema,
        name="users",
        schema=json.dumps(
            {"type": "record", "name": "Users", "fields": [{"name": "USER_ID", "type": "int"}]}
        ),
    )

    assert message == "Invalid schema. Field 'USER_ID' has type int: this reserved name must be string."
    assert world.personalize.list_schemas()["schemas"] == []


def test_a_name_is_taken_once(world: World) -> None:
    arn = world.schema("Users", name="users")
    text = world.personalize.describe_schema(schemaArn=arn)["schema"]["schema"]
    message = refused(
        "ResourceAlreadyExistsException", world.personalize.create_schema, name="users", schema=text
    )

    assert message == f"Another resource with Arn {arn} already exists."


def test_a_schema_goes_at_once_unless_a_dataset_uses_it(world: World) -> None:
    dataset = world.dataset(world.dataset_group())
    used = world.personalize.describe_dataset(datasetArn=dataset)["dataset"]["schemaArn"]
    unused = world.schema()
    world.personalize.delete_schema(schemaArn=unused)

    message = refused("ResourceNotFoundException", world.personalize.describe_schema, schemaArn=unused)
    assert message == f"Resource Arn {unused} does not exist."
    refused("ResourceNotFoundException", world.personalize.delete_schema, schemaArn=unused)
    message = refused("ResourceInUseException", world.personalize.delete_schema, schemaArn=used)
    assert f"in use by the dataset {dataset}" in message
    world.personalize.delete_dataset(datasetArn=dataset)
    world.settle()
    world.personalize.delete_schema(schemaArn=used)
