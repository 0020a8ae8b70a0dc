"""The Parquet parts of a generation: written as frames come, rewritten without the duplicates."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from openpersonalize.storage.generations import part_name

PART_ROWS = 1_000_000
PART_BYTES = 128 << 20


@dataclass
class PartWriter:
    """Gathers frames into parts of about a million rows; memory is bounded by one part."""

    folder: Path
    rows: dict[str, int] = field(default_factory=dict)
    _frames: list[pl.DataFrame] = field(default_factory=list)
    _n_rows: int = 0
    _n_bytes: int = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Take a frame, and write a part if there is enough for one."""
        self._frames.append(frame)
        self._n_rows += frame.height
        self._n_bytes += int(frame.estimated_size())
        if self._n_rows >= PART_ROWS or self._n_bytes >= PART_BYTES:
            self._write()

    def finish(self, empty: pl.DataFrame) -> None:
        """Write what is left; an import without rows has one part, for its columns."""
        if not self.rows and not self._frames:
            self._frames.append(empty)
        if self._frames:
            self._write()

    @property
    def parts(self) -> list[tuple[Path, int]]:
        """Path and rows of each part, in row order."""
        return [(self.folder / name, rows) for name, rows in self.rows.items()]

    def remove(self, removed: npt.NDArray[np.bool_], advance: Callable[[float], None]) -> None:
        """Rewrite the parts that hold removed rows (bool, one a row)."""
        start = 0
        for path, rows in self.parts:
            gone = removed[start : start + rows]
            if gone.any():
                _write_parquet(pl.read_parquet(path).filter(pl.Series(~gone)), path)
                self.rows[path.name] = rows - int(gone.sum())
            start += rows
            advance(start / len(removed))

    def _write(self) -> None:
        name = part_name(len(self.rows))
        _write_parquet(pl.concat(self._frames), self.folder / name)
        self.rows[name] = self._n_rows
        self._frames, self._n_rows, self._n_bytes = [], 0, 0


def _write_parquet(frame: pl.DataFrame, path: Path) -> None:
    unfinished = path.with_suffix(".unfinished")
    frame.write_parquet(unfinished, compression="zstd", compression_level=1, statistics=False)
    unfinished.replace(path)
