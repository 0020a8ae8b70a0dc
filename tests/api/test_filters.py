"""Filters through boto3: what is kept, what is refused, and that no value of an expression is shown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from openpersonalize.storage.tables import BatchInferenceJobRow, DatasetRow, FilterRow
from tests.api.conftest import TrainedStore
from tests.api.refusals import refused
from tests.api.rows import fill
from tests.log_watch import WATCH
from tests.world import FIELDS, World, running_server, text_field

EXPRESSION = 'INCLUDE ItemID WHERE Items.GENRE IN ("drama")'
ITEMS = (
    text_field("ITEM_ID"),
    text_field("GENRE", categorical=True),
    {"name": "PRICE", "type": "float"},
    text_field("DESCRIPTION", textual=True),
)


def create(world: World, group: str, name: str = "drama", **members: Any) -> str:
    asked = {"filterExpression": EXPRESSION} | members
    arn: str = world.personalize.create_filter(name=name, datasetGroupArn=group, **asked)["filterArn"]
    return arn


def a_group(world: World, name: str = "store") -> str:
    """A dataset group whose Items have a GENRE, a PRICE and more, and whose Interactions have types."""
    group = world.dataset_group(name)
    world.dataset(group, "Items", *ITEMS)
    world.dataset(group, "Interactions", *FIELDS["Interactions"], text_field("EVENT_TYPE"))
    return group


def describe(world: World, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = world.personalize.describe_filter(filterArn=arn)["filter"]
    return found


def test_a_filter_is_kept_as_it_was_written_and_becomes_active(world: World) -> None:
    group = a_group(world)
    arn = create(world, group)
    pending = describe(world, arn)
    world.settle()
    active = describe(world, arn)
    (listed,) = world.personalize.list_filters()["Filters"]

    assert arn == world.arn("filter", "drama")
    assert (pending["status"], active["status"]) == ("CREATE PENDING", "ACTIVE")
    assert "failureReason" not in active
    assert (active["name"], active["datasetGroupArn"]) == ("drama", group)
    assert active["filterExpression"] == EXPRESSION
    assert listed == {name: value for name, value in active.items() if name != "filterExpression"}


@pytest.mark.parametrize(
    ("expression", "column", "what"),
    [
        ('INCLUDE ItemID WHERE Items.GENRE ("secret7a")', 34, "expected one of = != < <= > >=, IN or NOT IN"),
        ('INCLUDE ItemID WHERE Items.GENRE IN ("secret7a)', 38, "the string that begins here has no end"),
        ('INCLUDE ItemID WHERE Items.GENRE IN ("secret7a" "b")', 49, "expected ',' or ')', found a string"),
        ('INCLUDE ItemID WHERE Items.PRICE = "secret7a"', 36, "PRICE is float: write numbers without quotes"),
        ('INCLUDE ItemID WHERE Items.GENRE > "secret7a"', 22, "is a string and has no order"),
        ('INCLUDE ItemID WHERE Items.DESCRIPTION IN ("secret7a")', 22, "is textual"),
        (
            'INCLUDE ItemID WHERE Items.COLOR IN ("secret7a")',
            22,
            "no column COLOR: use one of ITEM_ID, GENRE, PRICE.",
        ),
        (
            'EXCLUDE ItemID WHERE Items.GENRE IN ("secret7a") IF CurrentUser.AGE > 20',
            53,
            "the dataset group has no Users dataset: create it first",
        ),
        ('EXCLUDE UserID WHERE Items.GENRE IN ("secret7a")', 22, "Items can't choose a UserID"),
    ],
)
def test_a_wrong_expression_is_refused_with_its_column_and_without_its_values(
    world: World, expression: str, column: int, what: str
) -> None:
    group = a_group(world)

    said = refused("InvalidInputException", lambda: create(world, group, filterExpression=expression))
    assert said.startswith(f"Invalid Expression at column {column}: ")
    assert what in said
    assert "secret7a" not in said
    assert world.personalize.list_filters()["Filters"] == []


def test_a_dataset_that_is_being_made_cannot_be_filtered_on_yet(world: World) -> None:
    group = world.dataset_group()
    world.personalize.create_dataset(
        name="items", datasetType="Items", datasetGroupArn=group, schemaArn=world.schema("Items")
    )

    assert "has no Items dataset" in refused("InvalidInputException", lambda: create(world, group))
    world.settle()
    create(world, group)


def including(*columns: str) -> str:
    """A filter that names these columns of Items."""
    return "INCLUDE ItemID WHERE " + " AND ".join(f'Items.{column} IN ("a")' for column in columns)


def wide_group(world: World, name: str = "wide") -> str:
    """A dataset group whose Items have columns C1 to C21."""
    group = world.dataset_group(name)
    world.dataset(group, "Items", text_field("ITEM_ID"), *(text_field(f"C{place}") for place in range(1, 22)))
    return group


def test_a_filter_names_ten_columns_and_no_more(world: World) -> None:
    group = wide_group(world)
    columns = [f"C{place}" for place in range(1, 12)]

    create(world, group, filterExpression=including(*columns[:10], *columns[:10]))
    assert "11 columns are too many: a filter can name 10" in refused(
        "InvalidInputException", lambda: create(world, group, "b", filterExpression=including(*columns))
    )


def test_the_filters_of_a_group_name_any_number_of_columns(world: World) -> None:
    group = wide_group(world)

    for number in range(1, 22):
        create(world, group, f"f{number}", filterExpression=including(f"C{number}"))


def test_a_name_is_taken_once_in_all_groups_until_it_is_deleted(world: World) -> None:
    one, other = a_group(world, "one"), a_group(world, "other")
    arn = create(world, one)
    world.settle()

    assert refused("ResourceAlreadyExistsException", lambda: create(world, other)) == (
        f"Another resource with Arn {arn} already exists."
    )
    world.personalize.delete_filter(filterArn=arn)
    assert describe(world, arn)["status"] == "DELETE PENDING"
    world.settle()
    assert refused("ResourceNotFoundException", world.personalize.describe_filter, filterArn=arn) == (
        f"The given filter does not exist: {arn}"
    )
    assert create(world, other) == arn


def test_a_deleted_filter_takes_its_tags_with_it(world: World) -> None:
    group = a_group(world)
    arn = create(world, group, tags=[{"tagKey": "team", "tagValue": "a"}])
    tags = world.personalize.list_tags_for_resource(resourceArn=arn)["tags"]
    world.settle()
    world.personalize.delete_filter(filterArn=arn)
    world.settle()
    create(world, group)

    assert tags == [{"tagKey": "team", "tagValue": "a"}]
    assert world.personalize.list_tags_for_resource(resourceArn=arn)["tags"] == []


def test_a_filter_that_is_being_created_cannot_be_deleted(world: World) -> None:
    arn = create(world, a_group(world))

    assert "CREATE PENDING" in refused(
        "ResourceInUseException", world.personalize.delete_filter, filterArn=arn
    )


def test_the_group_must_exist_and_be_active(world: World) -> None:
    group = world.arn("dataset-group", "store")

    refused("ResourceNotFoundException", lambda: create(world, group))
    world.personalize.create_dataset_group(name="store")
    # The model of CreateFilter has no ResourceInUseException.
    assert "CREATE PENDING" in refused("InvalidInputException", lambda: create(world, group))


def test_filters_are_listed_by_group(world: World) -> None:
    one, other = a_group(world, "one"), a_group(world, "other")
    arns = [create(world, one, "a"), create(world, other, "b"), create(world, one, "c")]

    def listed(**members: Any) -> list[str]:
        pages = world.personalize.get_paginator("list_filters").paginate(
            PaginationConfig={"PageSize": 1}, **members
        )
        return [entry["filterArn"] for page in pages for entry in page["Filters"]]

    assert listed() == arns
    assert listed(datasetGroupArn=one) == [arns[0], arns[2]]
    assert listed(datasetGroupArn=world.arn("dataset-group", "none")) == []


def test_a_filter_stays_while_a_batch_job_under_way_names_it(trained: TrainedStore) -> None:
    world = trained.world
    expression = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
    of_group = {"dataset_group_arn": trained.group, "filter_expression": expression}
    (arn,) = fill(world, FilterRow, ["in-use"], **of_group)
    job = world.personalize.create_batch_inference_job(
        jobName="uses-a-filter",
        solutionVersionArn=trained.version,
        filterArn=arn,
        jobInput={"s3DataSource": {"path": "s3://bucket/in.json"}},
        jobOutput={"s3DataDestination": {"path": "s3://bucket/out/"}},
        roleArn="arn:aws:iam::123456789012:role/r",
    )["batchInferenceJobArn"]
    for status in ("CREATE PENDING", "CREATE IN_PROGRESS"):
        world.set_columns(BatchInferenceJobRow, job, status=status)
        assert f"batch inference job {job}" in refused(
            "ResourceInUseException", world.personalize.delete_filter, filterArn=arn
        )
    world.settle()
    world.personalize.delete_filter(filterArn=arn)
    world.settle()

    refused("ResourceNotFoundException", world.personalize.describe_filter, filterArn=arn)
    assert world.personalize.describe_batch_inference_job(batchInferenceJobArn=job)["batchInferenceJob"][
        "filterArn"
    ] == (arn)


@pytest.mark.parametrize("length", [0, 2501])
def test_an_expression_of_the_wrong_length_is_refused_and_not_shown(world: World, length: int) -> None:
    group = world.dataset_group()
    answer = world.http.post(
        "/CreateFilter",
        json={
            "name": "a",
            "datasetGroupArn": group,
            "filterExpression": "secret7expression".ljust(length, "x"),
        }
        if length
        else {"name": "a", "datasetGroupArn": group, "filterExpression": ""},
    )

    assert answer.status_code == 400
    assert "Value at 'filterExpression' failed to satisfy constraint" in answer.json()["message"]
    assert "secret7expression" not in answer.text


def test_no_log_shows_an_expression(world: World) -> None:
    group = a_group(world)
    create(world, group, filterExpression='EXCLUDE ItemID WHERE Items.GENRE IN ("filtercanary7")')
    world.settle()

    assert "filtercanary7" in WATCH.canaries
    assert not any("filtercanary7" in line for _, line in WATCH.lines)


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[World]:
    """A world in which AWS's quotas hold."""
    with running_server(tmp_path / "data", limits="aws") as server:
        yield World(server)


