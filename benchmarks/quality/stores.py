"""Stores to measure on: a folder of CSVs, MovieLens' own files, or the generated store.

All are read as the server reads them: its import (with its checks), its loading for training, and its tables
of records. The CSVs are only read; what is derived from them lies in a temporary folder.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import polars as pl

from openpersonalize.cli.client.folders import KINDS, LAYOUT
from openpersonalize.cli.client.movielens import convert
from openpersonalize.cli.console import UserError
from openpersonalize.cli.sample_store.files import sample_files
from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.domain.datasets import contextual
from openpersonalize.domain.schemas import parse_schema
from openpersonalize.errors import InvalidInputException, JobError
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.loading import EventFilter, Source, load_interactions
from openpersonalize.recipes.training import Records
from openpersonalize.storage.objects import StoredObject
from openpersonalize.work.csv_imports import import_csv
from openpersonalize.work.feature_tables import is_feature
from openpersonalize.work.record_tables import Imported, record_table

CATEGORY_SHARE = 0.5
"""A column of texts without a schema is categorical if it has at most so many different values a row."""
GENERATED = "generated store"
_CATEGORIES = ("string", "boolean", "int", "long")
_TYPES = {pl.String: "string", pl.Int64: "long", pl.Float64: "double", pl.Boolean: "boolean"}
_RESERVED = {
    "USER_ID": "string",
    "ITEM_ID": "string",
    "EVENT_TYPE": "string",
    "TIMESTAMP": "long",
    "CREATION_TIMESTAMP": ["null", "long"],
    "EVENT_VALUE": ["null", "double"],
    "IMPRESSION": ["null", "string"],
    "RECOMMENDATION_ID": ["null", "string"],
    "EVENT_ATTRIBUTION_SOURCE": ["null", "string"],
}


@dataclass(frozen=True)
class Store:
    """What training is given of a store: interactions, and records by type of dataset."""

    name: str
    interactions: Interactions
    records: dict[str, Records] = field(default_factory=dict)

    def describe(self) -> str:
        """Return its size in words."""
        known = self.interactions
        tables = " and ".join(name.lower() for name in self.records) or "nothing else"
        return (
            f"{known.n_users:,} users, {known.n_items:,} items, {known.n_events:,} interactions; "
            f"records of {tables}"
        )


def read(folder: Path) -> Store:
    """Read a folder of CSVs, or MovieLens' own. Raises UserError that says what is wrong with it."""
    with tempfile.TemporaryDirectory() as scratch:
        if (folder / "ratings.csv").is_file() and not (folder / "interactions.csv").is_file():
            convert(folder, Path(scratch))
            return _read(folder.resolve().name, Path(scratch))
        return _read(folder.resolve().name, folder)


def generated() -> Store:
    """Return the sample store of `openpersonalize sample`, the same every time."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in sample_files():
            (Path(scratch) / name).write_text(text, encoding="utf-8")
        return _read(GENERATED, Path(scratch))


def _read(name: str, folder: Path) -> Store:
    if not (folder / "interactions.csv").is_file():
        raise UserError(f"{folder} has no interactions.csv. {LAYOUT} Without a schema one is inferred.")
    try:
        with tempfile.TemporaryDirectory() as scratch:
            return _imported(name, folder, Path(scratch))
    except (JobError, InvalidInputException) as error:
        raise UserError(f"{folder}: {error}") from error


def _imported(name: str, folder: Path, scratch: Path) -> Store:
    columns = {kind.upper(): _columns(folder, kind) for kind in KINDS if (folder / f"{kind}.csv").is_file()}
    parts = {kind: _parts(folder / f"{kind.lower()}.csv", columns[kind], scratch / kind) for kind in columns}
    contexts = {column.name: column.type in _CATEGORIES for column in contextual(columns["INTERACTIONS"])}
    source = Source(parts.pop("INTERACTIONS"), parts.get("ITEMS", ()), has_one_origin=True, contexts=contexts)
    interactions = load_interactions(source, EventFilter(), has_minimums=False)
    records = {kind: _records(columns[kind], parts[kind]) for kind in parts}
    return Store(name, interactions, records)


def _parts(csv: Path, columns: DatasetColumns, folder: Path) -> list[Path]:
    """Import one CSV with the server's code; return its Parquet parts in order."""
    folder.mkdir()
    files = _Files()
    written = import_csv(files, files.list_objects(str(csv)), columns, folder, min_interactions=0)
    return [folder / part for part in written.rows_by_part]


def _records(columns: DatasetColumns, parts: list[Path]) -> Records:
    """Return what `work.feature_tables` gives a training, without a solution that excludes columns."""
    used = [column for column in columns.columns if is_feature(column, columns.dataset_type, {})]
    return Records(
        record_table(columns, [Imported(parts, 0.0)], {}),
        tuple(column.name for column in used if column.name != columns.identifier),
        tuple(column.name for column in used if column.textual),
        next((column.name for column in columns.columns if column.item_name), None),
    )


def _columns(folder: Path, kind: str) -> DatasetColumns:
    schema = folder / f"{kind}.schema.json"
    text = schema.read_text(encoding="utf-8") if schema.is_file() else _inferred(folder / f"{kind}.csv", kind)
    return parse_schema(text).columns


def _inferred(csv: Path, kind: str) -> str:
    """Return an Avro schema for a CSV without one: reserved columns as AWS has them, others as they look."""
    frame = pl.read_csv(csv, infer_schema_length=None)
    fields = [_field(frame[name]) for name in frame.columns]
    return json.dumps({"type": "record", "name": kind.capitalize(), "fields": fields, "version": "1.0"})


def _field(values: pl.Series) -> dict[str, object]:
    if values.name in _RESERVED:
        return {"name": values.name, "type": _RESERVED[values.name]}
    kind = _TYPES.get(type(values.dtype), "string")
    field: dict[str, object] = {"name": values.name, "type": ["null", kind]}
    if kind == "string" and values.n_unique() <= max(2, CATEGORY_SHARE * len(values)):
        field["categorical"] = True
    return field


class _Files:
    """Plain files as the server's import reads objects; a path stands for the URI."""

    def list_objects(self, location: str) -> list[StoredObject]:
        status = Path(location).stat()
        return [StoredObject(location, status.st_size, status.st_mtime, f"{status.st_mtime_ns:x}")]

    def open(self, uri: str, version: str = "") -> BinaryIO:
        return Path(uri).open("rb")

    @contextmanager
    def _refused(self) -> Iterator[BinaryIO]:
        raise PermissionError("A benchmark's data are only read.")
        yield

    def write(self, uri: str) -> AbstractContextManager[BinaryIO]:
        return self._refused()

    def exists(self, uri: str) -> bool:
        return Path(uri).is_file()

    def make_bucket(self, bucket: str) -> None:
        raise PermissionError("A benchmark's data are only read.")
