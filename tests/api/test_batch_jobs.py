"""Batch inference jobs and batch segment jobs through boto3: all but their work."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from openpersonalize.storage.tables import FilterRow, SolutionRow, SolutionVersionRow
from tests.api.conftest import TrainedStore
from tests.api.refusals import refused
from tests.api.rows import fill
from tests.world import FIELDS, World, running_server, text_field

ROLE = "arn:aws:iam::123456789012:role/batch"
KEY = "arn:aws:kms:us-east-1:123456789012:key/k"
INPUT = {"s3DataSource": {"path": "s3://bucket/in.json"}}
OUTPUT = {"s3DataDestination": {"path": "s3://bucket/out/"}}
THEMES = {"fieldsForThemeGeneration": {"itemName": "TITLE"}}


@dataclass(frozen=True)
class Kind:
    """One of the two kinds of jobs."""

    noun: str
    recipe: str
    most_results: int
    target: str
    """What its filters choose among."""
    reason: str
    """Why a job fails whose input is not there."""

    def __str__(self) -> str:
        return self.noun

    def call(self, world: World, verb: str, end: str = "") -> Any:
        return getattr(world.personalize, f"{verb}_batch_{self.noun}_job{end}")

    def create(self, world: World, version: str, name: str, **members: Any) -> str:
        asked = {"jobInput": INPUT, "jobOutput": OUTPUT, "roleArn": ROLE} | members
        answer = self.call(world, "create")(jobName=name, solutionVersionArn=version, **asked)
        arn: str = answer[f"batch{self.noun.capitalize()}JobArn"]
        return arn

    def describe(self, world: World, arn: str) -> dict[str, Any]:
        member = f"batch{self.noun.capitalize()}Job"
        found: dict[str, Any] = self.call(world, "describe")(**{f"{member}Arn": arn})[member]
        return found

    def listed(self, world: World, **members: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call(world, "list", "s")(**members)[
            f"batch{self.noun.capitalize()}Jobs"
        ]
        return found


INFERENCE = Kind(*("inference", "aws-popularity-count", 500, "ItemID"), "not built yet: batch inference jobs")
SEGMENT = Kind(
    "segment", "aws-item-affinity", 5_000_000, "UserID", "Invalid S3 input path. s3://bucket/in.json"
)

both = pytest.mark.parametrize("kind", [INFERENCE, SEGMENT], ids=str)


@contextmanager
def of_recipe(store: TrainedStore, name: str) -> Iterator[None]:
    """Let the store's version be of a recipe for a while: some can't be trained yet."""
    set_recipe = store.world.set_columns
    arn = "arn:aws:personalize:::recipe/"
    set_recipe(SolutionVersionRow, store.version, recipe_arn=arn + name)
    yield
    set_recipe(SolutionVersionRow, store.version, recipe_arn=arn + "aws-popularity-count")


@pytest.fixture
def store(trained: TrainedStore, request: pytest.FixtureRequest) -> Iterator[TrainedStore]:
    """The store, its version of a recipe that fits the kind of jobs; other tests' jobs have ended."""
    trained.world.settle()
    kind = request.getfixturevalue("kind") if "kind" in request.fixturenames else INFERENCE
    with of_recipe(trained, kind.recipe):
        yield trained


def active_filter(world: World, group: str, name: str, target: str = "ItemID") -> str:
    expression = f'EXCLUDE {target} WHERE Interactions.EVENT_TYPE IN ("*")'
    (arn,) = fill(world, FilterRow, [name], dataset_group_arn=group, filter_expression=expression)
    return arn


