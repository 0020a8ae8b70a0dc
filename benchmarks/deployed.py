"""A data directory with one dataset group, tracker and campaigns, as jobs would leave it."""

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from servers import ACCOUNT, REGION
from sqlalchemy import update

from openpersonalize.domain.columns import Column
from openpersonalize.protocol.arns import Scope
from openpersonalize.storage import artifacts
from openpersonalize.storage.migrations import upgrade
from openpersonalize.storage.records import DEPLOYMENTS, FILTERS, INDEXES, bump
from openpersonalize.storage.stores import Stores, open_stores
from openpersonalize.storage.tables import (
    CampaignRow,
    DatasetGroupRow,
    DatasetRow,
    EventTrackerRow,
    FilterRow,
    SchemaRow,
    SolutionRow,
    SolutionVersionRow,
)

SCOPE = Scope(ACCOUNT, REGION)
RECIPE = "arn:aws:personalize:::recipe/aws-user-personalization"
FIELDS = [("USER_ID", "string"), ("ITEM_ID", "string"), ("EVENT_TYPE", "string"), ("TIMESTAMP", "long")]
TRACKING_ID = "00000000-0000-4000-8000-000000000000"


def row(kind: str, *path: str) -> dict[str, Any]:
    """The columns that every resource has."""
    times = {"creation_date_time": 1.0, "last_updated_date_time": 1.0}
    return {"arn": SCOPE.arn(kind, *path), "name": path[0], "account": ACCOUNT, "region": REGION} | times


def a_store(folder: Path) -> Stores:
    """A migrated data directory with a dataset group, an Interactions dataset and an event tracker."""
    folder.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{folder.resolve() / 'openpersonalize.sqlite3'}"
    upgrade(url)
    stores = open_stores(folder, url)
    schema = {
        "type": "record",
        "name": "Interactions",
        "fields": [{"name": name, "type": kind} for name, kind in FIELDS],
    }
    group = SCOPE.arn("dataset-group", "store")
    with stores.database.write() as session:
        session.add(DatasetGroupRow(**row("dataset-group", "store"), status="ACTIVE"))
        session.add(SchemaRow(**row("schema", "store"), schema=json.dumps(schema)))
        session.flush()
        session.add(
            DatasetRow(
                **row("dataset", "store", "INTERACTIONS"),
                status="ACTIVE",
                dataset_group_arn=group,
                dataset_type="INTERACTIONS",
                schema_arn=SCOPE.arn("schema", "store"),
            )
        )
        tracker = row("event-tracker", "store")
        session.add(
            EventTrackerRow(**tracker, status="ACTIVE", dataset_group_arn=group, tracking_id=TRACKING_ID)
        )
    return stores


def add_items(stores: Stores, columns: Sequence[Column]) -> None:
    """Add an Items dataset."""
    fields = [
        {"name": each.name, "type": each.type} | ({"categorical": True} if each.categorical else {})
        for each in columns
    ]
    schema = {"type": "record", "name": "Items", "fields": fields}
    with stores.database.write() as session:
        session.add(SchemaRow(**row("schema", "items"), schema=json.dumps(schema)))
        session.flush()
        session.add(
            DatasetRow(
                **row("dataset", "store", "ITEMS"),
                status="ACTIVE",
                dataset_group_arn=SCOPE.arn("dataset-group", "store"),
                dataset_type="ITEMS",
                schema_arn=SCOPE.arn("schema", "items"),
            )
        )


def add_index(stores: Stores, dataset_type: str, index: Any) -> None:
    """Give a dataset its index."""
    index_id = uuid.uuid4().hex
    artifacts.save(index, stores.artifacts / index_id, extra={"watermark": [0, 0]})
    arn = SCOPE.arn("dataset", "store", dataset_type)
    with stores.database.write() as session:
        session.execute(update(DatasetRow).where(DatasetRow.arn == arn).values(index_id=index_id))
        bump(session, INDEXES)


def add_filter(stores: Stores, name: str, expression: str) -> str:
    """Add an ACTIVE filter; its ARN."""
    group = SCOPE.arn("dataset-group", "store")
    with stores.database.write() as session:
        session.add(
            FilterRow(
                **row("filter", name), status="ACTIVE", dataset_group_arn=group, filter_expression=expression
            )
        )
        bump(session, FILTERS)
    return SCOPE.arn("filter", name)


def deploy(stores: Stores, model: Any, name: str, config: dict[str, Any] | None = None) -> str:
    """Add an ACTIVE campaign of a model; its ARN."""
    artifact_id = uuid.uuid4().hex
    artifacts.save(model, stores.artifacts / artifact_id, extra={"watermark": [0, 0]})
    group, solution = SCOPE.arn("dataset-group", "store"), row("solution", name)
    version = row("solution", name, "0") | {"name": ""}
    served = {"status": "ACTIVE", "solution_arn": solution["arn"], "artifact_id": artifact_id}
    with stores.database.write() as session:
        session.add(SolutionRow(**solution, status="ACTIVE", dataset_group_arn=group, recipe_arn=RECIPE))
        session.flush()
        session.add(SolutionVersionRow(**version, **served, dataset_group_arn=group, recipe_arn=RECIPE))
        session.add(
            CampaignRow(
                **row("campaign", name),
                **served,
                solution_version_arn=version["arn"],
                campaign_config=config,
                recommendation_cid=uuid.uuid4().hex[:6],
            )
        )
        bump(session, DEPLOYMENTS)
    return SCOPE.arn("campaign", name)
