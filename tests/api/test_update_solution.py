"""UpdateSolution: what changes when, what holds meanwhile, and what it does to the schedule."""

from typing import Any

import pytest
from sqlalchemy import select

from openpersonalize.domain.schedules import FIRST_TRAINING_S
from openpersonalize.storage.tables import SolutionRow
from tests.api.refusals import refused
from tests.world import World

WEIGHTS = {"eventParametersList": [{"eventType": "watch", "weight": 0.25}]}


def describe(world: World, arn: str) -> dict[str, Any]:
    solution: dict[str, Any] = world.personalize.describe_solution(solutionArn=arn)["solution"]
    return solution


def every(days: int) -> dict[str, Any]:
    return {"schedulingExpression": f"rate({days} days)"}


def next_training(world: World, arn: str) -> float | None:
    with world.server.stores.database.read() as session:
        return session.scalars(select(SolutionRow.next_training_at).where(SolutionRow.arn == arn)).one()


def update(world: World, arn: str, **members: Any) -> None:
    assert world.personalize.update_solution(solutionArn=arn, **members)["solutionArn"] == arn


@pytest.fixture
def group(world: World) -> str:
    return world.dataset_group()


def test_the_old_settings_hold_until_the_update_is_active(world: World, group: str) -> None:
    config = {"algorithmHyperParameters": {"apply_recency_bias": "false"}, "autoTrainingConfig": every(3)}
    arn = world.solution(group, "aws-user-personalization-v2", solutionConfig=config)
    wanted = {"autoTrainingConfig": every(5), "eventsConfig": WEIGHTS}
    update(world, arn, performAutoTraining=False, solutionUpdateConfig=wanted)
    during = describe(world, arn)
    world.settle()
    after = describe(world, arn)

    assert (during["status"], during["performAutoTraining"]) == ("ACTIVE", True)
    assert during["solutionConfig"] == config
    assert set(during["latestSolutionUpdate"]) == {
        *("solutionUpdateConfig", "status", "performAutoTraining", "performIncrementalUpdate"),
        *("creationDateTime", "lastUpdatedDateTime"),
    }
    assert during["latestSolutionUpdate"]["status"] == "CREATE PENDING"
    assert during["latestSolutionUpdate"]["solutionUpdateConfig"] == wanted
    assert during["latestSolutionUpdate"]["performAutoTraining"] is False
    assert (after["status"], after["performAutoTraining"]) == ("ACTIVE", False)
    assert after["solutionConfig"] == config | wanted
    assert after["latestSolutionUpdate"]["status"] == "ACTIVE"
    assert after["lastUpdatedDateTime"] > during["creationDateTime"]


def test_given_event_weights_take_the_place_of_the_old_ones(world: World, group: str) -> None:
    other = {"eventParametersList": [{"eventType": "click"}, {"eventType": "skip", "weight": 0.0}]}
    arn = world.solution(group, "aws-personalized-ranking-v2", solutionConfig={"eventsConfig": WEIGHTS})
    update(world, arn, solutionUpdateConfig={"eventsConfig": other})
    world.settle()
    changed = describe(world, arn)["solutionConfig"]
    update(world, arn, solutionUpdateConfig={"eventsConfig": {"eventParametersList": []}})
    world.settle()

    assert changed == {"eventsConfig": other}
    assert describe(world, arn)["solutionConfig"] == {"eventsConfig": {"eventParametersList": []}}


def test_a_version_in_the_making_keeps_the_settings_that_it_began_with(world: World, group: str) -> None:
    arn = world.solution(group, "aws-user-personalization-v2", solutionConfig={"eventsConfig": WEIGHTS})
    update(world, arn, solutionUpdateConfig={"eventsConfig": {"eventParametersList": []}})
    version = world.trained(arn)
    found = world.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]

    assert found["solutionConfig"] == {"eventsConfig": WEIGHTS}
    assert describe(world, arn)["latestSolutionUpdate"]["status"] == "ACTIVE"


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"solutionUpdateConfig": {}},
        {"performAutoTraining": True},
        {"performIncrementalUpdate": False},
        {"solutionUpdateConfig": {"autoTrainingConfig": every(7)}},
        {"solutionUpdateConfig": {"autoTrainingConfig": {}, "eventsConfig": {}}},
    ],
)
def test_an_update_that_changes_nothing_is_refused(world: World, group: str, members: dict[str, Any]) -> None:
    arn = world.solution(group)

    assert "would not change" in refused(
        "InvalidInputException", world.personalize.update_solution, solutionArn=arn, **members
    )
    assert "latestSolutionUpdate" not in describe(world, arn)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"performIncrementalUpdate": True}, "is for solutions of aws-semantic-similarity"),
        (
            {"solutionUpdateConfig": {"autoTrainingConfig": every(31)}},
            "solutionUpdateConfig.autoTrainingConfig.schedulingExpression is 'rate(31 days)': write rate(N",
        ),
        (
            {"solutionUpdateConfig": {"eventsConfig": WEIGHTS}},
            "solutionUpdateConfig.eventsConfig is for aws-user-personalization-v2",
        ),
    ],
)
def test_an_update_that_cannot_work_is_refused(
    world: World, group: str, members: dict[str, Any], expected: str
) -> None:
    arn = world.solution(group)

    assert expected in refused(
        "InvalidInputException", world.personalize.update_solution, solutionArn=arn, **members
    )


