"""The import job: what it makes visible, what it keeps with the job, and what a failure leaves."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import select

from openpersonalize.jobs.lifecycle import IMPORT_DATASET, begin
from openpersonalize.jobs.worker import RunningJob, Worker
from openpersonalize.storage.generations import generation_folder, part_paths
from openpersonalize.storage.migrations import upgrade
from openpersonalize.storage.objects import LocalObjects, StoredObject
from openpersonalize.storage.stores import Stores, open_stores
from openpersonalize.storage.tables import (
    DatasetGroupRow,
    DatasetImportJobRow,
    DatasetRow,
    GenerationRow,
    JobRow,
    SchemaRow,
)
from openpersonalize.work.imports import run_import

NOW = 1_700_000_000.0
ARN = "arn:aws:personalize:us-east-1:000000000000:"
JOBS = f"{ARN}dataset-import-job/"
DATASET = f"{ARN}dataset/g/ITEMS"
OWNER = {"account": "0" * 12, "region": "us-east-1", "creation_date_time": NOW, "last_updated_date_time": NOW}
FIELDS = [{"name": "ITEM_ID", "type": "string"}, {"name": "PRICE", "type": ["null", "float"]}]
SCHEMA = {
    "type": "record",
    "name": "Items",
    "namespace": "com.amazonaws.personalize.schema",
    "fields": FIELDS,
    "version": "1.0",
}


class Shop:
    """A dataset of items, and imports into it by a worker."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder}/test.sqlite3"
        upgrade(url)
        self.stores: Stores = open_stores(folder, url)
        self.worker = Worker(self.stores, {IMPORT_DATASET.kind: run_import})
        with self.stores.database.write() as session:
            session.add(SchemaRow(arn=f"{ARN}schema/s", name="s", schema=json.dumps(SCHEMA), **OWNER))
            session.add(DatasetGroupRow(arn=f"{ARN}dataset-group/g", name="g", status="ACTIVE", **OWNER))
            session.flush()
            dataset = DatasetRow(
                arn=DATASET,
                name="d",
                status="ACTIVE",
                dataset_group_arn=f"{ARN}dataset-group/g",
                dataset_type="ITEMS",
                schema_arn=f"{ARN}schema/s",
                **OWNER,
            )
            session.add(dataset)

    def put(self, uri: str, content: str) -> None:
        with self.stores.objects.write(uri) as file:
            file.write(content.encode())

    def run(self, name: str, location: str, mode: str = "FULL") -> DatasetImportJobRow:
        """Queue an import, run it to its end, and return its row."""
        with self.stores.database.write() as session:
            row = DatasetImportJobRow(
                arn=f"{JOBS}{name}",
                name=name,
                status="",
                dataset_arn=DATASET,
                data_location=location,
                import_mode=mode,
                **OWNER,
            )
            begin(session, row, IMPORT_DATASET, now=NOW)
        assert self.worker.run_one()
        with self.stores.database.read() as session:
            return session.scalars(
                select(DatasetImportJobRow).where(DatasetImportJobRow.arn == f"{JOBS}{name}")
            ).one()

    def import_text(self, name: str, content: str, mode: str = "FULL") -> DatasetImportJobRow:
        self.put(f"s3://shop/{name}.csv", content)
        return self.run(name, f"s3://shop/{name}.csv", mode)

    def details(self, name: str) -> dict[str, object]:
        with self.stores.database.read() as session:
            return (
                session.scalars(select(JobRow).where(JobRow.resource_arn == f"{JOBS}{name}")).one().details
                or {}
            )

    def generations(self) -> list[GenerationRow]:
        """The active generations in the order of reading."""
        with self.stores.database.read() as session:
            query = select(GenerationRow).where(GenerationRow.active).order_by(GenerationRow.position)
            return list(session.scalars(query))

    def items(self) -> list[tuple[object, ...]]:
        """All rows of the active generations."""
        folders = [generation_folder(self.stores.data_dir, g.id) for g in self.generations()]
        return [
            row for folder in folders for path in part_paths(folder) for row in pl.read_parquet(path).rows()
        ]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.stores.database.dispose()


def test_an_import_makes_one_active_generation_with_its_counts(shop: Shop) -> None:
    job = shop.import_text("first", "ITEM_ID,PRICE\na,1.5\nb,\na,2\n")

    assert (job.status, job.failure_reason) == ("ACTIVE", None)
    assert shop.items() == [("b", None), ("a", 2.0)]
    generation = shop.generations()[0]
    assert (generation.rows, generation.position, generation.mode) == (2, 0, "FULL")
    assert generation.counts == {"rows": 2, "records": 3, "duplicates": 1, "truncated": 0, "items": 2}
    assert shop.details("first") == {"counts": generation.counts}


def test_a_full_import_replaces_and_incremental_ones_add_in_order(shop: Shop) -> None:
    shop.import_text("first", "ITEM_ID,PRICE\na,1\n")
    shop.import_text("second", "ITEM_ID,PRICE\nb,2\n", "INCREMENTAL")
    shop.import_text("third", "ITEM_ID,PRICE\nc,3\n", "INCREMENTAL")
    before = shop.items()

    shop.import_text("fourth", "ITEM_ID,PRICE\nd,4\n", "FULL")

    assert before == [("a", 1.0), ("b", 2.0), ("c", 3.0)]
    assert shop.items() == [("d", 4.0)]


