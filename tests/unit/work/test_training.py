"""The training job: what it reads, what it makes visible, and how it fails."""

import json
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sqlalchemy import select

from openpersonalize.jobs.lifecycle import TRAIN_SOLUTION_VERSION, begin, request_cancel
from openpersonalize.jobs.worker import Worker
from openpersonalize.models import KINDS, BlendModel, Query
from openpersonalize.storage import artifacts
from openpersonalize.storage.generations import part_name, publish, seal
from openpersonalize.storage.log_tables import EventRow
from openpersonalize.storage.migrations import upgrade
from openpersonalize.storage.stores import Stores, open_stores
from openpersonalize.storage.tables import (
    DatasetGroupRow,
    DatasetRow,
    GenerationRow,
    JobRow,
    SchemaRow,
    SolutionRow,
    SolutionVersionRow,
)
from openpersonalize.work.training import run_training

NOW = 1_700_000_000.0
ARN = "arn:aws:personalize:us-east-1:000000000000:"
GROUP, SOLUTION = f"{ARN}dataset-group/g", f"{ARN}solution/s"
OWNER = {"account": "0" * 12, "region": "us-east-1", "creation_date_time": NOW, "last_updated_date_time": NOW}
PATIENCE_S = 30.0
SCHEMA = json.dumps(
    {
        "type": "record",
        "name": "Interactions",
        "fields": [
            {"name": "USER_ID", "type": "string"},
            {"name": "ITEM_ID", "type": "string"},
            {"name": "TIMESTAMP", "type": "long"},
            {"name": "EVENT_TYPE", "type": "string"},
            {"name": "DEVICE", "type": ["null", "string"], "categorical": True},
            {"name": "HOUR", "type": ["null", "int"]},
            {"name": "IS_APP", "type": ["null", "boolean"]},
            {"name": "SPEED", "type": ["null", "float"]},
        ],
    }
)