@both
def test_a_job_is_kept_and_says_why_it_failed(store: TrainedStore, kind: Kind) -> None:
    world = store.world
    arn = kind.create(world, store.version, "plain", tags=[{"tagKey": "k", "tagValue": "v"}])
    pending = kind.describe(world, arn)
    world.settle()
    failed = kind.describe(world, arn)
    (listed,) = [job for job in kind.listed(world) if job["jobName"] == "plain"]

    assert arn == world.arn(f"batch-{kind.noun}-job", "plain")
    assert (pending["status"], failed["status"]) == ("CREATE PENDING", "CREATE FAILED")
    assert failed["failureReason"].startswith(kind.reason)
    assert (failed["jobInput"], failed["jobOutput"], failed["roleArn"]) == (INPUT, OUTPUT, ROLE)
    assert failed["solutionVersionArn"] == store.version
    assert {"filterArn", "numResults", "batchInferenceJobConfig", "themeGenerationConfig"}.isdisjoint(failed)
    assert failed.get("batchInferenceJobMode") == ("BATCH_INFERENCE" if kind is INFERENCE else None)
    assert listed.items() <= failed.items()
    assert set(listed) == {
        *(f"batch{kind.noun.capitalize()}JobArn", "jobName", "status", "failureReason"),
        *("creationDateTime", "lastUpdatedDateTime", "solutionVersionArn"),
        *(["batchInferenceJobMode"] if kind is INFERENCE else []),
    }
    assert world.personalize.list_tags_for_resource(resourceArn=arn)["tags"] == [
        {"tagKey": "k", "tagValue": "v"}
    ]


@both
def test_a_job_shows_all_that_it_was_given(store: TrainedStore, kind: Kind) -> None:
    world = store.world
    given = {
        "filterArn": active_filter(world, store.group, f"filter-{kind.noun}", kind.target),
        "numResults": kind.most_results,
        "jobInput": {"s3DataSource": {"path": "s3://bucket/in/", "kmsKeyArn": KEY}},
        "jobOutput": {"s3DataDestination": {"path": "s3://bucket/in/out", "kmsKeyArn": KEY}},
    }
    if kind is INFERENCE:
        given["batchInferenceJobConfig"] = {"rankingInfluence": {"POPULARITY": 0.0}}
    found = kind.describe(world, kind.create(world, store.version, "full", **given))

    assert {name: found[name] for name in given} == given


@both
def test_a_name_is_taken_once(store: TrainedStore, kind: Kind) -> None:
    arn = kind.create(store.world, store.version, "twice")

    assert refused(
        "ResourceAlreadyExistsException", lambda: kind.create(store.world, store.version, "twice")
    ) == (f"Another resource with Arn {arn} already exists.")


@both
def test_the_version_must_exist_and_be_active(store: TrainedStore, kind: Kind) -> None:
    world = store.world
    none = world.arn("solution", "popular", "00000000")

    assert refused("ResourceNotFoundException", lambda: kind.create(world, none, "none")) == (
        f"The given solution version does not exist: {none}"
    )
    for status in ("CREATE PENDING", "CREATE FAILED"):
        world.set_columns(SolutionVersionRow, store.version, status=status)
        assert status in refused("ResourceInUseException", lambda: kind.create(world, store.version, "none"))
    world.set_columns(SolutionVersionRow, store.version, status="ACTIVE")


@both
def test_the_solution_must_not_be_on_its_way_out(store: TrainedStore, kind: Kind) -> None:
    world = store.world
    world.set_columns(SolutionRow, store.solution, status="DELETE PENDING")
    message = refused("ResourceInUseException", lambda: kind.create(world, store.version, "late"))
    world.set_columns(SolutionRow, store.solution, status="ACTIVE")

    assert f"state DELETE PENDING: {store.solution}" in message


@pytest.mark.parametrize(
    "recipe",
    [
        *("aws-user-personalization-v2", "aws-user-personalization", "aws-personalized-ranking-v2"),
        *("aws-personalized-ranking", "aws-similar-items", "aws-semantic-similarity", "aws-sims"),
        "aws-popularity-count",
    ],
)
def test_most_recipes_infer_in_batches_and_make_no_segments(store: TrainedStore, recipe: str) -> None:
    with of_recipe(store, recipe):
        INFERENCE.create(store.world, store.version, recipe)
        assert "makes no segments of users" in refused(
            "InvalidInputException", lambda: SEGMENT.create(store.world, store.version, recipe)
        )


