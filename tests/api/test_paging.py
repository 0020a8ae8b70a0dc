"""Every list can be walked to its end, at any page size, and whatever is added or deleted on the way."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore import xform_name
from sqlalchemy import delete, select

from openpersonalize.control import service
from openpersonalize.storage.tables import DatasetGroupRow, MetricAttributionRow
from tests.api.refusals import refused
from tests.api.rows import KINDS, fill
from tests.world import Server, World

LISTS = sorted(each.name for each in service.operations if each.name.startswith("List"))
PAGED = [name for name in LISTS if name != "ListTagsForResource"]
NAMES = [f"number-{number:03d}" for number in range(250)]
LARGEST = {"ListMetricAttributionMetrics": 10}
"""What a page holds at most, where it is not 100."""


@pytest.fixture(scope="module")
def full(server: Server) -> World:
    """An account with 250 of everything; each metric attribution has a metric of its name."""
    world = World(server)
    for table in KINDS:
        fill(world, table, NAMES)
    with server.stores.database.write() as session:
        for row in session.scalars(select(MetricAttributionRow).filter_by(account=world.account)):
            metric = {"eventType": "click", "metricName": row.name, "expression": "SAMPLECOUNT()"}
            row.metrics = [metric | {"number": 1}]
    return world


def pages(world: World, operation: str, size: int) -> Iterator[list[dict[str, Any]]]:
    """The pages of a list, by botocore's paginator where it has one."""
    method = xform_name(operation)
    if world.personalize.can_paginate(method):
        paginator = world.personalize.get_paginator(method)
        for answer in paginator.paginate(PaginationConfig={"PageSize": size}):
            yield rows_of(answer)
        return
    call = functools.partial(getattr(world.personalize, method), maxResults=size)
    answer = call()
    yield rows_of(answer)
    while "nextToken" in answer:
        answer = call(nextToken=answer["nextToken"])
        yield rows_of(answer)


def rows_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    (rows,) = (value for value in answer.values() if isinstance(value, list))
    return rows


def names_of(operation: str, rows: list[dict[str, Any]]) -> list[str]:
    """What names each row: the first part of its ARN's path; of a metric, its own name."""
    noun = operation.removeprefix("List").removesuffix("s")
    member = "metricName" if noun == "MetricAttributionMetric" else f"{noun[0].lower()}{noun[1:]}Arn"
    return [str(row[member]).split("/")[int("/" in row[member])] for row in rows]


def expected(world: World, operation: str) -> list[str]:
    """The names in the order of their list."""
    if operation == "ListRecipes":
        return sorted(recipe["name"] for recipe in world.personalize.list_recipes()["recipes"])
    return NAMES[::-1] if operation == "ListDataDeletionJobs" else NAMES


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("operation", PAGED)
def test_a_list_is_walked_without_loss_or_repetition(full: World, operation: str, size: int) -> None:
    found = list(pages(full, operation, size))

    assert [name for page in found for name in names_of(operation, page)] == expected(full, operation)
    full_page = min(size, LARGEST.get(operation, 100))
    assert {len(page) for page in found[:-1]} <= {full_page}
    assert 0 < len(found[-1]) <= full_page


@pytest.mark.parametrize("operation", PAGED)
def test_a_list_gives_as_many_rows_as_it_may_where_no_number_is_asked_for(
    full: World, operation: str
) -> None:
    answer = getattr(full.personalize, xform_name(operation))()

    assert len(rows_of(answer)) == min(LARGEST.get(operation, 100), len(expected(full, operation)))
    assert ("nextToken" in answer) == (operation != "ListRecipes")


@pytest.mark.parametrize("operation", PAGED)
def test_a_token_is_good_for_its_own_list_alone(full: World, operation: str) -> None:
    """Not for another operation, account or region, and not when it was changed."""
    call = getattr(full.personalize, xform_name(operation))
    token = call(maxResults=1)["nextToken"]
    other = "list_schemas" if operation != "ListSchemas" else "list_datasets"
    strangers: list[Callable[..., Any]] = [
        getattr(full.personalize, other),
        getattr(World(full.server).personalize, xform_name(operation)),
        getattr(full.elsewhere(region="eu-west-1").personalize, xform_name(operation)),
    ]
    for stranger in strangers:
        refused("InvalidNextTokenException", stranger, nextToken=token)
    for changed in (token[:-1], token + "A", token[::-1], "x"):
        message = refused("InvalidNextTokenException", call, nextToken=changed)
        assert message == "The nextToken provided is invalid"

    assert len(rows_of(call(maxResults=1, nextToken=token))) == 1


FILTERED = [
    ("ListDatasets", "datasetGroupArn", "dataset-group"),
    ("ListDatasetImportJobs", "datasetArn", "dataset"),
    ("ListDatasetExportJobs", "datasetArn", "dataset"),
    ("ListDataDeletionJobs", "datasetGroupArn", "dataset-group"),
    ("ListEventTrackers", "datasetGroupArn", "dataset-group"),
    ("ListSolutions", "datasetGroupArn", "dataset-group"),
    ("ListCampaigns", "solutionArn", "solution"),
    ("ListRecommenders", "datasetGroupArn", "dataset-group"),
    ("ListFilters", "datasetGroupArn", "dataset-group"),
    ("ListMetricAttributions", "datasetGroupArn", "dataset-group"),
]


@pytest.mark.parametrize(("operation", "member", "kind"), FILTERED)
def test_a_token_is_bound_to_the_filter_of_its_list(
    full: World, operation: str, member: str, kind: str
) -> None:
    call = getattr(full.personalize, xform_name(operation))
    token = call(maxResults=1)["nextToken"]
    one = {member: full.arn(kind, NAMES[3])}

    assert names_of(operation, rows_of(call(**one))) == [NAMES[3]]
    assert refused("InvalidNextTokenException", call, nextToken=token, **one)


def test_rows_that_come_and_go_while_a_list_is_walked_disturb_no_others(server: Server) -> None:
    world = World(server)
    names = NAMES[:12]
    fill(world, DatasetGroupRow, names)
    walk = pages(world, "ListDatasetGroups", 3)
    seen = names_of("ListDatasetGroups", next(walk))
    with server.stores.database.write() as session:
        gone = DatasetGroupRow.name.in_([names[1], names[2], names[3], names[7]])
        session.execute(delete(DatasetGroupRow).where(DatasetGroupRow.account == world.account, gone))
    fill(world, DatasetGroupRow, ["added"])
    for page in walk:
        seen += names_of("ListDatasetGroups", page)

    assert seen == [*names[:3], *names[4:7], *names[8:], "added"]
