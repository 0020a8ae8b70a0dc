"""A store as a folder of CSVs with their schemas."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from openpersonalize.cli.client.buckets import bucket_of
from openpersonalize.cli.console import UserError
from openpersonalize.settings import Settings

KINDS = ("interactions", "items", "users")
LAYOUT = """The folder holds, with a header line in each CSV:
  interactions.csv and interactions.schema.json (needed; USER_ID, ITEM_ID, TIMESTAMP, ...)
  items.csv and items.schema.json (optional; a column TITLE or NAME makes lists readable)
  users.csv and users.schema.json (optional)
A schema is the Avro JSON that CreateSchema takes; `openpersonalize sample` writes an example."""
COPY_BYTES = 1 << 20
TITLE_COLUMNS = ("TITLE", "NAME", "ITEM_NAME", "PRODUCT_NAME")


@dataclass(frozen=True)
class StoreFolder:
    """The files of a store, checked to be there; their content is the server's to check."""

    path: Path
    schemas: Mapping[str, str]
    """Avro schema by kind, in the order of KINDS."""

    def csv(self, kind: str) -> Path:
        """The CSV of a kind."""
        return self.path / f"{kind}.csv"


def read_folder(path: Path) -> StoreFolder:
    """Find the files of a store. Raises UserError that says what is missing and what the folder must hold."""
    if not path.is_dir():
        raise UserError(f"{path} is not a folder. {LAYOUT}")
    schemas = {}
    for kind in KINDS:
        csv, schema = path / f"{kind}.csv", path / f"{kind}.schema.json"
        if csv.is_file() != schema.is_file():
            missing, there = (schema, csv) if csv.is_file() else (csv, schema)
            raise UserError(f"{there} is there, but {missing.name} is not. {LAYOUT}")
        if csv.is_file():
            schemas[kind] = _read_schema(schema)
    if "interactions" not in schemas:
        hint = (
            " For MovieLens' folder write --movielens before it." if (path / "ratings.csv").is_file() else ""
        )
        raise UserError(f"{path} has no interactions.csv.{hint} {LAYOUT}")
    return StoreFolder(path, schemas)


def _read_schema(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
        json.loads(text)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): correct its permissions.") from None
    except ValueError as error:
        raise UserError(
            f"{path} is not JSON in UTF-8: {error}. Write the schema as CreateSchema takes it."
        ) from None
    return text


def copy_to_bucket(folder: StoreFolder, settings: Settings, bucket: str) -> None:
    """Put the CSVs where the server reads `s3://bucket/`; replaces what is there. Raises UserError."""
    with bucket_of(settings, bucket) as objects:
        for kind in folder.schemas:
            with folder.csv(kind).open("rb") as source, objects.write(f"s3://{bucket}/{kind}.csv") as copy:
                shutil.copyfileobj(source, copy, COPY_BYTES)
