"""Campaigns through boto3: what describes them; what they answer is tested with the runtime."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from openpersonalize.storage.tables import SolutionVersionRow
from tests.api.conftest import TrainedStore
from tests.api.refusals import refused
from tests.world import World, until


def describe(world: World, arn: str) -> dict[str, Any]:
    campaign: dict[str, Any] = world.personalize.describe_campaign(campaignArn=arn)["campaign"]
    return campaign


def test_a_campaign_becomes_active_with_its_defaults(trained: TrainedStore) -> None:
    world = trained.world
    arn = world.personalize.create_campaign(name="home", solutionVersionArn=trained.version)["campaignArn"]
    pending = describe(world, arn)["status"]
    world.settle()
    found = describe(world, arn)
    (listed,) = [
        campaign
        for campaign in world.personalize.list_campaigns(solutionArn=trained.solution)["campaigns"]
        if campaign["campaignArn"] == arn
    ]

    assert arn == world.arn("campaign", "home")
    assert (pending, found["status"]) == ("CREATE PENDING", "ACTIVE")
    assert (found["solutionVersionArn"], found["minProvisionedTPS"]) == (trained.version, 1)
    assert {"campaignConfig", "latestCampaignUpdate", "failureReason"}.isdisjoint(found)
    assert set(listed) == {"name", "campaignArn", "status", "creationDateTime", "lastUpdatedDateTime"}


def test_latest_stands_for_the_newest_active_version(trained: TrainedStore) -> None:
    arn = trained.world.campaign(f"{trained.solution}/$LATEST")

    assert describe(trained.world, arn)["solutionVersionArn"] == trained.version


def test_only_an_active_version_can_be_deployed(world: World) -> None:
    solution = world.solution(world.dataset_group())
    create = world.personalize.create_campaign
    version = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]

    assert "CREATE PENDING" in refused(
        "ResourceInUseException", create, name="home", solutionVersionArn=version
    )
    assert "has no ACTIVE solution version" in refused(
        "ResourceInUseException", create, name="home", solutionVersionArn=f"{solution}/$LATEST"
    )
    for missing in (solution, f"{solution}/00000000"):
        assert refused("ResourceNotFoundException", create, name="home", solutionVersionArn=missing) == (
            f"The given solution version does not exist: {missing}"
        )
    refused(
        "ResourceNotFoundException",
        create,
        name="home",
        solutionVersionArn=world.arn("solution", "none", "$LATEST"),
    )


def test_a_name_is_taken_once(trained: TrainedStore) -> None:
    arn = trained.world.campaign(trained.version, "taken")
    message = refused(
        "ResourceAlreadyExistsException",
        trained.world.personalize.create_campaign,
        name="taken",
        solutionVersionArn=trained.version,
    )

    assert message == f"Another resource with Arn {arn} already exists."


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"syncWithLatestSolutionVersion": True}, "needs a solutionVersionArn that ends in /$LATEST"),
        (
            {"rankingInfluence": {"POPULARITY": 0.0}},
            "rankingInfluence is for aws-semantic-similarity, not for aws-popularity-count",
        ),
        ({"itemExplorationConfig": {"explorationWeight": "0.3"}}, "aws-popularity-count does not have"),
        ({"rankingInfluence": {"POPULARITY": 1.5}}, "less than or equal to 1"),
        ({"rankingInfluence": {"PRICE": 0.5}}, "enum value set: [POPULARITY, FRESHNESS]"),
    ],
)
def test_a_config_that_the_recipe_cannot_have_is_refused(
    trained: TrainedStore, config: dict[str, Any], expected: str
) -> None:
    message = refused(
        "InvalidInputException",
        trained.world.personalize.create_campaign,
        name="refused",
        solutionVersionArn=trained.version,
        campaignConfig=config,
    )

    assert expected in message


@pytest.mark.parametrize(
    "config",
    [
        {"enableMetadataWithRecommendations": False, "syncWithLatestSolutionVersion": False},
        {"enableMetadataWithRecommendations": True, "itemExplorationConfig": {}, "rankingInfluence": {}},
        {},
    ],
)
def test_the_config_comes_back_as_it_was_sent(trained: TrainedStore, config: dict[str, Any]) -> None:
    arn = trained.world.campaign(trained.version, campaignConfig=config, minProvisionedTPS=7)
    found = describe(trained.world, arn)

    assert found["status"] == "ACTIVE"
    assert found["campaignConfig"] == config
    assert found["minProvisionedTPS"] == 7


def of_recipe(trained: TrainedStore, recipe: str) -> str:
    """A version that says it was trained with another recipe."""
    version = trained.world.trained(trained.world.solution(trained.group))
    recipe_arn = f"arn:aws:personalize:::recipe/aws-{recipe}"
    trained.world.set_columns(SolutionVersionRow, version, recipe_arn=recipe_arn)
    return version


@pytest.mark.parametrize("weight", ["0", "0.30", "1.0"])
def test_exploration_of_any_weight_is_kept(trained: TrainedStore, weight: str) -> None:
    config = {
        "itemExplorationConfig": {"explorationWeight": weight, "explorationItemAgeCutOff": "30"},
    }
    version = of_recipe(trained, "user-personalization")
    found = describe(trained.world, trained.world.campaign(version, campaignConfig=config))

    assert (found["status"], found["campaignConfig"]) == ("ACTIVE", config)


@pytest.mark.parametrize(
    "values", [{"explorationWeight": "1.1"}, {"explorationItemAgeCutOff": "0"}, {"exploration_weight": "0.3"}]
)
def test_exploration_out_of_range_is_refused(trained: TrainedStore, values: dict[str, str]) -> None:
    assert "campaignConfig.itemExplorationConfig has" in refused(
        "InvalidInputException",
        trained.world.personalize.create_campaign,
        name="refused",
        solutionVersionArn=of_recipe(trained, "user-personalization"),
        campaignConfig={"itemExplorationConfig": values},
    )


@pytest.mark.parametrize(
    "recipe", ["user-personalization-v2", "personalized-ranking-v2", "semantic-similarity"]
)
def test_newer_recipes_give_metadata_unless_told_otherwise(trained: TrainedStore, recipe: str) -> None:
    world, version = trained.world, of_recipe(trained, recipe)
    influence = {"rankingInfluence": {"POPULARITY": 0.25, "FRESHNESS": 1.0}}
    more = influence if recipe == "semantic-similarity" else {"syncWithLatestSolutionVersion": False}
    configs = [
        describe(world, world.campaign(version, **members))["campaignConfig"]
        for members in (
            {},
            {"campaignConfig": more},
            {"campaignConfig": {"enableMetadataWithRecommendations": False}},
        )
    ]

    assert configs == [
        {"enableMetadataWithRecommendations": True},
        {"enableMetadataWithRecommendations": True} | more,
        {"enableMetadataWithRecommendations": False},
    ]


def test_an_update_shows_beside_what_still_serves(trained: TrainedStore) -> None:
    world = trained.world
    arn = world.campaign(trained.version)
    world.personalize.update_campaign(campaignArn=arn, minProvisionedTPS=5)
    during = describe(world, arn)
    busy = [
        refused(
            "ResourceInUseException", world.personalize.update_campaign, campaignArn=arn, minProvisionedTPS=6
        ),
        refused("ResourceInUseException", world.personalize.delete_campaign, campaignArn=arn),
    ]
    world.settle()
    after = describe(world, arn)

    assert (during["status"], during["minProvisionedTPS"]) == ("ACTIVE", 1)
    assert during["latestCampaignUpdate"]["status"] == "CREATE PENDING"
    assert during["latestCampaignUpdate"]["minProvisionedTPS"] == 5
    assert all("has an update in state CREATE PENDING" in message for message in busy)
    assert (after["status"], after["minProvisionedTPS"]) == ("ACTIVE", 5)
    assert after["latestCampaignUpdate"]["status"] == "ACTIVE"
    assert after["latestCampaignUpdate"]["solutionVersionArn"] == trained.version
    assert after["solutionVersionArn"] == trained.version
    assert after["lastUpdatedDateTime"] > during["creationDateTime"]


def test_what_an_update_leaves_out_stays(trained: TrainedStore) -> None:
    world, config = trained.world, {"enableMetadataWithRecommendations": False}
    arn = world.campaign(trained.version, campaignConfig=config, minProvisionedTPS=2)
    world.personalize.update_campaign(campaignArn=arn, minProvisionedTPS=3)
    world.settle()
    found = describe(world, arn)

    assert (found["campaignConfig"], found["minProvisionedTPS"]) == (config, 3)
    assert found["latestCampaignUpdate"]["campaignConfig"] == config


@pytest.mark.parametrize("same", [{}, {"minProvisionedTPS": 1}, {"campaignConfig": None}])
def test_an_update_that_changes_nothing_is_refused(trained: TrainedStore, same: dict[str, Any]) -> None:
    world = trained.world
    arn = world.campaign(trained.version)
    members = {name: value for name, value in same.items() if value is not None}

    assert "would not change" in refused(
        "InvalidInputException", world.personalize.update_campaign, campaignArn=arn, **members
    )
    assert "would not change" in refused(
        "InvalidInputException",
        world.personalize.update_campaign,
        campaignArn=arn,
        solutionVersionArn=trained.version,
        **members,
    )
    assert "latestCampaignUpdate" not in describe(world, arn)


def test_an_update_stays_with_the_solution(trained: TrainedStore) -> None:
    world = trained.world
    arn = world.campaign(trained.version)
    other = world.trained(world.solution(trained.group))

    assert "is not a version of" in refused(
        "InvalidInputException", world.personalize.update_campaign, campaignArn=arn, solutionVersionArn=other
    )


def test_a_campaign_goes_and_its_name_is_free_again(trained: TrainedStore) -> None:
    world = trained.world
    arn = world.campaign(trained.version, "passing")
    world.personalize.delete_campaign(campaignArn=arn)
    leaving = describe(world, arn)["status"]
    refused("ResourceInUseException", world.personalize.delete_campaign, campaignArn=arn)
    refused("ResourceInUseException", world.personalize.update_campaign, campaignArn=arn, minProvisionedTPS=2)
    world.settle()

    assert leaving == "DELETE PENDING"
    message = refused("ResourceNotFoundException", world.personalize.describe_campaign, campaignArn=arn)
    assert message == f"The given campaign does not exist: {arn}"
    assert world.campaign(trained.version, "passing") == arn


def test_campaigns_are_listed_by_solution(trained: TrainedStore) -> None:
    world = trained.world
    solution = world.solution(trained.group)
    version = world.trained(solution)
    arns = [world.campaign(version), world.campaign(version)]
    world.campaign(trained.version)

    def listed(**members: str) -> list[str]:
        return [entry["campaignArn"] for entry in world.personalize.list_campaigns(**members)["campaigns"]]

    assert listed(solutionArn=solution) == arns
    assert set(arns) < set(listed())
    assert listed(solutionArn=world.arn("solution", "none")) == []


def test_a_campaign_whose_model_is_damaged_fails_and_can_be_mended(world: World) -> None:
    group = world.dataset_group()
    world.interactions(group)
    version = world.trained(world.solution(group))
    manifest = world.artifact(version) / "manifest.json"
    kept = manifest.read_bytes()
    manifest.write_bytes(b"damaged")
    arn = world.personalize.create_campaign(name="home", solutionVersionArn=version)["campaignArn"]

    def after_all_attempts() -> dict[str, Any] | None:
        world.settle()
        found = describe(world, arn)
        return found if found["status"] == "CREATE FAILED" else None

    failed = until(after_all_attempts, "the deployment has failed")
    manifest.write_bytes(kept)
    update = world.personalize.update_campaign
    message = refused("InvalidInputException", update, campaignArn=arn)
    update(campaignArn=arn, solutionVersionArn=version)
    world.settle()
    mended = describe(world, arn)

    assert failed["status"] == "CREATE FAILED"
    assert "internal error" in failed["failureReason"]
    assert "would not change" in message
    assert (mended["status"], mended["solutionVersionArn"]) == ("ACTIVE", version)
    assert "failureReason" not in mended


def test_an_update_to_latest_serves_the_newest_version(trained: TrainedStore) -> None:
    world = trained.world
    solution = world.solution(trained.group)
    arn = world.campaign(world.trained(solution))
    newest = world.trained(solution)
    world.personalize.update_campaign(campaignArn=arn, solutionVersionArn=f"{solution}/$LATEST")
    during = describe(world, arn)["solutionVersionArn"]
    world.settle()

    assert during != newest
    assert describe(world, arn)["solutionVersionArn"] == newest


def test_a_version_that_makes_segments_cannot_be_deployed(trained: TrainedStore) -> None:
    world = trained.world
    version = of_recipe(trained, "item-affinity")

    assert "makes segments of users in batch jobs" in refused(
        "InvalidInputException",
        world.personalize.create_campaign,
        name="segments",
        solutionVersionArn=version,
    )


def test_a_campaign_answers_until_its_deletion_is_asked_for(trained: TrainedStore) -> None:
    world = trained.world
    arn = world.campaign(trained.version)

    def answers() -> bool:
        try:
            world.runtime.get_recommendations(campaignArn=arn, userId="u1")
        except ClientError as error:
            assert error.response["Error"]["Message"] == f"{arn} does not exist or is not active yet."
            return False
        return True

    until(answers, "the campaign answers")
    world.personalize.delete_campaign(campaignArn=arn)
    until(lambda: not answers(), "the campaign answers no more")
    assert describe(world, arn)["status"] == "DELETE PENDING"
    world.settle()
