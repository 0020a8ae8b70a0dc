"""A store in which two kinds of users, known by what they read, take different actions."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.world import FIELDS, World, text_field

NOW = 1_700_000_000
DAY = 86_400
N_USERS, N_ITEMS, EACH = 240, 40, 6

LONG: dict[str, Any] = {"type": ["null", "long"]}
ACTION_FIELDS = [
    text_field("ACTION_ID"),
    text_field("KIND", categorical=True),
    *({"name": name} | LONG for name in ("VALUE", "EXPIRATION_TIMESTAMP", "REPEAT_FREQUENCY")),
]
ACTIONS = {
    "app": "mobile,1,,",
    "letter": "mail,1,,",
    "card": "mail,1,,30",
    "over": f"mail,10,{NOW - DAY},",
    "cheap": "shop,2,,",
    "dear": "shop,9,,",
}
CHANCES = {"app": (0.85, 0.1), "letter": (0.1, 0.85), "card": (0.5, 0.5), "over": (0.5, 0.5)}
"""How likely each kind of user takes an action that they meet; nobody has met the others often."""


def interactions() -> str:
    """Users of kind 0 read even items, those of kind 1 odd ones, 60 days ago."""
    generator = np.random.default_rng(5)
    lines = ["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE"]
    for user in range(N_USERS):
        items = generator.choice(N_ITEMS // 2, EACH, replace=False) * 2 + user % 2
        lines += [f"u{user},i{item},{NOW - 60 * DAY + place},view" for place, item in enumerate(items)]
    return "\n".join(lines) + "\n"


def meetings() -> str:
    """Every user meets each action once."""
    generator = np.random.default_rng(6)
    lines = ["USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP"]
    for user in range(N_USERS):
        for action, chances in CHANCES.items():
            time = NOW - int(generator.integers(1 * DAY, 30 * DAY))
            is_taken = generator.random() < chances[user % 2]
            lines.append(f"u{user},{action},VIEWED,{time}")
            lines.append(f"u{user},{action},{'TAKEN' if is_taken else 'NOT_TAKEN'},{time + 60}")
    return "\n".join([*lines, f"u0,cheap,VIEWED,{NOW - DAY}"]) + "\n"


@dataclass
class ActionStore:
    """A dataset group with all that the recipe uses."""

    world: World
    text: str
    group: str = field(init=False)
    actions: str = field(init=False)
    tracking_id: str = ""
    action_tracking_id: str = ""

    def __post_init__(self) -> None:
        world = self.world
        self.group = world.dataset_group()
        events = [*FIELDS["Interactions"], text_field("EVENT_TYPE")]
        world.imported(world.dataset(self.group, "Interactions", *events), interactions())
        self.actions = world.dataset(self.group, "Actions", *ACTION_FIELDS)
        lines = ["ACTION_ID,KIND,VALUE,EXPIRATION_TIMESTAMP,REPEAT_FREQUENCY"]
        world.imported(self.actions, "\n".join([*lines, *map(",".join, ACTIONS.items())]) + "\n")
        tracker = world.personalize.create_event_tracker(name="web", datasetGroupArn=self.group)
        self.tracking_id = tracker["trackingId"]
        taken = world.dataset(self.group, "ActionInteractions", *FIELDS["ActionInteractions"])
        world.imported(taken, self.text)
        described = world.personalize.describe_dataset(datasetArn=taken)["dataset"]
        self.action_tracking_id = described["trackingId"]
        world.settle()

    def version(self, **config: Any) -> str:
        """An ACTIVE version."""
        solution = self.world.solution(self.group, "aws-next-best-action", **config)
        version = self.world.trained(solution)
        described = self.world.personalize.describe_solution_version(solutionVersionArn=version)
        assert described["solutionVersion"]["status"] == "ACTIVE", described
        return version

    def recommend(self, campaign: str, user: str, **members: Any) -> dict[str, float]:
        """Scores by action, in the order of the answer."""
        answer = self.world.runtime.get_action_recommendations(campaignArn=campaign, userId=user, **members)
        return {entry["actionId"]: entry["score"] for entry in answer["actionList"]}

    def do(self, user: str, action: str, event_type: str, time: int = NOW) -> None:
        """Send one action interaction."""
        done = {"actionId": action, "sessionId": "s", "userId": user}
        self.world.events.put_action_interactions(
            trackingId=self.action_tracking_id,
            actionInteractions=[done | {"eventType": event_type, "timestamp": time}],
        )

    def read(self, user: str, *items: str) -> None:
        """Send events of items, the last one now."""
        events = [
            {"eventType": "view", "itemId": item, "sentAt": NOW - len(items) + place}
            for place, item in enumerate(items)
        ]
        self.world.events.put_events(
            trackingId=self.tracking_id, sessionId="s", userId=user, eventList=events
        )

    def put(self, action: str, **properties: Any) -> None:
        """Put an action."""
        record = {"actionId": action, "properties": json.dumps(properties)}
        self.world.events.put_actions(datasetArn=self.actions, actions=[record])

    def filter(self, name: str, expression: str) -> str:
        """An ACTIVE filter."""
        arn: str = self.world.personalize.create_filter(
            name=name, datasetGroupArn=self.group, filterExpression=expression
        )["filterArn"]
        self.world.settle()
        assert self.world.personalize.describe_filter(filterArn=arn)["filter"]["status"] == "ACTIVE"
        return arn