def test_a_group_has_thirty_filters_where_awss_quotas_hold(strict: World) -> None:
    one, other = a_group(strict, "one"), a_group(strict, "other")
    fill(strict, FilterRow, [f"f{number}" for number in range(29)], dataset_group_arn=one)
    create(strict, one, "last")

    assert refused("LimitExceededException", lambda: create(strict, one)) == (
        "More than 30 resources in ACTIVE state. Please delete some and try again."
    )
    create(strict, other)
    # What failed takes no place.
    strict.set_columns(FilterRow, strict.arn("filter", "f0"), status="CREATE FAILED")
    create(strict, one, "after")


def test_the_filters_of_a_group_name_twenty_columns_where_awss_quotas_hold(strict: World) -> None:
    group, other = wide_group(strict), wide_group(strict, "other")
    halves = [[f"C{place}" for place in places] for places in (range(1, 11), range(11, 21))]
    first, _ = [
        create(strict, group, f"half-{number}", filterExpression=including(*columns))
        for number, columns in enumerate(halves)
    ]

    assert refused(
        "LimitExceededException", lambda: create(strict, group, filterExpression=including("C21"))
    ) == (
        "The filters of the dataset group would name 21 columns, and may name 20: delete filters whose "
        "columns you don't need."
    )
    create(strict, group, "known", filterExpression=including("C20"))
    create(strict, other, "elsewhere", filterExpression=including("C21"))
    strict.set_columns(FilterRow, first, status="CREATE FAILED")
    create(strict, group, filterExpression=including("C21"))


