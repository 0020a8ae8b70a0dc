"""Stores with deployed models, put into the database as jobs would leave them, for tests of what serves."""

import itertools
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from openpersonalize.models import BlendModel, NeighbourModel, PopularityModel
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.storage import artifacts
from openpersonalize.storage.event_log import START, Position
from openpersonalize.storage.records import DEPLOYMENTS, bump
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import (
    CampaignRow,
    DatasetGroupRow,
    DatasetRow,
    EventTrackerRow,
    SchemaRow,
    SolutionRow,
    SolutionVersionRow,
)
from tests.blends import blend_of
from tests.world import World

INTERACTIONS: list[dict[str, Any]] = [
    {"name": "USER_ID", "type": "string"},
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TIMESTAMP", "type": "long"},
]
RECIPE = "arn:aws:personalize:::recipe/aws-{}"

_numbers = itertools.count()


@dataclass
class Store:
    """A dataset group with a tracker and an Interactions dataset; campaigns are added to it."""

    world: World
    name: str
    tracking_id: str
    group_id: int
    group_arn: str
    campaigns: dict[str, str] = field(default_factory=dict)

    @property
    def stores(self) -> Stores:
        return self.world.server.stores

    def deploy(
        self,
        model: Any,
        recipe: str = "user-personalization",
        *,
        watermark: Position = START,
        event_type: str | None = None,
        solution_config: Mapping[str, Any] | None = None,
        campaign_config: Mapping[str, Any] | None = None,
    ) -> str:
        """Add an ACTIVE campaign of a model; the ARN."""
        name = f"served-{next(_numbers)}"
        solution, campaign = self.world.arn("solution", name), self.world.arn("campaign", name)
        trained = {
            "dataset_group_arn": self.group_arn,
            "recipe_arn": RECIPE.format(recipe),
            "status": "ACTIVE",
        }
        served = {"solution_arn": solution, "artifact_id": save(self.stores, model, watermark)}
        version = SolutionVersionRow(
            **_row(self.world, f"{solution}/{uuid.uuid4().hex[:8]}", ""),
            **trained,
            **served,
            event_type=event_type,
            solution_config=None if solution_config is None else dict(solution_config),
        )
        with self.stores.database.write() as session:
            session.add(SolutionRow(**_row(self.world, solution, name), **trained))
            session.flush()
            session.add(version)
            session.add(
                CampaignRow(
                    **_row(self.world, campaign, name),
                    **served,
                    status="ACTIVE",
                    solution_version_arn=version.arn,
                    recommendation_cid=uuid.uuid4().hex[:6],
                    campaign_config=None if campaign_config is None else dict(campaign_config),
                )
            )
            bump(session, DEPLOYMENTS)
        return campaign

    def put(self, user_id: str | None, *items: str, session_id: str = "s", **members: Any) -> None:
        """Send one event per item, a second apart, the last one now."""
        now = int(time.time())
        for number, item in enumerate(items):
            event = {"eventType": "view", "itemId": item, "sentAt": now - len(items) + 1 + number} | members
            owner = {} if user_id is None else {"userId": user_id}
            self.world.events.put_events(
                trackingId=self.tracking_id, sessionId=session_id, eventList=[event], **owner
            )

    def recommend(self, campaign: str, **members: Any) -> list[str]:
        """The ids that a campaign recommends."""
        answer = self.world.runtime.get_recommendations(campaignArn=campaign, **members)
        return [entry["itemId"] for entry in answer["itemList"]]


def a_store(world: World, fields: Sequence[Mapping[str, Any]] = (), *, has_dataset: bool = True) -> Store:
    """A store whose Interactions schema has additional fields."""
    number = next(_numbers)
    name, tracking_id = f"store-{number}", str(uuid.uuid4())
    group, schema = world.arn("dataset-group", name), world.arn("schema", name)
    document = {"type": "record", "name": "Interactions", "namespace": "x", "version": "1.0"}
    text = json.dumps(document | {"fields": [*INTERACTIONS, *fields]})
    with world.server.stores.database.write() as session:
        group_row = DatasetGroupRow(**_row(world, group, name), status="ACTIVE")
        session.add_all([group_row, SchemaRow(**_row(world, schema, name), schema=text)])
        session.flush()
        if has_dataset:
            session.add(
                DatasetRow(
                    **_row(world, world.arn("dataset", name, "INTERACTIONS"), name),
                    status="ACTIVE",
                    dataset_group_arn=group,
                    dataset_type="INTERACTIONS",
                    schema_arn=schema,
                )
            )
        session.add(
            EventTrackerRow(
                **_row(world, world.arn("event-tracker", name), name),
                status="ACTIVE",
                dataset_group_arn=group,
                tracking_id=tracking_id,
            )
        )
        session.flush()
        group_id = group_row.id
    return Store(world, name, tracking_id, group_id, group)


def save(stores: Stores, model: Any, watermark: Position = START) -> str:
    """Keep a model as a training would; the artifact's id."""
    artifact_id = uuid.uuid4().hex
    artifacts.save(model, stores.artifacts / artifact_id, extra={"watermark": list(watermark)})
    return artifact_id


def _row(world: World, arn: str, name: str) -> dict[str, Any]:
    return {
        "arn": arn,
        "account": world.account,
        "region": world.region,
        "name": name,
        "creation_date_time": 1.0,
        "last_updated_date_time": 1.0,
    }


def factor_model(
    items: Sequence[str],
    factors: "np.ndarray[Any, np.dtype[np.float32]]",
    histories: Mapping[str, Sequence[int]] | None = None,
) -> BlendModel:
    """A blend of nothing but the given factors; popular items are those first named."""
    n_items, histories = len(items), histories or {}
    weights = 1.0 / np.arange(1, n_items + 1)
    lengths = [len(rows) for rows in histories.values()]
    return blend_of(
        IdIndex.build(items),
        IdIndex.build(list(histories)),
        Histories(
            starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            items=np.array([row for rows in histories.values() for row in rows], np.int32),
            times=np.zeros(sum(lengths), np.int64),
        ),
        shares=(weights / weights.sum()).astype(np.float32),
        factors=factors,
        event_weights=(5.0, 2.0, 1.0),
        temperature=8.0,
    )


def two_tastes() -> BlendModel:
    """Ten items of each of two tastes; a user `u` who liked a0."""
    items = [f"a{number}" for number in range(10)] + [f"b{number}" for number in range(10)]
    factors = np.zeros((20, 4), np.float32)
    factors[:10, 0] = factors[10:, 1] = 1.0
    return factor_model(items, factors, {"u": [0]})


def popular_items(*items: str) -> PopularityModel:
    """Items, most popular first."""
    order = np.arange(len(items), dtype=np.int32)
    return PopularityModel(items=IdIndex.build(items), users=IdIndex.build([]), order=order, places=order)


def similar_items(neighbours: Mapping[str, Sequence[str]]) -> NeighbourModel:
    """Items and those like them; popular items are those first named."""
    names = list(neighbours)
    rows = [[names.index(other) for other in others] for others in neighbours.values()]
    return NeighbourModel(
        items=IdIndex.build(names),
        users=IdIndex.build([]),
        starts=np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        neighbours=np.array([other for row in rows for other in row], np.int32),
        popular=np.arange(len(names), dtype=np.int32),
    )
