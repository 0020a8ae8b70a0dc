"""Solutions through boto3."""

from typing import Any

import pytest

from openpersonalize.work.housekeeping import collect
from tests.api.conftest import TrainedStore
from tests.api.refusals import refused
from tests.world import FIELDS, World, text_field

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
    for name in ("performHPO", "performAutoML", "performIncrementalUpdate"):
        assert found[name] is False, name
    assert found["performAutoTraining"] is True
    assert {"solutionConfig", "eventType", "latestSolutionVersion", "autoMLResult"}.isdisjoint(found)
    assert "latestSolutionUpdate" not in found
    assert set(listed) == {
        *("name", "solutionArn", "status", "creationDateTime", "lastUpdatedDateTime", "recipeArn")
    }


def test_the_config_comes_back_as_it_was_sent(world: World, group: str) -> None:
    config = {
        "eventValueThreshold": "3.50",
        "algorithmHyperParameters": {"hidden_dimension": "064", "recency_mask": "True"},
        "featureTransformationParameters": {"max_user_history_length_percentile": "0.990"},
        "hpoConfig": {
            "hpoObjective": {"type": "a", "metricName": "b", "metricRegex": "c"},
            "hpoResourceConfig": {"maxNumberOfTrainingJobs": "040", "maxParallelTrainingJobs": "10"},
            "algorithmHyperParameterRanges": {
                "integerHyperParameterRanges": [{"name": "bptt", "minValue": 2, "maxValue": 32}],
                "continuousHyperParameterRanges": [],
                "categoricalHyperParameterRanges": [{"name": "recency_mask", "values": ["true", "False"]}],
            },
        },
        "autoMLConfig": {"metricName": "precision_at_25", "recipeList": [UP]},
        "autoTrainingConfig": {"schedulingExpression": "rate(1 days)"},
        "optimizationObjective": {"objectiveSensitivity": "OFF"},
        "eventsConfig": {"eventParametersList": []},
        "trainingDataConfig": {"excludedDatasetColumns": {}},
    }
    arn = create(world, group, solutionConfig=config, eventType="watch", performAutoTraining=False)
    found = describe(world, arn)

    assert found["solutionConfig"] == config
    assert (found["eventType"], found["performAutoTraining"]) == ("watch", False)


@pytest.mark.parametrize(
    "config",
    [
        {"eventsConfig": {}, "hpoConfig": {"algorithmHyperParameterRanges": {}}, "autoTrainingConfig": {}},
        {
            "optimizationObjective": {},
            "trainingDataConfig": {"includedDatasetColumns": {}},
            "autoMLConfig": {"recipeList": []},
        },
        {"hpoConfig": {"hpoResourceConfig": {}, "hpoObjective": {}}, "algorithmHyperParameters": {}},
    ],
)
def test_empty_maps_and_lists_stay(world: World, group: str, config: dict[str, Any]) -> None:
    assert describe(world, create(world, group, solutionConfig=config))["solutionConfig"] == config


def test_event_weights_come_back_as_they_were_sent(world: World, group: str) -> None:
    config = {
        "eventsConfig": {
            "eventParametersList": [
                {"eventType": "watch", "weight": 0.5, "eventValueThreshold": -1.25},
                {"eventType": "click", "weight": 1},
                {"eventType": "skip"},
            ]
        }
    }
    arn = create(world, group, recipeArn=RECIPE.format("personalized-ranking-v2"), solutionConfig=config)

    assert describe(world, arn)["solutionConfig"] == config


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


UNKNOWN = "Provide a hyperparameter that is used in the algorithm: arn:aws:personalize:::algorithm/aws-{}. "


def ranges(kind: str, **members: Any) -> dict[str, Any]:
    return {"hpoConfig": {"algorithmHyperParameterRanges": {f"{kind}HyperParameterRanges": [members]}}}


