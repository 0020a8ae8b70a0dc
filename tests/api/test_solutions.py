"""Solutions through boto3."""

from typing import Any

import pytest

from tests.api.conftest import TrainedStore
from tests.api.refusals import refused
from tests.world import World

RECIPE = "arn:aws:personalize:::recipe/aws-{}"
UP = RECIPE.format("user-personalization")


@pytest.fixture
def group(world: World) -> str:
    return world.dataset_group()


def create(world: World, group: str, **members: Any) -> str:
    asked = {"name": "likes", "datasetGroupArn": group, "recipeArn": UP} | members
    asked = {name: value for name, value in asked.items() if value is not None}
    arn: str = world.personalize.create_solution(**asked)["solutionArn"]
    return arn


def describe(world: World, arn: str) -> dict[str, Any]:
    solution: dict[str, Any] = world.personalize.describe_solution(solutionArn=arn)["solution"]
    return solution


def test_a_solution_becomes_active_with_its_defaults(world: World, group: str) -> None:
    arn = create(world, group)
    pending = describe(world, arn)["status"]
    world.settle()
    found = describe(world, arn)
    (listed,) = world.personalize.list_solutions()["solutions"]

    assert arn == world.arn("solution", "likes")
    assert (pending, found["status"]) == ("CREATE PENDING", "ACTIVE")
    assert (found["recipeArn"], found["datasetGroupArn"]) == (UP, group)
    for name in ("performHPO", "performAutoML", "performIncrementalUpdate", "performAutoTraining"):
        assert found[name] is False, name
    assert {"solutionConfig", "eventType", "latestSolutionVersion", "autoMLResult"}.isdisjoint(found)
    assert set(listed) == {
        *("name", "solutionArn", "status", "creationDateTime", "lastUpdatedDateTime", "recipeArn")
    }


def test_the_config_comes_back_as_it_was_sent(world: World, group: str) -> None:
    config = {
        "eventValueThreshold": "3.50",
        "algorithmHyperParameters": {"hidden_dimension": "064", "recency_mask": "True"},
        "featureTransformationParameters": {"max_user_history_length_percentile": "0.990"},
        "hpoConfig": {},
        "optimizationObjective": {"objectiveSensitivity": "OFF"},
        "eventsConfig": {"eventParametersList": []},
        "trainingDataConfig": {"excludedDatasetColumns": {}},
    }
    arn = create(world, group, solutionConfig=config, eventType="watch", performAutoTraining=False)
    found = describe(world, arn)

    assert found["solutionConfig"] == config
    assert (found["eventType"], found["performAutoTraining"]) == ("watch", False)


def test_an_empty_config_stays_an_empty_config(world: World, group: str) -> None:
    assert describe(world, create(world, group, solutionConfig={}))["solutionConfig"] == {}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            {"algorithmHyperParameters": {"model.id_embedding_dim": "10"}},
            "Provide a hyperparameter that is used in the algorithm: "
            "arn:aws:personalize:::algorithm/aws-user-personalization",
        ),
        (
            {"algorithmHyperParameters": {"hidden_dimension": "1000"}},
            "'1000'; it must be an integer from 32 to",
        ),
        ({"algorithmHyperParameters": {"bptt": "many"}}, "The hyperparameter bptt has the value 'many'"),
        ({"algorithmHyperParameters": {"bptt": "9" * 1000}}, "it must be an integer from 2 to 32"),
        ({"featureTransformationParameters": {"max_user_history_length_percentile": "1e999"}}, "from 0 to 1"),
        ({"featureTransformationParameters": {"hidden_dimension": "64"}}, "Provide a hyperparameter"),
        ({"eventValueThreshold": "high"}, "eventValueThreshold is 'high': write a number as a string"),
        ({"eventValueThreshold": "nan"}, "eventValueThreshold is 'nan'"),
        ({"autoTrainingConfig": {"schedulingExpression": "rate(31 days)"}}, "with N from 1 to 30"),
        ({"autoTrainingConfig": {"schedulingExpression": "rate(0 days)"}}, "with N from 1 to 30"),
        ({"autoTrainingConfig": {"schedulingExpression": "cron(1)"}}, "regular expression pattern"),
        (
            {"optimizationObjective": {"objectiveSensitivity": "SOME"}},
            "enum value set: [LOW, MEDIUM, HIGH, OFF]",
        ),
    ],
)
def test_a_config_that_cannot_work_is_refused(
    world: World, group: str, config: dict[str, Any], expected: str
) -> None:
    message = refused("InvalidInputException", lambda: create(world, group, solutionConfig=config))

    assert expected in message
    assert world.personalize.list_solutions()["solutions"] == []


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"performHPO": True}, "performHPO"),
        ({"performAutoML": True, "recipeArn": None}, "performAutoML"),
        ({"performIncrementalUpdate": True}, "performIncrementalUpdate"),
        ({"performAutoTraining": True}, "performAutoTraining"),
        (
            {"solutionConfig": {"autoTrainingConfig": {"schedulingExpression": "rate(3 days)"}}},
            "solutionConfig.autoTrainingConfig",
        ),
        (
            {"solutionConfig": {"hpoConfig": {"hpoResourceConfig": {"maxNumberOfTrainingJobs": "4"}}}},
            "solutionConfig.hpoConfig",
        ),
        ({"solutionConfig": {"autoMLConfig": {"metricName": "a"}}}, "solutionConfig.autoMLConfig"),
        (
            {
                "solutionConfig": {
                    "eventsConfig": {"eventParametersList": [{"eventType": "a", "weight": 0.5}]}
                }
            },
            "solutionConfig.eventsConfig",
        ),
        (
            {"solutionConfig": {"optimizationObjective": {"itemAttribute": "PRICE"}}},
            "solutionConfig.optimizationObjective",
        ),
        (
            {"solutionConfig": {"trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": ["GENRE"]}}}},
            "solutionConfig.trainingDataConfig",
        ),
    ],
)
def test_what_is_not_built_yet_says_so(world: World, group: str, members: dict[str, Any], what: str) -> None:
    assert (
        refused("InvalidInputException", lambda: create(world, group, **members)) == f"not built yet: {what}"
    )


