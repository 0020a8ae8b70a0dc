"""aws-semantic-similarity: items whose texts mean something similar, whatever anybody did with them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from openpersonalize.storage.tables import SolutionVersionRow
from tests.databases import new_database
from tests.queue_bench import TestClock
from tests.world import World, running_server, text_field, until

NAME = text_field("NAME", itemName=True)
DESCRIPTION = {"name": "DESCRIPTION", "type": ["null", "string"], "textual": True}
CREATED = {"name": "CREATION_TIMESTAMP", "type": ["null", "long"]}
FIELDS = (text_field("ITEM_ID"), NAME, DESCRIPTION, CREATED)

THEMES: Mapping[str, Sequence[str]] = {
    "cook": [
        "A baker kneads dough and bakes rye bread in a hot oven",
        "Bread dough rises slowly before the baker bakes it",
        "Baking sourdough bread: flour, water, an oven and time",
        "Ovens, flour and yeast: how bakers bake their bread",
    ],
    "stars": [
        "A telescope shows distant galaxies and the birth of stars",
        "Astronomers photograph a galaxy through a large telescope",
        "Stars and planets, seen through the telescopes of astronomers",
        "The galaxy next door: what an astronomer's telescope sees",
    ],
    "kochen": [
        "Der Bäcker knetet den Brotteig und backt Roggenbrot im heißen Backofen",
        "Brotteige gehen langsam auf, ehe der Bäcker sie im Ofen backt",
        "Sauerteigbrote backen: Mehl, Wasser, ein Backofen und viel Zeit",
        "Öfen, Mehl und Hefe: wie Bäcker ihr Brot backen",
    ],
    "料理": [
        "職人が小麦粉をこねて熱い窯でパンを焼く",
        "パン生地をゆっくり発酵させてから窯で焼きます",
        "天然酵母のパン作りに必要な小麦粉と窯と時間",
        "窯と小麦粉と酵母でおいしいパンを焼く方法",
    ],
    "천문": [
        "망원경으로 먼 은하와 별의 탄생을 관측한다",
        "천문학자들이 큰 망원경으로 은하를 촬영했다",
        "천문학자의 망원경에 비친 별과 행성",
        "이웃 은하를 망원경으로 관측하는 천문학자",
    ],
}
ITEMS = {f"{theme}{place}": text for theme, lines in THEMES.items() for place, text in enumerate(lines)}


def csv_of(items: Mapping[str, str], created: Mapping[str, int] | None = None) -> str:
    rows = [
        f'{item},"{item[:-1]} {item[-1]}","{text}",{(created or {}).get(item, "")}'
        for item, text in items.items()
    ]
    return "\n".join(["ITEM_ID,NAME,DESCRIPTION,CREATION_TIMESTAMP", *rows])


def a_shop(world: World, created: Mapping[str, int] | None = None) -> str:
    """A dataset group with the items, and nothing else; its ARN."""
    group = world.dataset_group()
    world.imported(world.dataset(group, "Items", *FIELDS), csv_of(ITEMS, created))
    return group


def solution(world: World, group: str, **members: Any) -> str:
    return world.solution(group, "aws-semantic-similarity", performAutoTraining=False, **members)


def similar(world: World, campaign: str, item: str, n: int = 3, **members: Any) -> list[str]:
    answer = world.runtime.get_recommendations(campaignArn=campaign, itemId=item, numResults=n, **members)
    assert all("score" not in entry for entry in answer["itemList"])
    return [entry["itemId"] for entry in answer["itemList"]]


def test_texts_that_mean_something_similar_stand_together_in_every_language(world: World) -> None:
    version = world.trained(solution(world, a_shop(world)))
    campaign = world.campaign(version)

    for item in ITEMS:
        assert {other[:-1] for other in similar(world, campaign, item)} == {item[:-1]}, item
    metrics = world.personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
    assert set(metrics) == {"item_popularity", "item_freshness", "item_similarity"}
    assert metrics["item_popularity"] == metrics["item_freshness"] == 0.0
    assert 0.0 < metrics["item_similarity"] < 1.0


def test_metadata_is_on_by_default_and_the_seed_is_never_its_own_neighbour(world: World) -> None:
    campaign = world.campaign(world.trained(solution(world, a_shop(world))))

    answer = world.runtime.get_recommendations(
        campaignArn=campaign, itemId="cook0", numResults=19, metadataColumns={"ITEMS": ["NAME"]}
    )
    names = {entry["itemId"]: entry["metadata"]["name"] for entry in answer["itemList"]}
    assert len(names) == 19
    assert "cook0" not in names
    assert names["stars2"] == "stars 2"


def test_popularity_and_freshness_reorder_as_much_as_they_are_given(world: World) -> None:
    """stars0 is the most popular item of all, stars1 the newest."""
    group = a_shop(world, created={"stars0": 1_000, "stars1": 2_000})
    rows = [
        f"u{user},{item},{5_000 + user}"
        for user in range(510)
        for item in (("stars0", "stars3") if user < 490 else ("stars0", "stars2"))
    ]
    world.interactions(group, "\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *rows]))
    version = world.trained(solution(world, group))

    def best(**influence: float) -> str:
        return similar(
            world, world.campaign(version, campaignConfig={"rankingInfluence": influence}), "cook0"
        )[0]

    assert best(POPULARITY=0.0, FRESHNESS=0.0).startswith("cook")
    assert best(POPULARITY=1.0) == "stars0"
    assert best(FRESHNESS=1.0) == "stars1"


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def timed(tmp_path: Path, clock: TestClock) -> Iterator[World]:
    """An account on a server of its own, whose clock is the test's."""
    with new_database() as url, running_server(tmp_path / "data", url, clock=clock) as server:
        yield World(server)