@pytest.mark.parametrize(
    "recipe", ["aws-trending-now", "aws-next-best-action", "aws-item-attribute-affinity"]
)
def test_some_recipes_do_not_infer_in_batches(store: TrainedStore, recipe: str) -> None:
    with of_recipe(store, recipe):
        assert f"is of {recipe}, which does not infer in batches" in refused(
            "InvalidInputException", lambda: INFERENCE.create(store.world, store.version, recipe)
        )


@both
def test_num_results_has_a_range(store: TrainedStore, kind: Kind) -> None:
    for number in (0, -1, kind.most_results + 1):
        assert refused(
            "InvalidInputException",
            lambda number=number: kind.create(store.world, store.version, "n", numResults=number),
        ) == (f"numResults is {number}: it must be from 1 to {kind.most_results}.")
    kind.create(store.world, store.version, "n", numResults=1)


@both
@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        ("s3://B/in", "s3://bucket/out", "jobInput.s3DataSource.path: Invalid Data location. 'B'"),
        ("s3://bucket/../in", "s3://bucket/out", "jobInput.s3DataSource.path"),
        ("s3://bucket/in", "https://bucket/out", "jobOutput.s3DataDestination.path: Invalid Data location."),
        ("s3://bucket/in", "s3://bucket/in/", "The job would read and write s3://bucket/in"),
    ],
)
def test_places_that_can_name_nothing_are_refused(
    store: TrainedStore, kind: Kind, source: str, destination: str, expected: str
) -> None:
    places = {
        "jobInput": {"s3DataSource": {"path": source}},
        "jobOutput": {"s3DataDestination": {"path": destination}},
    }

    assert expected in refused(
        "InvalidInputException", lambda: kind.create(store.world, store.version, "place", **places)
    )


@both
def test_a_filter_must_be_active_and_of_the_same_group(store: TrainedStore, kind: Kind) -> None:
    world = store.world
    none = world.arn("filter", "none")
    other = active_filter(world, world.dataset_group(f"other-{kind.noun}"), f"other-{kind.noun}")
    failed = active_filter(world, store.group, f"failed-{kind.noun}")
    world.set_columns(FilterRow, failed, status="CREATE FAILED")

    def with_filter(arn: str) -> str:
        return kind.create(world, store.version, "filtered", filterArn=arn)

    assert none in refused("ResourceNotFoundException", lambda: with_filter(none))
    assert "CREATE FAILED" in refused("ResourceInUseException", lambda: with_filter(failed))
    assert "use a filter of the same dataset group" in refused(
        "InvalidInputException", lambda: with_filter(other)
    )


@both
def test_jobs_are_listed_by_version(store: TrainedStore, kind: Kind) -> None:
    arn = kind.create(store.world, store.version, "listed")
    name = f"batch{kind.noun.capitalize()}JobArn"

    assert kind.listed(store.world, solutionVersionArn=store.version)[-1][name] == arn
    assert kind.listed(store.world, solutionVersionArn=f"{store.solution}/00000000") == []


@pytest.mark.parametrize(
    ("recipe", "config", "expected"),
    [
        (
            "aws-user-personalization",
            {"itemExplorationConfig": {"explorationWeight": "2"}},
            "batchInferenceJobConfig.itemExplorationConfig has explorationWeight '2': it must be a number",
        ),
        (
            "aws-user-personalization",
            {"itemExplorationConfig": {"weight": "1"}},
            "has 'weight', which aws-user-personalization does not have: use explorationWeight",
        ),
        (
            "aws-sims",
            {"itemExplorationConfig": {"explorationWeight": "0.5"}},
            "which aws-sims does not have: leave it out",
        ),
        ("aws-sims", {"rankingInfluence": {"FRESHNESS": 0.5}}, "is for aws-semantic-similarity"),
    ],
)
def test_a_config_that_does_not_fit_the_recipe_is_refused(
    store: TrainedStore, recipe: str, config: dict[str, Any], expected: str
) -> None:
    with of_recipe(store, recipe):
        assert expected in refused(
            "InvalidInputException",
            lambda: INFERENCE.create(store.world, store.version, "c", batchInferenceJobConfig=config),
        )


