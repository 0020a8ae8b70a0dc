"""Generations: immutable folders of Parquet parts with a manifest, one for each import."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from openpersonalize.storage.durable_files import move_into_place, sync_folder, written_through

MANIFEST = "manifest.json"
FORMAT = 1


class BrokenGenerationError(Exception):
    """A generation's folder does not hold what its manifest says; a fault of ours or of the disk."""


@dataclass(frozen=True)
class Part:
    """One Parquet file of a generation; `size` in bytes."""

    name: str
    size: int
    sha256: str
    rows: int


@dataclass(frozen=True)
class Manifest:
    """What a generation consists of; parts in row order."""

    parts: tuple[Part, ...]
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return sum(part.rows for part in self.parts)


def generation_folder(data_dir: Path, generation_id: str) -> Path:
    """Name the folder of a generation."""
    return data_dir / "generations" / generation_id


def part_name(number: int) -> str:
    """Name the part of a number, counted from 0."""
    return f"part-{number:05d}.parquet"


def seal(folder: Path, rows_by_part: Mapping[str, int]) -> Manifest:
    """Make all parts of a folder durable and write its manifest, last. Parts in the order given."""
    parts = tuple(_seal_part(folder / name, rows) for name, rows in rows_by_part.items())
    manifest = Manifest(parts)
    with written_through(folder / MANIFEST) as file:
        file.write(json.dumps(asdict(manifest), indent=1).encode())
    sync_folder(folder)
    return manifest


def publish(folder: Path, data_dir: Path, generation_id: str) -> Path:
    """Move a sealed folder to its place and return that; invisible until the database names the generation.

    Raises `FileExistsError` if a generation of this id is there already.
    """
    target = generation_folder(data_dir, generation_id)
    if not (folder / MANIFEST).is_file():
        raise BrokenGenerationError(f"The folder of generation {generation_id} has no manifest.")
    target.parent.mkdir(parents=True, exist_ok=True)
    move_into_place(folder, target)
    return target


def read_manifest(folder: Path) -> Manifest:
    """Read a generation's manifest and check that each part is there in its size.

    Raises `BrokenGenerationError`.
    """
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise BrokenGenerationError(
                f"Generation {folder.name} has format {content['format']!r}, not {FORMAT}."
            )
        manifest = Manifest(tuple(Part(**part) for part in content["parts"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenGenerationError(f"Generation {folder.name} has no readable manifest.") from error
    for part in manifest.parts:
        _check_part(folder, part)
    return manifest


def part_paths(folder: Path) -> list[Path]:
    """Name all parts of a generation, in row order, after checking the manifest."""
    return [folder / part.name for part in read_manifest(folder).parts]


def _check_part(folder: Path, part: Part) -> None:
    path = folder / part.name
    if Path(part.name).name != part.name or not path.is_file() or path.stat().st_size != part.size:
        raise BrokenGenerationError(
            f"{part.name} of generation {folder.name} is missing or has another size."
        )


def _seal_part(path: Path, rows: int) -> Part:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        return Part(path.name, os.fstat(file.fileno()).st_size, digest, rows)
