"""Builders for import tests: schemas, a bucket, and one call that imports texts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from openpersonalize.domain.columns import Column, DatasetColumns
from openpersonalize.storage.objects import LocalObjects
from openpersonalize.work.csv_counts import ImportCounts
from openpersonalize.work.csv_imports import import_csv

INTERACTIONS = DatasetColumns(
    "INTERACTIONS",
    (
        Column("USER_ID", "string"),
        Column("ITEM_ID", "string"),
        Column("EVENT_TYPE", "string"),
        Column("EVENT_VALUE", "float", nullable=True),
        Column("IMPRESSION", "string", nullable=True),
        Column("TIMESTAMP", "long"),
    ),
)
ITEMS = DatasetColumns(
    "ITEMS",
    (
        Column("ITEM_ID", "string"),
        Column("TITLE", "string"),
        Column("GENRES", "string", nullable=True, categorical=True),
        Column("PRICE", "double", nullable=True),
        Column("RATING", "float"),
        Column("YEAR", "int", nullable=True),
        Column("STOCK", "long", nullable=True),
        Column("ADULT", "boolean", nullable=True),
        Column("DESCRIPTION", "string", nullable=True, textual=True),
        Column("CREATION_TIMESTAMP", "long", nullable=True),
    ),
)
INTERACTIONS_HEADER = ",".join(INTERACTIONS.names)
ITEMS_HEADER = ",".join(ITEMS.names)


@dataclass
class Bucket:
    """A bucket in a folder, and imports from it."""

    folder: Path
    n_imports: int = 0

    @property
    def objects(self) -> LocalObjects:
        return LocalObjects(self.folder / "buckets")

    def put(self, name: str, content: str | bytes) -> str:
        """Write an object and return its location."""
        uri = f"s3://shop/{name}"
        with self.objects.write(uri) as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return uri

    def import_from(
        self, location: str, columns: DatasetColumns, **options: Any
    ) -> tuple[pl.DataFrame, ImportCounts]:
        """Import without a minimum of rows, and return the rows and the counts."""
        self.n_imports += 1
        folder = self.folder / f"import-{self.n_imports}"
        folder.mkdir()
        options = {"min_interactions": 0} | options
        files = self.objects.list_objects(location)
        written = import_csv(self.objects, files, columns, folder, **options)
        frame = pl.concat(pl.read_parquet(folder / name) for name in written.rows_by_part)
        assert [pl.read_parquet(folder / name).height for name in written.rows_by_part] == list(
            written.rows_by_part.values()
        )
        assert sorted(path.name for path in folder.iterdir()) == sorted(written.rows_by_part)
        return frame, written.counts

    def import_text(
        self, content: str | bytes, columns: DatasetColumns = ITEMS, **options: Any
    ) -> tuple[pl.DataFrame, ImportCounts]:
        """Import one file."""
        return self.import_from(self.put("file.csv", content), columns, **options)
