"""Imports of Actions and Action_Interactions through boto3."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from openpersonalize.storage.generations import part_paths
from tests.world import FIELDS, World, running_server, text_field

ACTION_FIELDS = [
    text_field("ACTION_ID"),
    text_field("KIND", categorical=True),
    {"name": "VALUE", "type": ["null", "long"]},
    {"name": "REPEAT_FREQUENCY", "type": ["null", "long"]},
    {"name": "ACTION_EXPIRATION_TIMESTAMP", "type": ["null", "long"]},
]
ACTIONS_HEADER = "ACTION_ID,KIND,VALUE,REPEAT_FREQUENCY,ACTION_EXPIRATION_TIMESTAMP\n"
DONE_HEADER = "USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP\n"


def done(n_rows: int, first: int = 0) -> str:
    """CSV text of interactions with actions, no two alike."""
    kinds = ("Viewed", "taken", "NOT_TAKEN", "Not Taken")
    rows = (f"u{n % 50},a{n % 7},{kinds[n % 4]},{1_600_000_000 + n}\n" for n in range(first, first + n_rows))
    return DONE_HEADER + "".join(rows)


def actions_of(world: World) -> str:
    return world.dataset(world.dataset_group(), "Actions", *ACTION_FIELDS)


def interactions_of(world: World) -> str:
    return world.dataset(world.dataset_group(), "ActionInteractions")


def described(world: World, dataset: str, text: str, **members: Any) -> dict[str, Any]:
    """The description of an import that has ended."""
    arn = world.imported(dataset, text, **members)
    found: dict[str, Any] = world.personalize.describe_dataset_import_job(datasetImportJobArn=arn)
    return dict(found["datasetImportJob"])


def rows_of(world: World, dataset: str) -> list[tuple[Any, ...]]:
    """The rows of all generations, in the order of reading."""
    return [
        row
        for folder in world.generations(dataset)
        for path in part_paths(folder)
        for row in pl.read_parquet(path).rows()
    ]


def test_actions_are_imported_and_a_later_row_of_an_id_wins(world: World) -> None:
    dataset = actions_of(world)
    job = described(
        world, dataset, f"{ACTIONS_HEADER}a1,mail,10,30,1900000000\na2,call,,,\na1,call,1,0,1800000000\n"
    )

    assert job["status"] == "ACTIVE", job
    assert rows_of(world, dataset) == [("a2", "call", None, None, None), ("a1", "call", 1, 0, 1_800_000_000)]


def test_actions_are_replaced_and_added_to(world: World) -> None:
    dataset = actions_of(world)
    for mode, name in (("FULL", "a1"), ("FULL", "a2"), ("INCREMENTAL", "a3")):
        job = described(world, dataset, f"{ACTIONS_HEADER}{name},mail,,,\n", importMode=mode)
        assert job["status"] == "ACTIVE", job

    assert sorted(row[0] for row in rows_of(world, dataset)) == ["a2", "a3"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("a,mail,11,,", "column VALUE (field 3, character 8): out of the range of VALUE"),
        ("a,mail,0,,", "Values lie between 1 and 10."),
        ("a,mail,,31,", "Values lie between 0 and 30."),
        ("a,mail,,,1900000000000", "a timestamp of more than 10 digits"),
        (",mail,,,", "column ACTION_ID"),
        ("a,,,,", "column KIND"),
    ],
)
def test_a_bad_action_fails_the_import_with_its_line(world: World, row: str, expected: str) -> None:
    dataset = actions_of(world)
    job = described(world, dataset, f"{ACTIONS_HEADER}a1,mail,1,1,\n{row}\n")

    assert job["status"] == "CREATE FAILED"
    assert "line 3" in job["failureReason"]
    assert expected in job["failureReason"]
    assert rows_of(world, dataset) == []


def test_action_interactions_are_imported_as_they_are_written(world: World) -> None:
    dataset = interactions_of(world)
    job = described(world, dataset, done(8) + done(1).splitlines()[1] + "\n")

    assert job["status"] == "ACTIVE", job
    assert [row[2] for row in rows_of(world, dataset)] == ["Viewed", "taken", "NOT_TAKEN", "Not Taken"] * 2


@pytest.mark.parametrize("event_type", ["click", "View", "Not-Taken", ""])
def test_other_event_types_fail_the_import(world: World, event_type: str) -> None:
    dataset = interactions_of(world)
    job = described(world, dataset, f"{done(5)}u1,a1,{event_type},1600000009\n")

    assert job["status"] == "CREATE FAILED"
    assert "line 7, column EVENT_TYPE (field 3, character 7)" in job["failureReason"]
    assert ("Write one of Viewed, Taken, Not Taken." in job["failureReason"]) == bool(event_type)


def test_a_thousand_action_interactions_must_be_added_at_a_time(world: World) -> None:
    dataset = interactions_of(world)
    described(world, dataset, done(10))
    few = described(world, dataset, done(999, first=10), importMode="INCREMENTAL")
    enough = described(world, dataset, done(1000, first=10), importMode="INCREMENTAL")

    assert few["status"] == "CREATE FAILED"
    assert "Dataset has fewer than 1000 action interactions. The files hold 999" in few["failureReason"]
    assert enough["status"] == "ACTIVE"
    assert len(rows_of(world, dataset)) == 1010


@pytest.fixture
def relaxed_world(tmp_path: Path) -> Iterator[World]:
    with running_server(tmp_path / "data", limits="relaxed") as server:
        yield World(server)


def test_without_minimums_any_number_can_be_added(relaxed_world: World) -> None:
    dataset = interactions_of(relaxed_world)
    for mode, first in (("FULL", 0), ("INCREMENTAL", 5)):
        assert described(relaxed_world, dataset, done(5, first), importMode=mode)["status"] == "ACTIVE"

    assert len(rows_of(relaxed_world, dataset)) == 10


def test_the_tracking_id_is_the_dataset_s_own_and_stays(world: World) -> None:
    group = world.dataset_group()
    world.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)
    dataset, items = world.dataset(group, "ActionInteractions"), world.dataset(group, "Items")

    def tracking_id(arn: str) -> Any:
        return world.personalize.describe_dataset(datasetArn=arn)["dataset"].get("trackingId")

    first = tracking_id(dataset)
    described(world, dataset, done(10))
    assert tracking_id(items) is None
    assert first == tracking_id(dataset)
    trackers = world.personalize.list_event_trackers(datasetGroupArn=group)["eventTrackers"]
    described_tracker = world.personalize.describe_event_tracker(
        eventTrackerArn=trackers[0]["eventTrackerArn"]
    )["eventTracker"]
    assert first != described_tracker["trackingId"]


def test_schemas_of_actions_have_no_domain(world: World) -> None:
    for record in ("Actions", "ActionInteractions"):
        with pytest.raises(world.personalize.exceptions.InvalidInputException, match="leave out the domain"):
            world.schema(record, *FIELDS[record], domain="ECOMMERCE")
