"""Everything that a process keeps open: database, objects, folders and the clock."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from openpersonalize.domain.limits import Limits
from openpersonalize.settings import Profile, SettingsError
from openpersonalize.storage.database import Database
from openpersonalize.storage.objects import LocalObjects, ObjectStore

Clock = Callable[[], float]
"""Gives epoch seconds, UTC."""


def wall_clock() -> float:
    """Epoch seconds, rounded to the milliseconds that the wire carries."""
    return round(time.time(), 3)


@dataclass(frozen=True)
class Stores:
    """The stores of one process; built by its composition root."""

    database: Database
    objects: ObjectStore
    """For the work of jobs; no request reads or writes an object."""
    data_dir: Path
    clock: Clock = field(default=wall_clock)
    limits: Limits = field(default=Limits())

    @property
    def generations(self) -> Path:
        """Folder of the Parquet generations of bulk imports."""
        return self.data_dir / "generations"

    @property
    def artifacts(self) -> Path:
        """Folder of the trained models."""
        return self.data_dir / "artifacts"

    @property
    def scratch(self) -> Path:
        """Folder of what running jobs write; on the same file system, so that publishing is a rename."""
        return self.data_dir / "scratch"


def unwritable(folder: Path, error: OSError) -> SettingsError:
    """What to say where the data directory, or a folder in it, cannot be made or written."""
    return SettingsError(
        f"data directory {folder} cannot be written ({error.strerror}): change its owner, or give another "
        "one with OPENPERSONALIZE_DATA_DIR or --data-dir."
    )


def make_folder(folder: Path) -> None:
    """Make the data directory, or a folder in it, where it is missing. Raises SettingsError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def open_stores(
    data_dir: Path,
    database_url: str,
    clock: Clock = wall_clock,
    *,
    limits: Profile = "standard",
    objects: ObjectStore | None = None,
) -> Stores:
    """Open the stores below `data_dir`, making its folders where they are missing. Raises SettingsError.

    Without `objects` they are the local buckets, which is right for a process that reads none.
    """
    for folder in ("buckets", "generations", "artifacts", "scratch", "cache"):
        make_folder(data_dir / folder)
    # numba keeps its compiled kernels beside the package, so that a new data directory compiles nothing anew;
    # where the process may not write there (a package that root installed), in the data directory.
    if not os.access(Path(__file__).parent, os.W_OK):
        os.environ.setdefault("NUMBA_CACHE_DIR", str((data_dir / "cache" / "numba").resolve()))
    return Stores(
        database=Database(database_url),
        objects=objects or LocalObjects(data_dir / "buckets"),
        data_dir=data_dir,
        clock=clock,
        limits=Limits(limits),
    )