def test_new_items_enter_within_half_an_hour_without_a_training(timed: World, clock: TestClock) -> None:
    world = timed
    group = a_shop(world)
    version = world.trained(solution(world, group, performIncrementalUpdate=True))
    campaign = world.campaign(version)
    trained_at = version_row(world, version).artifact_id
    clock.now += 1.0
    put(world, group, "cook9", "Bakers bake bread of flour and yeast")
    put(world, group, "cook0", "Astronomers see the galaxy and stars through a telescope")

    assert "cook9" not in similar(world, campaign, "cook3", 19)
    clock.now += 1_810.0
    assert world.tick() == 1

    until(lambda: similar(world, campaign, "cook3", 1) == ["cook9"], "the new item is served")
    assert similar(world, campaign, "cook0", 1)[0].startswith("stars")
    assert version_row(world, version).artifact_id != trained_at


def put(world: World, group: str, item: str, text: str) -> None:
    dataset = group.replace(":dataset-group/", ":dataset/") + "/ITEMS"
    properties = json.dumps({"name": item, "description": text})
    world.events.put_items(datasetArn=dataset, items=[{"itemId": item, "properties": properties}])


def version_row(world: World, arn: str) -> SolutionVersionRow:
    with world.server.stores.database.read() as session:
        return session.scalars(select(SolutionVersionRow).where(SolutionVersionRow.arn == arn)).one()


@pytest.mark.parametrize("fields", [(text_field("ITEM_ID"), NAME), (text_field("ITEM_ID"), DESCRIPTION)])
def test_a_schema_without_names_or_texts_is_said_to_lack_them(world: World, fields: Any) -> None:
    group = world.dataset_group()
    column = fields[1]["name"]
    world.imported(world.dataset(group, "Items", *fields), f"ITEM_ID,{column}\na,some words\nb,more words")

    version = world.trained(solution(world, group))

    described = world.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
    assert described["status"] == "CREATE FAILED"
    assert '"itemName": true' in described["failureReason"]
