"""Recipes, algorithms and feature transformations through boto3."""

import pytest

from tests.api.refusals import refused
from tests.world import World


def names(world: World, **members: str) -> list[str]:
    pages = world.personalize.get_paginator("list_recipes").paginate(**members)
    return [recipe["name"] for page in pages for recipe in page["recipes"]]


def test_recipes_are_listed_by_name_in_pages(world: World) -> None:
    found = names(world, PaginationConfig={"PageSize": 4})  # type: ignore[arg-type]
    first = world.personalize.list_recipes(maxResults=2)

    assert len(found) == 25
    assert found == sorted(found)
    assert [recipe["name"] for recipe in first["recipes"]] == found[:2]
    assert "nextToken" not in world.personalize.list_recipes(recipeProvider="SERVICE")


def test_recipes_of_a_domain_are_listed_with_it(world: World) -> None:
    recipes = world.personalize.list_recipes(domain="ECOMMERCE")["recipes"]
    custom = world.personalize.list_recipes()["recipes"]

    assert len(recipes) == 5
    assert {recipe["domain"] for recipe in recipes} == {"ECOMMERCE"}
    assert len([recipe for recipe in custom if "domain" not in recipe]) == 15
    token = world.personalize.list_recipes(domain="ECOMMERCE", maxResults=1)["nextToken"]
    refused("InvalidNextTokenException", world.personalize.list_recipes, nextToken=token)


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
