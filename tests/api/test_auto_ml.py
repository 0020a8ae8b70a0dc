"""performAutoML: several recipes are tried, and the best one serves."""

from collections.abc import Iterator
from typing import Any

import pytest

from openpersonalize.storage.tables import SolutionVersionRow
from tests.api.refusals import refused
from tests.api.test_trained_answers import csv_of
from tests.databases import new_database
from tests.planted import taste_store
from tests.processes import job_of
from tests.world import World, running_server

RECIPE = "arn:aws:personalize:::recipe/aws-"
LEGACY = "not built yet: training aws-hrnn"
STORE = taste_store(n_users=60, n_clusters=3, items_per_cluster=40)
TEXT = csv_of(STORE.interactions)


@pytest.fixture(scope="module")
def tastes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    """A world with a group of users who stay in one cluster of items each."""
    with (
        new_database() as url,
        running_server(tmp_path_factory.mktemp("data"), url, limits="relaxed") as server,
    ):
        world = World(server)
        group = world.dataset_group()
        world.imported(world.dataset(group), TEXT)
        yield world, group


def chosen(world: World, group: str, *recipes: str, **config: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The solution and the version of an AutoML training."""
    config["recipeList"] = [RECIPE + name for name in recipes]
    arn = world.personalize.create_solution(
        name="auto-" + "-".join(recipes),
        datasetGroupArn=group,
        performAutoML=True,
        solutionConfig={"autoMLConfig": config, "algorithmHyperParameters": {"of_no_recipe": "1"}},
    )["solutionArn"]
    world.settle()
    version = world.trained(arn)
    return (
        world.personalize.describe_solution(solutionArn=arn)["solution"],
        world.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"],
    )


def test_the_best_recipe_is_chosen_tuned_and_serves(tastes: tuple[World, str]) -> None:
    world, group = tastes
    solution, version = chosen(world, group, "hrnn", "popularity-count", "user-personalization")
    details = job_of(world.server.stores, version["solutionVersionArn"]).details or {}
    candidates = {one["recipe"]: one for one in details["candidates"]}
    trials = [trial for trial in details["trials"] if trial["recipe"] == "aws-user-personalization"]
    best = max(trials, key=lambda trial: trial["metric"])

    assert solution["autoMLResult"] == {"bestRecipeArn": RECIPE + "user-personalization"}
    assert version["recipeArn"] == RECIPE + "user-personalization"
    assert candidates["aws-hrnn"] == {"recipe": "aws-hrnn", "reason": LEGACY}
    personal, popular = (
        candidates[f"aws-{name}"]["metric"] for name in ("user-personalization", "popularity-count")
    )
    assert personal > popular > 0
    assert version["tunedHPOParams"]["algorithmHyperParameters"] == best["parameters"]
    assert (best["metric"], len(trials), len(details["trials"])) == (personal, 5, 6)
    exploration = {"itemExplorationConfig": {"explorationWeight": "0"}}
    campaign = world.campaign(version["solutionVersionArn"], campaignConfig=exploration)
    for user in (0, 1, 2):
        answer = world.runtime.get_recommendations(
            campaignArn=campaign, userId=STORE.interactions.users.text(user), numResults=10
        )
        own = {STORE.interactions.items.text(row) for row in STORE.items_of(user)}
        assert {entry["itemId"] for entry in answer["itemList"]} <= own
    before = world.artifact(version["solutionVersionArn"])
    world.set_columns(SolutionVersionRow, version["solutionVersionArn"], next_update_at=1.0)
    world.imported(world.personalize.list_datasets(datasetGroupArn=group)["datasets"][0]["datasetArn"], TEXT)
    world.tick()
    assert world.artifact(version["solutionVersionArn"]) != before


@pytest.mark.slow
def test_a_recipe_without_hyperparameters_may_be_the_best(tastes: tuple[World, str]) -> None:
    world, group = tastes
    solution, version = chosen(world, group, "popularity-count", metricName="coverage")

    assert solution["autoMLResult"] == {"bestRecipeArn": RECIPE + "popularity-count"}
    assert "tunedHPOParams" not in version


def test_where_no_recipe_can_be_trained_the_version_fails_and_says_why(tastes: tuple[World, str]) -> None:
    world, group = tastes
    solution, version = chosen(world, group, "hrnn")

    assert "autoMLResult" not in solution
    assert version["status"] == "CREATE FAILED"
    assert version["failureReason"] == f"None of the recipes can be trained. aws-hrnn: {LEGACY}"


def test_columns_to_leave_out_are_checked_whatever_recipe_is_chosen(tastes: tuple[World, str]) -> None:
    world, group = tastes
    config = {"trainingDataConfig": {"excludedDatasetColumns": {"INTERACTIONS": ["COLOUR"]}}}

    assert "names the column 'COLOUR', which the INTERACTIONS dataset has not" in refused(
        "InvalidInputException",
        world.personalize.create_solution,
        name="auto-columns",
        datasetGroupArn=group,
        performAutoML=True,
        solutionConfig=config,
    )
