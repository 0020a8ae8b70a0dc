"""Solution versions and their metrics through boto3."""

import re
from typing import Any

from tests.api.conftest import TrainedStore
from tests.api.refusals import refused
from tests.world import World


def describe(world: World, arn: str) -> dict[str, Any]:
    answer: dict[str, Any] = world.personalize.describe_solution_version(solutionVersionArn=arn)
    version: dict[str, Any] = answer["solutionVersion"]
    return version


def test_a_trained_version_shows_how_it_was_made(trained: TrainedStore) -> None:
    found = describe(trained.world, trained.version)

    assert re.fullmatch(re.escape(trained.solution) + "/[0-9a-f]{8}", trained.version)
    assert (found["name"], found["status"]) == ("first", "ACTIVE")
    assert (found["solutionArn"], found["datasetGroupArn"]) == (trained.solution, trained.group)
    assert found["recipeArn"] == "arn:aws:personalize:::recipe/aws-popularity-count"
    assert (found["trainingMode"], found["trainingType"]) == ("FULL", "MANUAL")
    assert 0 < found["trainingHours"] < 1
    assert [found[name] for name in ("performHPO", "performAutoML", "performIncrementalUpdate")] == [
        False
    ] * 3
    assert "failureReason" not in found


def test_metrics_are_those_of_the_recipe(trained: TrainedStore) -> None:
    answer = trained.world.personalize.get_solution_metrics(solutionVersionArn=trained.version)

    assert answer["solutionVersionArn"] == trained.version
    assert set(answer["metrics"]) == {
        *("coverage", "mean_reciprocal_rank_at_25"),
        *(f"normalized_discounted_cumulative_gain_at_{depth}" for depth in (5, 10, 25)),
        *(f"precision_at_{depth}" for depth in (5, 10, 25)),
    }


def test_a_version_without_data_fails_and_has_no_metrics(world: World) -> None:
    solution = world.solution(world.dataset_group(), name="likes")
    version = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    pending = describe(world, version)
    early = refused(
        "ResourceInUseException", world.personalize.get_solution_metrics, solutionVersionArn=version
    )
    world.settle()
    failed = describe(world, version)

    assert pending["status"] == "CREATE PENDING"
    assert re.fullmatch("likes/[0-9a-f]{8}", pending["name"])
    assert "trainingHours" not in pending
    assert early == "Cannot get metrics for solution since it is not in ACTIVE state."
    assert failed["status"] == "CREATE FAILED"
    assert "no interactions" in failed["failureReason"]
    refused("ResourceInUseException", world.personalize.get_solution_metrics, solutionVersionArn=version)


def test_versions_are_listed_newest_last(world: World) -> None:
    group = world.dataset_group()
    one, other = world.solution(group), world.solution(group)
    arns = [
        world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
        for solution in (one, other, one)
    ]

    def listed(**members: Any) -> list[str]:
        versions = world.personalize.list_solution_versions(**members)["solutionVersions"]
        return [version["solutionVersionArn"] for version in versions]

    assert listed() == arns
    assert listed(solutionArn=one) == [arns[0], arns[2]]
    unknown = world.arn("solution", "none")
    assert refused("ResourceNotFoundException", lambda: listed(solutionArn=unknown)) == (
        f"The given solution does not exist: {unknown}"
    )
    (summary,) = world.personalize.list_solution_versions(solutionArn=other)["solutionVersions"]
    assert set(summary) == {
        *("solutionVersionArn", "status", "trainingMode", "trainingType"),
        *("creationDateTime", "lastUpdatedDateTime"),
    }


def test_the_service_s_own_training_mode_is_as_good_as_full(world: World) -> None:
    solution = world.solution(world.dataset_group())

    for mode in ("FULL", "AUTOTRAIN"):
        created = world.personalize.create_solution_version(solutionArn=solution, trainingMode=mode)
        found = describe(world, created["solutionVersionArn"])
        assert (found["trainingMode"], found["trainingType"]) == ("FULL", "MANUAL")


def test_only_a_user_personalization_with_a_full_version_can_be_updated(world: World) -> None:
    group = world.dataset_group()
    world.interactions(group)
    popular, personal = world.solution(group), world.solution(group, "aws-user-personalization")
    create = world.personalize.create_solution_version

    assert "trainingMode UPDATE is for solutions of aws-user-personalization" in refused(
        "InvalidInputException", create, solutionArn=popular, trainingMode="UPDATE"
    )
    assert "trainingMode UPDATE needs an ACTIVE solution version" in refused(
        "InvalidInputException", create, solutionArn=personal, trainingMode="UPDATE"
    )
    full = world.trained(personal)
    assert describe(world, full)["status"] == "ACTIVE"
    update = world.trained(personal, trainingMode="UPDATE")
    updated = describe(world, update)
    assert (updated["status"], updated["trainingMode"]) == ("ACTIVE", "UPDATE")
    of_full, of_update = (
        world.personalize.get_solution_metrics(solutionVersionArn=arn)["metrics"] for arn in (full, update)
    )
    assert of_full == of_update


def test_a_version_has_the_settings_that_its_solution_had(world: World) -> None:
    group = world.dataset_group()
    config = {"algorithmHyperParameters": {"min_cointeraction_count": "05"}, "hpoConfig": {}}
    solution = world.solution(group, "aws-sims", eventType="watch", performHPO=True, solutionConfig=config)
    found = describe(world, world.trained(solution))

    assert (found["solutionConfig"], found["eventType"], found["performHPO"]) == (config, "watch", True)


def test_the_solution_must_exist_and_be_active(world: World) -> None:
    group = world.dataset_group()
    create, arn = world.personalize.create_solution_version, world.arn("solution", "likes")

    assert refused("ResourceNotFoundException", create, solutionArn=arn) == (
        f"The given solution does not exist: {arn}"
    )
    world.personalize.create_solution(
        name="likes", datasetGroupArn=group, recipeArn="arn:aws:personalize:::recipe/aws-sims"
    )
    refused("ResourceInUseException", create, solutionArn=arn)


def test_a_name_is_taken_once_in_a_solution(world: World) -> None:
    group = world.dataset_group()
    one, other = world.solution(group), world.solution(group)
    create = world.personalize.create_solution_version
    arn = create(solutionArn=one, name="v1")["solutionVersionArn"]

    assert refused("ResourceAlreadyExistsException", create, solutionArn=one, name="v1") == (
        f"Another resource with Arn {arn} already exists."
    )
    create(solutionArn=other, name="v1")


def test_nothing_is_trained_on_a_dataset_that_is_going(world: World) -> None:
    group = world.dataset_group()
    solution, dataset = world.solution(group), world.dataset(group)
    world.personalize.delete_dataset(datasetArn=dataset)

    assert f"{dataset} is being deleted" in refused(
        "ResourceInUseException", world.personalize.create_solution_version, solutionArn=solution
    )