@pytest.mark.parametrize(
    ("recipe", "config", "expected"),
    [
        ("sims", ranges("integer", name="bptt", minValue=2), UNKNOWN.format("sims")),
        (
            "user-personalization-v2",
            ranges("categorical", name="apply_recency_bias", values=["true"]),
            "'apply_recency_bias'; it has none that can be tuned",
        ),
        ("sims", ranges("integer", minValue=2), "has a range without a name"),
        ("sims", ranges("integer", name="popularity_discount_factor"), "use continuousHyperParameterRanges"),
        (
            "sims",
            ranges("integer", name="min_cointeraction_count", maxValue=11),
            "has the bound 11 for 'min_cointeraction_count', which must be an integer from 0 to 10",
        ),
        (
            "sims",
            ranges("continuous", name="popularity_discount_factor", minValue=-0.5),
            "the bound -0.5 for 'popularity_discount_factor', which must be a number from 0 to 1",
        ),
        (
            "similar-items",
            ranges("integer", name="item_id_hidden_dim", minValue=100, maxValue=50),
            "has the minValue 100 for 'item_id_hidden_dim', above its maxValue 50",
        ),
        (
            "user-personalization",
            ranges("categorical", name="recency_mask", values=["true", "maybe"]),
            "has the value 'maybe' for 'recency_mask': it must be true or false",
        ),
        ("user-personalization", ranges("categorical", name="recency_mask", values=[]), "has no values for"),
        (
            "user-personalization",
            {
                "hpoConfig": {
                    "algorithmHyperParameterRanges": {"integerHyperParameterRanges": [{"name": "bptt"}] * 2}
                }
            },
            "names 'bptt' a second time",
        ),
        *(
            (
                "sims",
                {"hpoConfig": {"hpoResourceConfig": {name: text}}},
                f"{name} is {text!r}: write an integer from 1 to {most} as a string",
            )
            for name, most, texts in (
                ("maxNumberOfTrainingJobs", 40, ("0", "41", "four")),
                ("maxParallelTrainingJobs", 10, ("11", "-1", "1.5", "")),
            )
            for text in texts
        ),
        (
            "user-personalization",
            {"eventsConfig": {"eventParametersList": [{"eventType": "watch"}]}},
            "is for aws-user-personalization-v2 and aws-personalized-ranking-v2, not for "
            "aws-user-personalization",
        ),
        (
            "user-personalization-v2",
            {"eventsConfig": {"eventParametersList": [{"eventType": "a"}, {"eventType": "a"}]}},
            "names the eventType 'a' twice",
        ),
        (
            "user-personalization-v2",
            {"eventsConfig": {"eventParametersList": [{"weight": 0.5}]}},
            "has an entry without an eventType",
        ),
        (
            "user-personalization-v2",
            {"eventsConfig": {"eventParametersList": [{"eventType": str(n)} for n in range(11)]}},
            "length less than or equal to 10",
        ),
        (
            "user-personalization-v2",
            {"eventsConfig": {"eventParametersList": [{"eventType": "a", "weight": 1.5}]}},
            "less than or equal to 1",
        ),
        (
            "sims",
            {"optimizationObjective": {"itemAttribute": "PRICE", "objectiveSensitivity": "HIGH"}},
            "is for aws-user-personalization and aws-personalized-ranking, not for aws-sims",
        ),
        (
            "personalized-ranking",
            {"optimizationObjective": {"objectiveSensitivity": "LOW"}},
            "has no itemAttribute",
        ),
        (
            "next-best-action",
            {"trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": ["GENRE"]}}},
            "is for recipes of items and of segments, which aws-next-best-action is not",
        ),
        (
            "sims",
            {"autoMLConfig": {"recipeList": [RECIPE.format("sims")]}},
            "recipeList has arn:aws:personalize:::recipe/aws-sims, which AutoML cannot choose",
        ),
    ],
)
def test_a_config_that_the_recipe_cannot_have_is_refused(
    world: World, group: str, recipe: str, config: dict[str, Any], expected: str
) -> None:
    asked = {"recipeArn": RECIPE.format(recipe), "solutionConfig": config}

    assert expected in refused("InvalidInputException", lambda: create(world, group, **asked))


@pytest.fixture
def shop(world: World, group: str) -> str:
    """A group with event types but no values, and items with columns of several kinds."""
    kind = text_field("EVENT_TYPE")
    world.dataset(group, "Interactions", *FIELDS["Interactions"], kind)
    world.dataset(
        group,
        "Items",
        *FIELDS["Items"],
        {"name": "PRICE", "type": "float"},
        {"name": "STARS", "type": ["null", "int"]},
    )
    return group


