"""Files that outlive a loss of power: written through to the disk, and folders moved into their place."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written_through(path: Path) -> Iterator[BinaryIO]:
    """Write a new file, which is on the disk when the block ends. Raises FileExistsError."""
    with path.open("xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_into_place(folder: Path, target: Path) -> None:
    """Rename a folder and bring that to the disk.

    Raises FileNotFoundError if the folder is gone, FileExistsError if the place is taken.
    """
    if target.exists():
        raise FileExistsError(f"{target} exists.")
    folder.rename(target)
    sync_folder(target.parent)
