"""Generations: sealed, moved into place, and checked when read."""

import hashlib
from pathlib import Path

import pytest

from openpersonalize.storage.generations import (
    MANIFEST,
    BrokenGenerationError,
    generation_folder,
    part_paths,
    publish,
    read_manifest,
    seal,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scratch"
    made.mkdir()
    (made / "part-00000.parquet").write_bytes(b"first")
    (made / "part-00001.parquet").write_bytes(b"second part")
    return made


def test_a_manifest_names_size_hash_and_rows_of_every_part(folder: Path, tmp_path: Path) -> None:
    seal(folder, {"part-00000.parquet": 3, "part-00001.parquet": 4})

    published = publish(folder, tmp_path, "g1")

    manifest = read_manifest(published)
    assert published == generation_folder(tmp_path, "g1")
    assert manifest.rows == 7
    assert [(part.name, part.size, part.rows) for part in manifest.parts] == [
        ("part-00000.parquet", 5, 3),
        ("part-00001.parquet", 11, 4),
    ]
    assert manifest.parts[0].sha256 == hashlib.sha256(b"first").hexdigest()
    assert part_paths(published) == [
        published / "part-00000.parquet",
        published / "part-00001.parquet",
    ]


def test_a_folder_without_manifest_is_not_published(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BrokenGenerationError):
        publish(folder, tmp_path, "g1")

    assert not generation_folder(tmp_path, "g1").exists()


def test_a_generation_is_never_overwritten(folder: Path, tmp_path: Path) -> None:
    seal(folder, {"part-00000.parquet": 3})
    generation_folder(tmp_path, "g1").mkdir(parents=True)

    with pytest.raises(FileExistsError):
        publish(folder, tmp_path, "g1")


@pytest.mark.parametrize(
    "damage", ["missing part", "short part", "bad manifest", "other format", "no manifest"]
)
def test_a_damaged_generation_is_refused(folder: Path, damage: str) -> None:
    seal(folder, {"part-00000.parquet": 3})
    manifest = folder / MANIFEST
    if damage == "missing part":
        (folder / "part-00000.parquet").unlink()
    elif damage == "short part":
        (folder / "part-00000.parquet").write_bytes(b"fir")
    elif damage == "bad manifest":
        manifest.write_text("{")
    elif damage == "other format":
        manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 99'))
    else:
        manifest.unlink()

    with pytest.raises(BrokenGenerationError):
        read_manifest(folder)


def test_a_manifest_cannot_name_a_file_elsewhere(folder: Path) -> None:
    seal(folder, {"part-00000.parquet": 3})
    manifest = folder / MANIFEST
    (folder.parent / "other").write_bytes(b"first")
    manifest.write_text(manifest.read_text().replace("part-00000.parquet", "../other"))

    with pytest.raises(BrokenGenerationError):
        read_manifest(folder)
