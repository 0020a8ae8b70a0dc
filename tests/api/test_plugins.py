"""A recipe of another package, installed beside the server: listed, trained, deployed and asked."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import serve_in_vain
from tests.world import World, process_server

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "plugin"

MANY, FEW = [f"m{number}" for number in range(5)], [f"f{number}" for number in range(5)]


RECIPE = "arn:aws:personalize:::recipe/loyal-items"


def solution_of(world: World, group: str, prior_users: str) -> str:
    arn: str = world.personalize.create_solution(
        name="loyal",
        datasetGroupArn=group,
        recipeArn=RECIPE,
        performAutoTraining=False,
        solutionConfig={"algorithmHyperParameters": {"prior_users": prior_users}},
    )["solutionArn"]
    return arn


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example's package, to be put on the path of Python."""
    folder = tmp_path_factory.mktemp("packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(folder), str(EXAMPLE)], check=True, timeout=120)
    return folder


@pytest.fixture
def world(packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An account of a server that has the example installed."""
    monkeypatch.setenv("PYTHONPATH", str(packages))
    with process_server(tmp_path / "data") as server:
        yield World(server, account="000000000000")


def test_a_recipe_of_another_package_works_like_all_others(world: World) -> None:
    """Many users have the one half of the items once, few have the other half, again and again."""
    rows = [f"u{user},{item},{1000 + user}" for user in range(180) for item in MANY]
    rows += [f"v{user},{item},{2000 + turn}" for user in range(12) for item in FEW for turn in range(4)]
    group = world.dataset_group()
    world.interactions(group, "\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *rows]))

    personalize = world.personalize
    recipe = personalize.describe_recipe(recipeArn=RECIPE)["recipe"]
    solution = world.wait(solution_of(world, group, "5"))["solutionArn"]
    version = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    assert world.wait(version)["status"] == "ACTIVE", world.wait(version)
    campaign = personalize.create_campaign(name="loyal", solutionVersionArn=version)["campaignArn"]
    assert world.wait(campaign)["status"] == "ACTIVE"

    answer = world.runtime.get_recommendations(campaignArn=campaign, numResults=5)
    assert recipe["recipeType"] == "POPULAR_ITEMS"
    assert sorted(item["itemId"] for item in answer["itemList"]) == FEW
    assert all(item["score"] > 0.5 for item in answer["itemList"])
    with pytest.raises(personalize.exceptions.InvalidInputException, match="prior_users"):
        solution_of(world, group, "0")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise RuntimeError('no such driver')", "RuntimeError: no such driver"),
        ("RECIPE = 3", "it is a int, not a Recipe"),
        (
            "from openpersonalize.recipes.recipe import Recipe\n"
            "RECIPE = Recipe('aws-mine', 'POPULAR_ITEMS', 'Mine.')",
            "its recipe is named 'aws-mine'",
        ),
    ],
)
def test_a_recipe_that_cannot_be_used_keeps_the_server_from_starting(
    tmp_path: Path, source: str, said: str
) -> None:
    about = tmp_path / "broken-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[openpersonalize.recipes]\nmine = broken_recipe:RECIPE\n")
    (tmp_path / "broken_recipe.py").write_text(source)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])

    code, text = serve_in_vain(tmp_path / "data", PYTHONPATH=path)

    assert code != 0
    assert said in text
    assert "the package broken" in text
    assert "Traceback" not in text