@pytest.mark.parametrize(
    ("recipe", "config", "expected"),
    [
        (
            "user-personalization",
            {"optimizationObjective": {"itemAttribute": name, "objectiveSensitivity": "HIGH"}},
            f"itemAttribute is {name!r}, which is not a numeric column of the Items dataset that is never "
            "null: use one of PRICE",
        )
        for name in ("STARS", "GENRE", "NONE")
    ]
    + [
        (
            "user-personalization-v2",
            {"eventsConfig": {"eventParametersList": [{"eventType": "a", "eventValueThreshold": 0.5}]}},
            "needs the column EVENT_VALUE, which the schema of the group's Interactions dataset",
        ),
        (
            "sims",
            {"trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": ["COLOUR"]}}},
            "names the column 'COLOUR', which the ITEMS dataset has not",
        ),
        (
            "sims",
            {"trainingDataConfig": {"includedDatasetColumns": {"Shoes": ["COLOUR"]}}},
            "names the dataset 'Shoes', which the dataset group does not have",
        ),
        (
            "sims",
            {"trainingDataConfig": {"excludedDatasetColumns": {"Interactions": ["EVENT_TYPE"]}}},
            "has EVENT_TYPE, which all training uses",
        ),
    ],
)
def test_a_config_that_the_schemas_do_not_allow_is_refused(
    world: World, shop: str, recipe: str, config: dict[str, Any], expected: str
) -> None:
    asked = {"recipeArn": RECIPE.format(recipe), "solutionConfig": config}

    assert expected in refused("InvalidInputException", lambda: create(world, shop, **asked))


def test_events_need_types(world: World, group: str) -> None:
    world.dataset(group)
    config = {"eventsConfig": {"eventParametersList": [{"eventType": "a"}]}}
    asked = {"recipeArn": RECIPE.format("user-personalization-v2"), "solutionConfig": config}

    assert "eventsConfig needs the column EVENT_TYPE" in refused(
        "InvalidInputException", lambda: create(world, group, **asked)
    )


def test_hyperparameters_are_tuned_where_a_recipe_has_any(world: World, group: str) -> None:
    found = describe(world, create(world, group, performHPO=True))
    popular = RECIPE.format("popularity-count")

    assert found["performHPO"] is True
    assert "aws-popularity-count has no hyperparameters that performHPO could tune" in refused(
        "InvalidInputException", lambda: create(world, group, recipeArn=popular, performHPO=True)
    )


@pytest.mark.parametrize("hpo", [None, True, False])
def test_automl_takes_the_place_of_a_recipe_and_always_tunes(
    world: World, group: str, hpo: bool | None
) -> None:
    found = describe(world, create(world, group, performAutoML=True, recipeArn=None, performHPO=hpo))

    assert (found["performAutoML"], found["performHPO"]) == (True, True)
    assert {"recipeArn", "autoMLResult"}.isdisjoint(found)


def test_either_a_recipe_or_automl_is_named(world: World, group: str) -> None:
    assert "leave out recipeArn, or performAutoML" in refused(
        "InvalidInputException", lambda: create(world, group, performAutoML=True)
    )
    assert "recipeArn is missing" in refused(
        "InvalidInputException", lambda: create(world, group, performAutoML=False, recipeArn=None)
    )


def test_items_are_added_in_between_by_one_recipe_only(world: World, group: str) -> None:
    semantic = RECIPE.format("semantic-similarity")
    found = describe(world, create(world, group, recipeArn=semantic, performIncrementalUpdate=True))

    assert found["performIncrementalUpdate"] is True
    assert "performIncrementalUpdate is for solutions of aws-semantic-similarity" in refused(
        "InvalidInputException", lambda: create(world, group, performIncrementalUpdate=True)
    )


@pytest.mark.parametrize(
    ("recipe", "members", "what"),
    [
        (
            "user-personalization-v2",
            {"solutionConfig": {"eventsConfig": {"eventParametersList": [{"eventType": "a"}]}}},
            "solutionConfig.eventsConfig",
        ),
        ("user-personalization-v2", {}, "training aws-user-personalization-v2"),
        ("personalized-ranking-v2", {}, "training aws-personalized-ranking-v2"),
    ],
)
def test_what_is_not_built_yet_fails_in_training_and_says_so(
    world: World, shop: str, recipe: str | None, members: dict[str, Any], what: str
) -> None:
    arn = create(world, shop, recipeArn=None if recipe is None else RECIPE.format(recipe), **members)
    world.settle()
    version = world.trained(arn)
    found = world.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]

    assert describe(world, arn)["status"] == "ACTIVE"
    assert (found["status"], found["failureReason"]) == ("CREATE FAILED", f"not built yet: {what}")


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
    # The first look marks what nothing names any more.
    for _ in range(2):
        collect(world.server.stores, grace_s=0.0)

    assert f"in use by the campaign {campaign}" in message
    assert was_there
    assert not artifact.exists()


@pytest.mark.parametrize("recipe", ["hrnn", "hrnn-metadata", "hrnn-coldstart"])
def test_no_solution_is_made_of_a_legacy_recipe(world: World, group: str, recipe: str) -> None:
    legacy = RECIPE.format(recipe)
    message = refused("InvalidInputException", lambda: create(world, group, recipeArn=legacy))

    assert message.startswith(f"{legacy} is a legacy recipe")
    assert message.endswith(f"use {UP}.")
