"""Duplicates among the parts of a generation: equal events, or the earlier rows of an id."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from openpersonalize.work.csv_hashes import Hashes, HashLog

FIRST_SEED, SECOND_SEED = 1, 2
CANDIDATES_AT_ONCE = 4_000_000
_CANDIDATE = np.dtype([("first", np.uint64), ("second", np.uint64), ("row", np.int64)])

Candidates = npt.NDArray[np.void]


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
    repeated = log.repeated()
    if not len(repeated):
        return removed
    n_candidates = sum(int(np.count_nonzero(mask)) for _, _, mask in _candidate_masks(log, parts, repeated))
    n_shares = -(-n_candidates // CANDIDATES_AT_ONCE)
    for share in range(n_shares):
        candidates = _candidates(log, parts, keys, repeated[share::n_shares])
        removed[_surplus(candidates, keep_last=keep_last)] = True
    return removed


def _candidate_masks(
    log: HashLog, parts: Sequence[tuple[Path, int]], repeated: Hashes
) -> Iterator[tuple[Path, int, npt.NDArray[np.bool_]]]:
    """For each part, its path, the number of its first row, and which of its rows have a repeated hash."""
    start = 0
    for path, n_rows in parts:
        hashes = log.read(start, n_rows)
        nearest = np.minimum(np.searchsorted(repeated, hashes), len(repeated) - 1)
        yield path, start, repeated[nearest] == hashes
        start += n_rows


def _candidates(
    log: HashLog, parts: Sequence[tuple[Path, int]], keys: Sequence[str], repeated: Hashes
) -> Candidates:
    """Collect both hashes and the row number of all rows whose first hash is repeated."""
    found = [np.empty(0, _CANDIDATE)]
    for path, start, mask in _candidate_masks(log, parts, repeated):
        rows = np.flatnonzero(mask)
        if not len(rows):
            continue
        block = np.empty(len(rows), _CANDIDATE)
        block["row"] = rows + start
        block["first"] = log.read(start, len(mask))[rows]
        frame = pl.read_parquet(path, columns=list(keys)).filter(pl.Series(mask))
        block["second"] = row_hashes(frame, seed=SECOND_SEED)
        found.append(block)
    return np.concatenate(found)


def _surplus(candidates: Candidates, *, keep_last: bool) -> npt.NDArray[np.int64]:
    """Return the row numbers of all but one of each group of equal rows."""
    order = np.lexsort((candidates["row"], candidates["second"], candidates["first"]))
    ordered = candidates[order]
    same = (ordered["first"][1:] == ordered["first"][:-1]) & (ordered["second"][1:] == ordered["second"][:-1])
    rows = ordered["row"]
    surplus: npt.NDArray[np.int64] = (rows[:-1] if keep_last else rows[1:])[same]
    return surplus
