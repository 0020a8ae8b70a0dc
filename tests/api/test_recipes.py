"""Recipes, algorithms and feature transformations through boto3."""

import pytest

from tests.api.refusals import refused
from tests.world import World


def names(world: World, **members: str) -> list[str]:
    pages = world.personalize.get_paginator("list_recipes").paginate(**members)
    return [recipe["name"] for page in pages for recipe in page["recipes"]]


def test_recipes_are_listed_by_name_in_pages(world: World) -> None:
    found = names(world, PaginationConfig={"PageSize": 4})
    first = world.personalize.list_recipes(maxResults=2)

    assert len(found) == 22
    assert found == sorted(found)
    assert [recipe["name"] for recipe in first["recipes"]] == found[:2]
    assert "nextToken" not in world.personalize.list_recipes(recipeProvider="SERVICE")


def test_recipes_of_a_domain_are_listed_with_it(world: World) -> None:
    recipes = world.personalize.list_recipes(domain="ECOMMERCE")["recipes"]
    custom = world.personalize.list_recipes()["recipes"]

    assert len(recipes) == 5
    assert {recipe["domain"] for recipe in recipes} == {"ECOMMERCE"}
    assert len([recipe for recipe in custom if "domain" not in recipe]) == 12
    token = world.personalize.list_recipes(domain="ECOMMERCE", maxResults=1)["nextToken"]
    refused("InvalidNextTokenException", world.personalize.list_recipes, nextToken=token)


def test_legacy_recipes_are_described_but_not_listed(world: World) -> None:
    arn = "arn:aws:personalize:::recipe/aws-hrnn"

    assert not any("hrnn" in name for name in names(world))
    assert world.personalize.describe_recipe(recipeArn=arn)["recipe"]["recipeArn"] == arn


@pytest.mark.parametrize("name", ["aws-user-personalization", "aws-trending-now", "aws-vod-top-picks"])
def test_a_recipe_leads_to_its_algorithm_and_transformation(world: World, name: str) -> None:
    arn = f"arn:aws:personalize:::recipe/{name}"
    recipe = world.personalize.describe_recipe(recipeArn=arn)["recipe"]
    algorithm = world.personalize.describe_algorithm(algorithmArn=recipe["algorithmArn"])["algorithm"]
    transformation = world.personalize.describe_feature_transformation(
        featureTransformationArn=recipe["featureTransformationArn"]
    )["featureTransformation"]

    assert (recipe["name"], recipe["recipeArn"], recipe["status"]) == (name, arn, "ACTIVE")
    assert "domain" not in recipe
    assert algorithm["algorithmArn"] == recipe["algorithmArn"]
    assert transformation["status"] == "ACTIVE"


def test_an_algorithm_tells_defaults_and_ranges(world: World) -> None:
    algorithm = world.personalize.describe_algorithm(
        algorithmArn="arn:aws:personalize:::algorithm/aws-user-personalization"
    )["algorithm"]
    ranges = algorithm["defaultHyperParameterRanges"]

    assert algorithm["defaultHyperParameters"] == {
        "hidden_dimension": "149",
        "bptt": "32",
        "recency_mask": "true",
    }
    assert {"name": "bptt", "minValue": 2, "maxValue": 32, "isTunable": True} in ranges[
        "integerHyperParameterRanges"
    ]
    assert ranges["categoricalHyperParameterRanges"] == [
        {"name": "recency_mask", "values": ["true", "false"], "isTunable": True}
    ]


def test_a_transformation_tells_its_parameters(world: World) -> None:
    found = world.personalize.describe_feature_transformation(
        featureTransformationArn="arn:aws:personalize:::feature-transformation/sims"
    )["featureTransformation"]

    assert found["defaultParameters"]["max_item_interaction_count_percentile"] == "0.9"


def test_what_is_not_built_in_does_not_exist(world: World) -> None:
    client = world.personalize

    for call, member, kind, words in (
        (client.describe_recipe, "recipeArn", "recipe", "recipe"),
        (client.describe_algorithm, "algorithmArn", "algorithm", "algorithm"),
        (
            client.describe_feature_transformation,
            "featureTransformationArn",
            "feature-transformation",
            "feature transformation",
        ),
    ):
        arn = f"arn:aws:personalize:::{kind}/aws-none"
        assert refused("ResourceNotFoundException", call, **{member: arn}) == (
            f"The given {words} does not exist: {arn}"
        )


def test_china_has_a_partition_of_its_own(world: World) -> None:
    china = world.elsewhere(region="cn-north-1")
    listed = china.personalize.list_recipes()["recipes"]
    recipe = china.personalize.describe_recipe(recipeArn="arn:aws-cn:personalize:::recipe/aws-sims")["recipe"]
    algorithm = china.personalize.describe_algorithm(algorithmArn=recipe["algorithmArn"])["algorithm"]

    assert {entry["recipeArn"].split(":recipe/")[0] for entry in listed} == {"arn:aws-cn:personalize::"}
    assert algorithm["algorithmArn"] == "arn:aws-cn:personalize:::algorithm/aws-sims"
    assert recipe["featureTransformationArn"] == "arn:aws-cn:personalize:::feature-transformation/sims"
    for home, partition in ((china, "aws"), (world, "aws-cn")):
        foreign = f"arn:{partition}:personalize:::recipe/aws-sims"
        refused("ResourceNotFoundException", home.personalize.describe_recipe, recipeArn=foreign)


def test_the_main_path_works_in_china(world: World) -> None:
    china = world.elsewhere(region="cn-north-1")
    group = china.dataset_group()
    china.interactions(group)
    solution = china.personalize.create_solution(
        name="popular",
        datasetGroupArn=group,
        recipeArn="arn:aws-cn:personalize:::recipe/aws-popularity-count",
    )["solutionArn"]
    china.settle()
    version = china.trained(solution)
    campaign = china.campaign(version)
    described = china.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]

    assert campaign.startswith(f"arn:aws-cn:personalize:cn-north-1:{china.account}:campaign/")
    assert described["recipeArn"] == "arn:aws-cn:personalize:::recipe/aws-popularity-count"
    assert china.runtime.get_recommendations(campaignArn=campaign)["itemList"]
