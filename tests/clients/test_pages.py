"""Lists are walked to their end by the paginators of other makers' clients."""

import pytest

from tests.clients.foreign import Client
from tests.world import World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def schemas(client: Client, owner: World) -> list[str]:
    """Seven schemas, in the order of the list."""
    for _ in range(7):
        owner.schema()
    return [schema["schemaArn"] for schema in owner.personalize.list_schemas(maxResults=100)["schemas"]]


@pytest.mark.parametrize("page_size", [1, 3, 100])
def test_a_paginator_finds_each_resource_once_and_in_order(
    client: Client, schemas: list[str], page_size: int
) -> None:
    found = client.pages("ListSchemas", page_size)["schemas"]

    assert [schema["schemaArn"] for schema in found] == schemas


def test_a_filter_holds_on_every_page(client: Client) -> None:
    found = client.pages("ListRecipes", 2, domain="VIDEO_ON_DEMAND")["recipes"]

    assert len(found) > 2
    assert {recipe["domain"] for recipe in found} == {"VIDEO_ON_DEMAND"}


def test_pages_can_be_turned_by_hand(client: Client, schemas: list[str]) -> None:
    first = client.call("personalize", "ListSchemas", maxResults=3)
    second = client.call("personalize", "ListSchemas", maxResults=100, nextToken=first["nextToken"])

    found = [schema["schemaArn"] for page in (first, second) for schema in page["schemas"]]
    assert found == schemas
    assert "nextToken" not in second