def test_the_recipe_must_exist_and_be_of_no_domain(world: World, group: str) -> None:
    assert "recipeArn is missing" in refused(
        "InvalidInputException", lambda: create(world, group, recipeArn=None)
    )
    unknown = RECIPE.format("none")
    assert refused("ResourceNotFoundException", lambda: create(world, group, recipeArn=unknown)) == (
        f"The given recipe does not exist: {unknown}"
    )
    of_domain = RECIPE.format("vod-top-picks")
    assert "is a recipe of domain VIDEO_ON_DEMAND" in refused(
        "InvalidInputException", lambda: create(world, group, recipeArn=of_domain)
    )


def test_a_group_of_a_domain_takes_custom_recipes_too(world: World) -> None:
    group = world.dataset_group(domain="ECOMMERCE")

    assert describe(world, create(world, group))["recipeArn"] == UP


def test_the_group_must_exist_and_be_active(world: World) -> None:
    group = world.arn("dataset-group", "store")

    refused("ResourceNotFoundException", lambda: create(world, group))
    world.personalize.create_dataset_group(name="store")
    refused("ResourceInUseException", lambda: create(world, group))


def test_a_name_is_taken_once_in_all_groups(world: World, group: str) -> None:
    arn = create(world, group)
    other = world.dataset_group("other")

    assert refused("ResourceAlreadyExistsException", lambda: create(world, other)) == (
        f"Another resource with Arn {arn} already exists."
    )


def test_solutions_are_listed_by_group(world: World, group: str) -> None:
    other = world.dataset_group("other")
    for name, parent in (("a", group), ("b", other), ("c", group)):
        create(world, parent, name=name)

    def listed(**members: Any) -> list[str]:
        return [solution["name"] for solution in world.personalize.list_solutions(**members)["solutions"]]

    assert listed() == ["a", "b", "c"]
    assert listed(datasetGroupArn=group) == ["a", "c"]
    assert listed(datasetGroupArn=world.arn("dataset-group", "none")) == []


def test_the_newest_version_stands_in_its_solution(trained: TrainedStore) -> None:
    newest = describe(trained.world, trained.solution)["latestSolutionVersion"]

    assert newest["solutionVersionArn"].startswith(trained.solution + "/")
    assert (newest["trainingMode"], newest["trainingType"]) == ("FULL", "MANUAL")


def test_a_solution_without_versions_goes(world: World, group: str) -> None:
    arn = create(world, group)
    world.settle()
    world.personalize.delete_solution(solutionArn=arn)
    leaving = describe(world, arn)["status"]
    refused("ResourceInUseException", world.personalize.delete_solution, solutionArn=arn)
    world.settle()

    assert leaving == "DELETE PENDING"
    assert refused("ResourceNotFoundException", world.personalize.describe_solution, solutionArn=arn) == (
        f"The given solution does not exist: {arn}"
    )


def test_a_solution_in_training_stays_and_then_goes_with_its_versions(world: World, group: str) -> None:
    arn = world.solution(group)
    version = world.personalize.create_solution_version(solutionArn=arn)["solutionVersionArn"]
    message = refused("ResourceInUseException", world.personalize.delete_solution, solutionArn=arn)
    world.settle()
    world.personalize.delete_solution(solutionArn=arn)
    world.settle()

    assert f"in use by the solution version {version}" in message
    refused(
        "ResourceNotFoundException", world.personalize.describe_solution_version, solutionVersionArn=version
    )
    assert world.personalize.list_solution_versions()["solutionVersions"] == []


def test_a_solution_goes_with_its_models(world: World, group: str) -> None:
    world.interactions(group)
    solution = world.solution(group)
    version = world.trained(solution)
    campaign = world.campaign(version)
    message = refused("ResourceInUseException", world.personalize.delete_solution, solutionArn=solution)
    artifact = world.artifact(version)
    was_there = artifact.exists()
    world.personalize.delete_campaign(campaignArn=campaign)
    world.settle()
    world.personalize.delete_solution(solutionArn=solution)
    world.settle()

    assert f"in use by the campaign {campaign}" in message
    assert was_there
    assert not artifact.exists()


@pytest.mark.parametrize("recipe", ["hrnn", "hrnn-metadata", "hrnn-coldstart"])
def test_no_solution_is_made_of_a_legacy_recipe(world: World, group: str, recipe: str) -> None:
    legacy = RECIPE.format(recipe)
    message = refused("InvalidInputException", lambda: create(world, group, recipeArn=legacy))

    assert message.startswith(f"{legacy} is a legacy recipe")
    assert message.endswith(f"use {UP}.")


@pytest.mark.parametrize("recipe", ["trending-now", "similar-items"])
def test_a_recipe_without_trainer_makes_a_solution_and_fails_to_train(
    world: World, group: str, recipe: str
) -> None:
    version = world.trained(world.solution(group, f"aws-{recipe}"))
    found = world.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]

    assert found["status"] == "CREATE FAILED"
    assert found["failureReason"].startswith("not built yet: ")