def test_a_full_import_leaves_what_was_streamed(shop: Shop) -> None:
    shop.import_text("first", "ITEM_ID,PRICE\na,1\n")
    with shop.stores.database.write() as session:
        streamed = GenerationRow(
            id="streamed",
            dataset_id=shop.generations()[0].dataset_id,
            job_arn=DATASET,
            mode="STREAMED",
            position=7,
            rows=1,
            counts={},
            created_at=NOW,
        )
        session.add(streamed)

    shop.import_text("second", "ITEM_ID,PRICE\nb,2\n", "FULL")
    shop.import_text("third", "ITEM_ID,PRICE\nc,3\n", "INCREMENTAL")

    assert [(g.mode, g.position) for g in shop.generations()] == [
        ("FULL", 0),
        ("INCREMENTAL", 1),
        ("STREAMED", 7),
    ]


def test_a_bad_import_shows_its_lines_and_leaves_what_was_there(shop: Shop) -> None:
    shop.import_text("first", "ITEM_ID,PRICE\na,1\n")

    job = shop.import_text("second", "ITEM_ID,PRICE\nb,2\nc,cheap\n,3\n")

    assert job.status == "CREATE FAILED"
    assert job.failure_reason is not None
    assert "s3://shop/second.csv, line 3, column PRICE (field 2, character 3)" in job.failure_reason
    rejects = shop.details("second")["rejects"]
    assert isinstance(rejects, dict)
    assert rejects["total"] == 2
    assert [(bad["line"], bad["column"], bad["value"]) for bad in rejects["first"]] == [
        (3, "PRICE", "cheap"),
        (4, "ITEM_ID", ""),
    ]
    assert shop.items() == [("a", 1.0)]
    assert len(list(shop.stores.generations.iterdir())) == 1
    assert list(shop.stores.scratch.iterdir()) == []


@pytest.mark.parametrize(
    "location", ["s3://nowhere/x.csv", "s3://shop/x.csv", "http://shop/x.csv", "s3://shop/../x"]
)
def test_a_bad_location_fails_with_its_reason(shop: Shop, location: str) -> None:
    job = shop.run("first", location)

    assert job.status == "CREATE FAILED"
    assert str(job.failure_reason).startswith("Invalid Data location. ")


def test_hidden_files_of_a_folder_are_left_out(shop: Shop) -> None:
    shop.put("s3://shop/days/1.csv", "ITEM_ID,PRICE\na,1\n")
    shop.put("s3://shop/days/_SUCCESS", "")
    shop.put("s3://shop/days/.DS_Store", "\x00\x01")

    job = shop.run("first", "s3://shop/days/")

    assert job.status == "ACTIVE"
    assert shop.items() == [("a", 1.0)]


def test_a_bucket_alone_is_a_folder_too(shop: Shop) -> None:
    shop.put("s3://shop/1.csv", "ITEM_ID,PRICE\na,1\n")
    shop.put("s3://shop/.DS_Store", "\x00\x01")

    job = shop.run("first", "s3://shop")

    assert (job.status, job.failure_reason) == ("ACTIVE", None)


def test_a_long_reason_is_cut_to_a_thousand_characters(shop: Shop) -> None:
    job = shop.import_text("first", ",".join(f"COLUMN_{n}" for n in range(1000)))
    deep = shop.run("second", "s3://shop/" + "/".join(["x" * 200] * 10))

    assert "ITEM_ID, PRICE" in str(job.failure_reason)
    assert len(str(job.failure_reason)) <= 1000
    assert len(str(deep.failure_reason)) <= 1000


class DyingWorker(Worker):
    """A worker whose process ends after the files were moved into place and before the database knows."""

    def _end(self, job: RunningJob, **ending: object) -> None:
        raise SystemExit


def test_an_attempt_that_died_after_moving_its_files_leaves_nothing_behind(shop: Shop) -> None:
    shop.worker = DyingWorker(shop.stores, {IMPORT_DATASET.kind: run_import}, lease_s=0.0)
    with pytest.raises(SystemExit):
        shop.import_text("first", "ITEM_ID,PRICE\na,1\n")
    left = [folder.name for folder in shop.stores.generations.iterdir()]

    Worker(shop.stores, {IMPORT_DATASET.kind: run_import}).run_one()

    assert len(left) == 1
    assert [folder.name for folder in shop.stores.generations.iterdir()] == [shop.generations()[0].id]
    assert left != [shop.generations()[0].id]
    assert shop.items() == [("a", 1.0)]


class LosingObjects(LocalObjects):
    """Local objects; once a file was read, the scratch folders are gone, as when a later attempt began."""

    n_listed = 0
    scratch: Path

    def list_objects(self, location: str) -> list[StoredObject]:
        self.n_listed += 1
        if self.n_listed > 1:
            for folder in self.scratch.iterdir():
                shutil.rmtree(folder)
        return super().list_objects(location)


def test_a_worker_whose_scratch_folder_is_gone_moves_nothing(shop: Shop) -> None:
    objects = LosingObjects(shop.stores.data_dir / "buckets")
    objects.scratch = shop.stores.scratch
    shop.worker = Worker(replace(shop.stores, objects=objects), {IMPORT_DATASET.kind: run_import})

    job = shop.import_text("first", "ITEM_ID,PRICE\na,1\n")

    assert objects.n_listed == 2
    assert job.status != "ACTIVE"
    assert list(shop.stores.generations.iterdir()) == []
    assert list(shop.stores.scratch.iterdir()) == []