def indexed(world: World, group: str) -> set[str]:
    """The types of the group's datasets that have an index."""
    query = select(DatasetRow.dataset_type).where(
        DatasetRow.dataset_group_arn == group, DatasetRow.index_id.is_not(None)
    )
    with world.server.stores.database.read() as session:
        return set(session.scalars(query))


def test_only_the_datasets_that_a_filter_names_are_indexed(world: World) -> None:
    group = a_group(world)
    world.dataset(group, "Users")

    create(world, group)
    world.settle()
    assert indexed(world, group) == {"ITEMS"}
    expression = 'EXCLUDE ItemID WHERE Items.GENRE IN ("a") IF CurrentUser.AGE_GROUP IN ("b")'
    create(world, group, "users", filterExpression=expression)
    world.settle()
    assert indexed(world, group) == {"ITEMS", "USERS"}
    create(world, group, "events", filterExpression='EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")')
    world.settle()
    assert indexed(world, group) == {"ITEMS", "USERS", "INTERACTIONS"}


def test_a_filter_whose_dataset_goes_before_it_is_made_fails_and_says_why(world: World) -> None:
    group = a_group(world)
    arn = create(world, group, filterExpression='EXCLUDE ItemID WHERE Items.GENRE IN ("secret7e")')
    world.set_columns(DatasetRow, world.arn("dataset", "store", "ITEMS"), status="DELETE PENDING")
    world.settle()

    assert (describe(world, arn)["status"], describe(world, arn)["failureReason"]) == (
        "CREATE FAILED",
        "Invalid Expression at column 22: the dataset group has no Items dataset: create it first.",
    )
