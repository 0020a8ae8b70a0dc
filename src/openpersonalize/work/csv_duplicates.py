"""Duplicates among the parts of a generation: equal events, or the earlier rows of an id."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from openpersonalize.work.csv_hashes import Hashes, HashLog, Rows

FIRST_SEED, SECOND_SEED = 1, 2


def row_hashes(frame: pl.DataFrame, *, seed: int = FIRST_SEED) -> Hashes:
    """Hash each row of a frame; equal rows have equal hashes whatever frame they are in."""
    hashes: Hashes = frame.hash_rows(seed).to_numpy()
    return hashes


def duplicate_rows(
    log: HashLog, parts: Sequence[tuple[Path, int]], keys: Sequence[str], *, keep_last: bool
) -> npt.NDArray[np.bool_]:
    """Mark the rows to remove (bool, one a row, in the parts' order); the first or last of equals stays.

    `log` holds the first hash of every row's keys. Rows are equal if two independent 64-bit hashes are: among
    10^10 different rows, the chance of a single mistake is below 10^-18.
    """
    removed = np.zeros(len(log), np.bool_)
    for rows, first in log.repeated():
        second = _second_hashes(rows, parts, keys)
        removed[rows] = True
        removed[_kept_rows(rows, first, second, keep_last=keep_last)] = False
    return removed


def _second_hashes(rows: Rows, parts: Sequence[tuple[Path, int]], keys: Sequence[str]) -> Hashes:
    """Hash the keys of some rows by the second seed, reading the parts that hold them once."""
    order = np.argsort(rows)
    ascending = rows[order]
    hashes = np.empty(len(rows), np.uint64)
    start = 0
    for path, n_rows in parts:
        low, high = np.searchsorted(ascending, (start, start + n_rows))
        if low < high:
            frame = pl.read_parquet(path, columns=list(keys))
            hashes[order[low:high]] = row_hashes(frame, seed=SECOND_SEED)[ascending[low:high] - start]
        start += n_rows
    return hashes


def _kept_rows(rows: Rows, first: Hashes, second: Hashes, *, keep_last: bool) -> Rows:
    """Return the first or last row of each group of equal ones; equal first hashes stand side by side."""
    is_new = _is_new(first)
    if np.any(_is_new(second) & ~is_new):  # different rows share a first hash: bring the equal ones together
        order = np.lexsort((second, first))
        rows, first, second = rows[order], first[order], second[order]
        is_new = _is_new(first) | _is_new(second)
    kept: Rows = (np.maximum if keep_last else np.minimum).reduceat(rows, np.flatnonzero(is_new))
    return kept


def _is_new(hashes: Hashes) -> npt.NDArray[np.bool_]:
    return np.append(np.True_, hashes[1:] != hashes[:-1])