def test_during_an_update_versions_are_made_but_nothing_else(world: World, group: str) -> None:
    arn = world.solution(group)
    update(world, arn, performAutoTraining=False)
    client = world.personalize
    busy = [
        refused("ResourceInUseException", client.update_solution, solutionArn=arn, performAutoTraining=True),
        refused("ResourceInUseException", client.delete_solution, solutionArn=arn),
    ]
    client.create_solution_version(solutionArn=arn)
    world.settle()

    assert all("has an update in state CREATE PENDING" in message for message in busy)
    assert describe(world, arn)["performAutoTraining"] is False
    client.delete_solution(solutionArn=arn)
    world.settle()
    assert client.list_solutions()["solutions"] == []


def test_only_an_active_solution_is_updated(world: World, group: str) -> None:
    arn = world.personalize.create_solution(
        name="new", datasetGroupArn=group, recipeArn="arn:aws:personalize:::recipe/aws-sims"
    )["solutionArn"]
    call = world.personalize.update_solution

    assert "CREATE PENDING" in refused(
        "ResourceInUseException", call, solutionArn=arn, performAutoTraining=False
    )
    refused(
        "ResourceNotFoundException",
        call,
        solutionArn=world.arn("solution", "none"),
        performAutoTraining=False,
    )


def test_a_new_solution_is_due_within_the_hour_unless_told_otherwise(world: World, group: str) -> None:
    of_itself = world.solution(group)
    asked = world.solution(group, performAutoTraining=True)
    never = world.solution(group, performAutoTraining=False)

    for arn in (of_itself, asked):
        due = next_training(world, arn)
        assert due == pytest.approx(describe(world, arn)["creationDateTime"].timestamp() + FIRST_TRAINING_S)
    assert next_training(world, never) is None


def test_switching_automatic_training_off_and_on_ends_and_begins_its_schedule(
    world: World, group: str
) -> None:
    arn = world.solution(group)
    update(world, arn, performAutoTraining=False)
    world.settle()
    off = next_training(world, arn)
    update(world, arn, performAutoTraining=True)
    world.settle()
    updated = describe(world, arn)["latestSolutionUpdate"]["lastUpdatedDateTime"].timestamp()

    assert off is None
    assert next_training(world, arn) == pytest.approx(updated + FIRST_TRAINING_S, abs=1.0)


def set_next_training(world: World, arn: str, when: float) -> None:
    with world.server.stores.database.write() as session:
        session.scalars(select(SolutionRow).where(SolutionRow.arn == arn)).one().next_training_at = when


def test_only_another_frequency_begins_the_schedule_anew(world: World, group: str) -> None:
    arn = world.solution(group, "aws-user-personalization-v2")
    in_days = world.server.stores.clock() + 400_000
    set_next_training(world, arn, in_days)
    same = {"autoTrainingConfig": every(7), "eventsConfig": WEIGHTS}
    update(world, arn, solutionUpdateConfig=same)
    world.settle()
    kept = next_training(world, arn)
    update(world, arn, solutionUpdateConfig={"autoTrainingConfig": every(2)})
    world.settle()
    updated = describe(world, arn)["latestSolutionUpdate"]["lastUpdatedDateTime"].timestamp()

    assert kept == in_days
    assert next_training(world, arn) == pytest.approx(updated + FIRST_TRAINING_S, abs=1.0)


def test_another_frequency_of_what_is_switched_off_begins_nothing(world: World, group: str) -> None:
    arn = world.solution(group, performAutoTraining=False)
    update(world, arn, solutionUpdateConfig={"autoTrainingConfig": every(2)})
    world.settle()

    assert next_training(world, arn) is None
    assert describe(world, arn)["solutionConfig"] == {"autoTrainingConfig": every(2)}
