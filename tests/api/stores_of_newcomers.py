"""Dataset groups in which users keep to one genre each, and items may come later."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.world import World, text_field

NOW = 1_700_000_000
DAY_S = 86_400
GENRES = ("crime", "humour", "nature", "space")
N_ITEMS = 15
"""Of a genre."""

ITEM_FIELDS = (
    text_field("ITEM_ID"),
    text_field("GENRES", categorical=True),
    {"name": "CREATION_TIMESTAMP", "type": "long"},
)
USER_FIELDS = (
    text_field("USER_ID"),
    text_field("PLAN", categorical=True) | {"type": ["null", "string"]},
    {"name": "AGE", "type": ["null", "int"]},
)
INTERACTION_FIELDS = (
    text_field("USER_ID"),
    text_field("ITEM_ID"),
    text_field("EVENT_TYPE"),
    {"name": "TIMESTAMP", "type": "long"},
)


def old_items() -> list[str]:
    return [f"{genre}-{number:02}" for genre in GENRES for number in range(N_ITEMS)]


def interactions(n_users: int = 84, each: int = 12, seed: int = 0) -> str:
    """CSV text: user u keeps to the genre u mod 4; the newest event of all is at NOW."""
    generator = np.random.default_rng(seed)
    lines = ["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP"]
    for user in range(n_users):
        genre = GENRES[user % len(GENRES)]
        chosen = generator.choice(N_ITEMS, each, replace=False)
        lines += [
            f"u{user},{genre}-{item:02},Watch,{NOW - 60 * (each - 1 - place)}"
            for place, item in enumerate(chosen)
        ]
    return "\n".join(lines) + "\n"


@dataclass
class NewcomerStore:
    """A dataset group with interactions and items, all older than exploration looks at."""

    world: World
    domain: str | None = None
    text: str = field(default_factory=interactions)
    users: str = ""
    """CSV text of users, if there are any."""
    group: str = field(init=False)
    items: str = field(init=False)

    def __post_init__(self) -> None:
        members = {} if self.domain is None else {"domain": self.domain}
        self.group = self.world.dataset_group(**members)
        self.world.imported(self._dataset("Interactions", INTERACTION_FIELDS), self.text)
        self.items = self._dataset("Items", ITEM_FIELDS)
        lines = [f"{item},{item[:-3]},{NOW - 400 * DAY_S}" for item in old_items()]
        self.world.imported(self.items, "ITEM_ID,GENRES,CREATION_TIMESTAMP\n" + "\n".join(lines) + "\n")
        if self.users:
            self.world.imported(self._dataset("Users", USER_FIELDS), self.users)

    def _dataset(self, record: str, fields: Iterable[dict[str, Any]]) -> str:
        members = {} if self.domain is None else {"domain": self.domain}
        arn: str = self.world.personalize.create_dataset(
            name=record.lower(),
            datasetType=record,
            datasetGroupArn=self.group,
            schemaArn=self.world.schema(record, *fields, **members),
        )["datasetArn"]
        self.world.settle()
        return arn

    def put(self, *items: str, age_days: float = 1.0) -> None:
        """Put items whose genre their name begins with."""
        self.world.events.put_items(
            datasetArn=self.items,
            items=[
                {
                    "itemId": item,
                    "properties": json.dumps(
                        {"genres": item.split("-")[0], "creationTimestamp": NOW - int(age_days * DAY_S)}
                    ),
                }
                for item in items
            ],
        )

    def campaign(
        self, weight: float = 1.0, recipe: str = "aws-user-personalization", **exploration: str
    ) -> str:
        """A campaign of a new version that was trained now."""
        version = self.world.trained(self.world.solution(self.group, recipe))
        return self.deployed(version, weight, **exploration)

    def deployed(self, version: str, weight: float, **exploration: str) -> str:
        """A campaign of a version."""
        config = {"itemExplorationConfig": {"explorationWeight": str(weight)} | exploration}
        return self.world.campaign(version, campaignConfig=config)

    def lists(self, campaign: str, n: int = 40, **members: Any) -> list[list[str]]:
        """What users of all genres are shown, one after another."""
        member = "recommenderArn" if ":recommender/" in campaign else "campaignArn"
        answers = []
        for user in range(n):
            asked = {member: campaign, "userId": f"u{user}", "numResults": 10} | members
            answer = self.world.runtime.get_recommendations(**asked)
            answers.append([entry["itemId"] for entry in answer["itemList"]])
        return answers


def shares(lists: list[list[str]], items: Iterable[str]) -> float:
    """The share of all places that some items have."""
    wanted = set(items)
    return sum(item in wanted for one in lists for item in one) / sum(map(len, lists))