class Shop:
    """A dataset group with interactions, and trainings by a worker."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder}/test.sqlite3"
        upgrade(url)
        self.stores: Stores = open_stores(folder, url)
        self.worker = Worker(self.stores, {TRAIN_SOLUTION_VERSION.kind: run_training})
        with self.stores.database.write() as session:
            session.add(SchemaRow(arn=f"{ARN}schema/s", name="s", schema=SCHEMA, **OWNER))
            group = DatasetGroupRow(arn=GROUP, name="g", status="ACTIVE", **OWNER)
            session.add(group)
            session.flush()
            dataset = DatasetRow(
                arn=f"{ARN}dataset/g/INTERACTIONS",
                name="d",
                status="ACTIVE",
                dataset_group_arn=GROUP,
                dataset_type="INTERACTIONS",
                schema_arn=f"{ARN}schema/s",
                **OWNER,
            )
            session.add(dataset)
            session.flush()
            self.group_id, self.dataset_id = group.id, dataset.id
            session.add(
                SolutionRow(arn=SOLUTION, name="s", status="ACTIVE", dataset_group_arn=GROUP, **OWNER)
            )

    def add_generation(self, name: str, frame: pl.DataFrame, *, position: int = 0) -> None:
        """Make a generation of a frame, as an import does."""
        folder = self.stores.scratch / name
        folder.mkdir()
        frame.write_parquet(folder / part_name(0))
        seal(folder, {part_name(0): frame.height})
        publish(folder, self.stores.data_dir, name)
        row = GenerationRow(
            id=name,
            dataset_id=self.dataset_id,
            job_arn="",
            mode="FULL",
            position=position,
            rows=frame.height,
            counts={},
            created_at=NOW,
        )
        with self.stores.database.write() as session:
            session.add(row)

    def stream(
        self,
        number: int,
        user: str | None,
        item: str,
        timestamp: int,
        *,
        session_id: str = "s",
        properties: str | None = None,
    ) -> None:
        """Store an event as PutEvents does."""
        event = EventRow(
            dataset_group_id=self.group_id,
            duplicate_key=number.to_bytes(16, "big"),
            user_key=user or session_id,
            user_id=user,
            session_id=session_id,
            item_id=item,
            event_type="view",
            timestamp=timestamp,
            properties=properties,
            received_at=NOW,
        )
        with self.stores.database.write() as session:
            session.add(event)

    def stream_all(self, rows: Iterable[dict[str, Any]]) -> None:
        """Store interactions as PutEvents does, with every fifth phone by another name."""
        for number, row in enumerate(rows):
            device = "streamed-only" if number % 5 == 0 and row["DEVICE"] == "phone" else row["DEVICE"]
            properties = {name: row[name] for name in ("HOUR", "IS_APP", "SPEED")} | {"DEVICE": device}
            self.stream(
                number,
                row["USER_ID"],
                row["ITEM_ID"],
                row["TIMESTAMP"],
                session_id=row["USER_ID"],
                properties=json.dumps(properties),
            )

    def queue(self, recipe: str, **solution: Any) -> str:
        """Queue a training."""
        arn = f"{SOLUTION}/{recipe}"
        row = SolutionVersionRow(
            arn=arn,
            name="v",
            status="",
            solution_arn=SOLUTION,
            dataset_group_arn=GROUP,
            recipe_arn=f"arn:aws:personalize:::recipe/{recipe}",
            **solution,
            **OWNER,
        )
        with self.stores.database.write() as session:
            begin(session, row, TRAIN_SOLUTION_VERSION, now=NOW)
        return arn

    def train(self, recipe: str, **solution: Any) -> SolutionVersionRow:
        """Queue a training, run it to its end, and return its row."""
        arn = self.queue(recipe, **solution)
        assert self.worker.run_one()
        return self.version(arn)

    def version(self, arn: str) -> SolutionVersionRow:
        with self.stores.database.read() as session:
            return session.scalars(select(SolutionVersionRow).where(SolutionVersionRow.arn == arn)).one()

    def job(self) -> JobRow:
        with self.stores.database.read() as session:
            return session.scalars(select(JobRow).order_by(JobRow.id.desc())).first() or JobRow()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.stores.database.dispose()


def _interactions(n_users: int = 60, per_user: int = 20, n_items: int = 40) -> pl.DataFrame:
    users = np.repeat(np.arange(n_users), per_user)
    items = np.random.default_rng(0).integers(0, n_items, len(users))
    return pl.DataFrame(
        {
            "USER_ID": [f"u{user}" for user in users],
            "ITEM_ID": [f"i{item}" for item in items],
            "TIMESTAMP": np.arange(len(users)) + 1_600_000_000,
            "EVENT_TYPE": ["view" if row % 2 else "buy" for row in range(len(users))],
        }
    )


def _in_contexts(frame: pl.DataFrame, device: str | None = "phone") -> pl.DataFrame:
    """Add values of contextual columns: those of even items are others than those of odd ones."""
    is_even = pl.col("ITEM_ID").str.slice(1).cast(pl.Int64) % 2 == 0
    is_device = pl.lit(device is not None)
    return frame.with_columns(
        DEVICE=pl.when(is_device).then(pl.when(is_even).then(pl.lit("phone")).otherwise(pl.lit("desktop"))),
        HOUR=pl.when(is_even).then(7).otherwise(22),
        IS_APP=is_even,
        SPEED=pl.when(is_even).then(0.5).otherwise(1.5),
    )


def test_a_training_ends_active_with_metrics_hours_and_an_artifact(shop: Shop) -> None:
    shop.add_generation("one", _interactions())
    version = shop.train(
        "aws-user-personalization", solution_config={"algorithmHyperParameters": {"bptt": "7"}}
    )

    assert version.status == "ACTIVE"
    assert version.metrics is not None
    assert len(version.metrics) == 8
    assert version.training_hours is not None
    assert 0 < version.training_hours < 1
    folder = shop.stores.artifacts / str(version.artifact_id)
    model = artifacts.load(folder, KINDS)
    assert isinstance(model, BlendModel)
    assert model.n_read == 7
    assert (len(model.users), len(model.histories.items)) == (60, 1200)
    extra = artifacts.read_manifest(folder)["extra"]
    assert extra["recipe"] == "aws-user-personalization"
    assert extra["counts"] == {"users": 60, "items": 40, "interactions": 1200}
    assert list(shop.stores.scratch.iterdir()) == []


def test_the_job_keeps_counts_and_the_seconds_of_each_phase(shop: Shop) -> None:
    shop.add_generation("one", _interactions())
    shop.train("aws-popularity-count")
    details = shop.job().details

    assert details is not None
    assert details["data"]["interactions"] == 1200
    assert {"loading", "evaluating", "training on all data"} <= set(details["phases_s"])


def test_generations_and_streamed_events_are_read_once_and_the_watermark_is_kept(shop: Shop) -> None:
    bulk = _interactions()
    shop.add_generation("one", bulk)
    shop.add_generation("two", bulk.head(100), position=1)
    shop.stream(1, "u0", "i-new", 1_700_000_000)
    shop.stream(2, "u0", "i-new", 1_700_000_001)
    version = shop.train("aws-popularity-count")
    manifest = artifacts.read_manifest(shop.stores.artifacts / str(version.artifact_id))

    assert manifest["extra"]["watermark"] == [0, 2]
    assert manifest["extra"]["counts"]["interactions"] == 1202


def test_events_of_a_session_count_once_the_session_names_its_user(shop: Shop) -> None:
    shop.add_generation("one", _interactions())
    shop.stream(1, None, "i-linked", 1_700_000_000, session_id="linked")
    shop.stream(2, "u0", "i1", 1_700_000_001, session_id="linked")
    shop.stream(3, None, "i-lost", 1_700_000_002, session_id="anonymous")
    version = shop.train("aws-user-personalization")
    model = artifacts.load(shop.stores.artifacts / str(version.artifact_id), KINDS)

    assert model.items.texts(model.histories.items_of(model.users.find("u0"))[-2:]) == ["i-linked", "i1"]
    assert model.items.find("i-lost") == -1
    assert model.users.find("anonymous") == -1


def test_contexts_of_bulk_and_of_streamed_events_shape_the_model(shop: Shop) -> None:
    """Even items are had on phones: half of these events is imported, half streamed."""
    frame = _in_contexts(_interactions(n_users=200)).with_columns(HOUR=pl.lit(7), IS_APP=pl.lit(value=True))
    shop.add_generation("one", frame.gather_every(2))
    shop.stream_all(frame.gather_every(2, offset=1).to_dicts())
    version = shop.train("aws-user-personalization")
    model = artifacts.load(shop.stores.artifacts / str(version.artifact_id), KINDS)
    contexts = model.contexts

    assert contexts.columns == ("DEVICE", "HOUR", "IS_APP", "SPEED")
    known = contexts.values.texts(np.arange(len(contexts.values), dtype=np.int32))
    assert known == [f"device={device}" for device in ("desktop", "phone", "streamed-only")]
    for context, parity in (
        ({"DEVICE": "phone"}, 0),
        ({"DEVICE": "desktop"}, 1),
        ({"DEVICE": "streamed-only"}, 0),
    ):
        ranked = model.recommend(Query(context=contexts.rows(context)), 10)
        assert {int(item[1:]) % 2 for item in model.items.texts(ranked.items)} == {parity}, context


def test_whole_numbers_and_booleans_are_categories_and_fractions_are_not(shop: Shop) -> None:
    """Two columns say the same: at least one of them counts."""
    frame = _in_contexts(_interactions(n_users=200), device=None)
    shop.add_generation("one", frame)
    version = shop.train("aws-personalized-ranking")
    contexts = artifacts.load(shop.stores.artifacts / str(version.artifact_id), KINDS).contexts

    assert len(contexts.rows({"HOUR": "7"})) + len(contexts.rows({"IS_APP": "true"})) >= 1
    assert contexts.rows({"DEVICE": "phone", "SPEED": "0.5"}).tolist() == []


def test_recipes_that_use_no_context_read_none(shop: Shop) -> None:
    shop.add_generation("one", _in_contexts(_interactions()))
    version = shop.train("aws-sims")

    assert version.status == "ACTIVE"
    manifest = artifacts.read_manifest(shop.stores.artifacts / str(version.artifact_id))
    assert not [name for name in manifest["arrays"] if name.startswith("contexts")]


def test_only_events_of_the_solutions_type_are_trained_on(shop: Shop) -> None:
    shop.add_generation("one", _interactions(n_users=120))
    version = shop.train("aws-popularity-count", event_type="buy")
    manifest = artifacts.read_manifest(shop.stores.artifacts / str(version.artifact_id))

    assert manifest["extra"]["counts"]["interactions"] == 1200


def test_too_little_data_fails_at_once_with_the_counts(shop: Shop) -> None:
    shop.add_generation("one", _interactions(n_users=10))
    version = shop.train("aws-popularity-count")

    assert version.status == "CREATE FAILED"
    assert str(version.failure_reason).startswith("Dataset has fewer than 1000 interactions. It has 200;")
    assert list(shop.stores.artifacts.iterdir()) == []


def test_a_group_without_interactions_says_what_to_do(shop: Shop) -> None:
    version = shop.train("aws-popularity-count")

    assert version.status == "CREATE FAILED"
    assert "import some" in str(version.failure_reason)


def test_a_recipe_without_trainer_says_that_it_is_not_built_yet(shop: Shop) -> None:
    version = shop.train("aws-user-personalization-v2")

    assert (version.status, version.failure_reason) == (
        "CREATE FAILED",
        "not built yet: training aws-user-personalization-v2",
    )


def test_a_bad_threshold_is_the_customers_fault(shop: Shop) -> None:
    shop.add_generation("one", _interactions())
    version = shop.train("aws-popularity-count", solution_config={"eventValueThreshold": "high"})

    assert version.failure_reason == "The eventValueThreshold 'high' is not a number."


def test_a_child_that_breaks_is_our_fault_and_is_tried_again(shop: Shop) -> None:
    shop.add_generation("one", _interactions())
    part = shop.stores.generations / "one" / part_name(0)
    content = part.read_bytes()
    part.write_bytes(bytes(len(content)))
    version = shop.train("aws-popularity-count")
    state = shop.job().state
    part.write_bytes(content)

    assert version.status in {"CREATE IN_PROGRESS", "CREATE PENDING"}
    assert state == "queued"


def test_a_cancelled_training_ends_its_child_and_publishes_nothing(shop: Shop) -> None:
    shop.add_generation("one", _interactions(n_users=12_000, per_user=40, n_items=2000))
    arn = shop.queue("aws-user-personalization")
    thread = threading.Thread(target=shop.worker.run_one)
    thread.start()
    deadline = time.monotonic() + PATIENCE_S
    while shop.job().progress_phase != "training" and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    with shop.stores.database.write() as session:
        request_cancel(session, arn)
    thread.join(PATIENCE_S)

    assert not thread.is_alive()
    assert shop.version(arn).status == "CREATE STOPPED"
    assert list(shop.stores.artifacts.iterdir()) == []
    assert list(shop.stores.scratch.iterdir()) == []