def test_a_config_that_fits_the_recipe_is_kept(store: TrainedStore) -> None:
    world = store.world
    explores = {"itemExplorationConfig": {"explorationWeight": "0.3", "explorationItemAgeCutOff": "30"}}
    influences = {"rankingInfluence": {"FRESHNESS": 0.5}}
    for recipe, config in (
        ("aws-user-personalization", explores),
        ("aws-semantic-similarity", influences),
    ):
        with of_recipe(store, recipe):
            arn = INFERENCE.create(world, store.version, f"c-{recipe}", batchInferenceJobConfig=config)
        assert INFERENCE.describe(world, arn)["batchInferenceJobConfig"] == config


@pytest.mark.parametrize(
    ("recipe", "members", "expected"),
    [
        ("aws-similar-items", {"batchInferenceJobMode": "THEME_GENERATION"}, "config is missing"),
        ("aws-similar-items", {"themeGenerationConfig": THEMES}, "Mode is BATCH_INFERENCE, and"),
        (
            "aws-sims",
            {"batchInferenceJobMode": "THEME_GENERATION", "themeGenerationConfig": THEMES},
            "THEME_GENERATION is for aws-similar-items",
        ),
        (
            "aws-similar-items",
            {"batchInferenceJobMode": "THEME_GENERATION", "themeGenerationConfig": THEMES},
            "itemName is 'TITLE': name a string column of the Items dataset",
        ),
    ],
)
def test_themes_need_their_mode_their_config_and_their_recipe(
    store: TrainedStore, recipe: str, members: dict[str, Any], expected: str
) -> None:
    with of_recipe(store, recipe):
        message = refused(
            "InvalidInputException",
            lambda: INFERENCE.create(store.world, store.version, "t", **members),
        )
    assert expected.lower() in message.lower()


def test_themes_need_names_and_texts_of_items(world: World) -> None:
    group = world.dataset_group()
    world.interactions(group)
    solution = world.solution(group)
    version = world.trained(solution)
    store = TrainedStore(world, group, solution, version)
    asked = {"batchInferenceJobMode": "THEME_GENERATION", "themeGenerationConfig": THEMES}
    title, text = text_field("TITLE"), text_field("PLOT", textual=True)

    def create(**members: Any) -> str:
        return INFERENCE.create(world, version, "themed", **(asked | members))

    with of_recipe(store, "aws-similar-items"):
        items = world.dataset(group, "Items", *FIELDS["Items"], title)
        assert "no textual column" in refused("InvalidInputException", create)
        world.personalize.delete_dataset(datasetArn=items)
        world.settle()
        world.dataset(group, "Items", *FIELDS["Items"], text, title)
        plots = {"fieldsForThemeGeneration": {"itemName": "PLOT"}}
        assert "name a string column" in refused(
            "InvalidInputException", lambda: create(themeGenerationConfig=plots)
        )
        found = INFERENCE.describe(world, create())

    assert {name: found[name] for name in asked} == asked


def test_five_jobs_of_each_kind_wait_at_most_where_awss_quotas_hold(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", limits="aws") as server:
        world = World(server)
        group = world.dataset_group()
        world.interactions(group)
        solution = world.solution(group)
        store = TrainedStore(world, group, solution, world.trained(solution))
        for kind in (INFERENCE, SEGMENT):
            with of_recipe(store, kind.recipe):
                for number in range(5):
                    kind.create(world, store.version, f"j{number}")
                assert refused(
                    "LimitExceededException", lambda kind=kind: kind.create(world, store.version, "more")
                ) == ("More than 5 resources with PENDING or IN_PROGRESS status.")
        world.settle()
        INFERENCE.create(world, store.version, "after")
