"""The catalogue of recipes, and the hyperparameters that it publishes."""

import subprocess
import sys

import pytest

from openpersonalize.errors import InvalidInputException
from openpersonalize.recipes.catalogue import BUILT, RECIPES, recipes_in
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.recipe import Where
from tests.trainers import TRAINERS


def test_the_catalogue_has_all_25_recipes_by_name() -> None:
    assert len(RECIPES) == 25
    assert list(RECIPES) == sorted(RECIPES)
    assert sum(recipe.domain is not None for recipe in RECIPES.values()) == 10
    assert {name for name, recipe in RECIPES.items() if recipe.is_legacy} == {
        "aws-hrnn",
        "aws-hrnn-metadata",
        "aws-hrnn-coldstart",
    }


def test_arns_have_neither_region_nor_account() -> None:
    recipe = RECIPES["aws-trending-now"]

    assert recipe.arn == "arn:aws:personalize:::recipe/aws-trending-now"
    assert recipe.algorithm_arn == "arn:aws:personalize:::algorithm/aws-trending-now-custom"
    assert (
        recipe.feature_transformation_arn == "arn:aws:personalize:::feature-transformation/aws-trending-now"
    )


def test_arns_name_the_partition() -> None:
    recipe = recipes_in("aws-cn")["aws-sims"]

    assert recipe.arn == "arn:aws-cn:personalize:::recipe/aws-sims"
    assert recipe.algorithm_arn == "arn:aws-cn:personalize:::algorithm/aws-sims"
    assert recipe.feature_transformation_arn == "arn:aws-cn:personalize:::feature-transformation/sims"


def test_descriptions_of_recipes_load_nothing_that_trains() -> None:
    """API processes import these; what only a training needs must stay out of them."""
    program = (
        "import sys, openpersonalize.recipes.catalogue, openpersonalize.recipes.hyperparameters;"
        "heavy = ('implicit', 'optuna', 'polars', 'pandas', 'sklearn', 'scipy.optimize', 'sqlalchemy');"
        "print([name for name in heavy if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


def test_the_recipes_said_to_be_built_are_those_with_a_trainer() -> None:
    assert set(TRAINERS) == BUILT <= set(RECIPES)


def test_defaults_stand_in_for_what_is_not_given() -> None:
    assert validate_hyperparameters(RECIPES["aws-user-personalization"], {"bptt": "8"}, {}) == {
        "hidden_dimension": 149,
        "bptt": 8,
        "recency_mask": True,
        "min_user_history_length_percentile": 0.0,
        "max_user_history_length_percentile": 0.99,
    }


def test_every_default_lies_within_its_own_range() -> None:
    for recipe in RECIPES.values():
        for where, given in ((Where.ALGORITHM, 0), (Where.FEATURES, 1)):
            texts = {one.name: str(one.default).lower() for one in recipe.parameters(where) if not one.values}
            maps = [{}, {}]
            maps[given] = texts
            values = validate_hyperparameters(recipe, maps[0], maps[1])
            assert all(values[name] == one.default for one in recipe.parameters(where) for name in [one.name])


def test_an_unknown_hyperparameter_is_refused_in_aws_words() -> None:
    with pytest.raises(InvalidInputException) as refused:
        validate_hyperparameters(RECIPES["aws-sims"], {"hidden_dimension": "64"}, {})

    assert refused.value.message.startswith(
        "Provide a hyperparameter that is used in the algorithm: arn:aws:personalize:::algorithm/aws-sims"
    )
    assert "'hidden_dimension' is not" in refused.value.message
    assert "min_cointeraction_count, popularity_discount_factor" in refused.value.message


def test_a_hyperparameter_in_the_wrong_map_is_refused() -> None:
    with pytest.raises(InvalidInputException, match="'bptt' is not; its featureTransformationParameters are"):
        validate_hyperparameters(RECIPES["aws-user-personalization"], {}, {"bptt": "8"})


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("bptt", "33", "an integer from 2 to 32"),
        ("bptt", "1", "an integer from 2 to 32"),
        ("bptt", "8.5", "an integer from 2 to 32"),
        ("hidden_dimension", "31", "an integer from 32 to 256"),
        ("hidden_dimension", "many", "an integer from 32 to 256"),
        ("recency_mask", "yes", "true or false"),
    ],
)
def test_a_bad_value_is_refused_with_what_is_allowed(name: str, value: str, allowed: str) -> None:
    with pytest.raises(InvalidInputException) as refused:
        validate_hyperparameters(RECIPES["aws-user-personalization"], {name: value}, {})

    assert (
        refused.value.message == f"The hyperparameter {name} has the value {value!r}; it must be {allowed}."
    )


@pytest.mark.parametrize("value", ["nan", "inf", "-0.1", "1.01", ""])
def test_a_percentile_lies_between_0_and_1(value: str) -> None:
    with pytest.raises(InvalidInputException, match="must be a number from 0 to 1"):
        validate_hyperparameters(
            RECIPES["aws-user-personalization"], {}, {"max_user_history_length_percentile": value}
        )


def test_a_lower_percentile_above_the_upper_is_refused() -> None:
    with pytest.raises(InvalidInputException, match="above max_user_history_length_percentile"):
        validate_hyperparameters(RECIPES["aws-sims"], {}, {"min_user_history_length_percentile": "0.999"})


def test_a_text_must_be_one_of_those_allowed() -> None:
    recipe = RECIPES["aws-trending-now"]

    assert validate_hyperparameters(recipe, {}, {"trend_discovery_frequency": "1 day"}) == {
        "trend_discovery_frequency": "1 day"
    }
    with pytest.raises(InvalidInputException, match="one of 30 minutes, 1 hour, 2 hours, 3 hours, 1 day"):
        validate_hyperparameters(recipe, {}, {"trend_discovery_frequency": "4 hours"})
