"""A log of 64-bit hashes on disk that finds the repeated ones in bounded memory."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]

HASHES_AT_ONCE = 16_000_000  # 128 MB
ROWS_AT_ONCE = 3_000_000  # with their hashes and the order of both, some 200 MB


class HashLog:
    """Hashes in the order of their rows; appended while reading, searched when all are there."""

    def __init__(
        self, path: Path, *, hashes_at_once: int = HASHES_AT_ONCE, rows_at_once: int = ROWS_AT_ONCE
    ) -> None:
        self._path = path
        self._hashes_at_once = hashes_at_once
        self._rows_at_once = rows_at_once
        self._file = path.open("xb")
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, hashes: Hashes) -> None:
        """Add hashes at the end."""
        self._file.write(np.ascontiguousarray(hashes).data)
        self._length += len(hashes)

    def count_distinct(self) -> int:
        """Count the different hashes."""
        count = 0
        for _, hashes in self._shares(self._hashes_at_once):
            hashes.sort()
            count += int(np.count_nonzero(hashes[1:] != hashes[:-1])) + 1
        return count

    def repeated(self) -> Iterator[tuple[Rows, Hashes]]:
        """Give the rows whose hash occurs more than once, with their hashes, those of a hash side by side.

        In several shares if there are many rows, but all rows of a hash in one.
        """
        if self.count_distinct() == self._length:
            return
        for share_rows, hashes in self._shares(self._rows_at_once):
            order = np.argsort(hashes)
            ordered = hashes[order]
            is_next_equal = np.append(ordered[1:] == ordered[:-1], np.False_)
            is_repeated = is_next_equal | np.append(np.False_, is_next_equal[:-1])
            rows = order[is_repeated]
            yield (rows if share_rows is None else share_rows[rows]), ordered[is_repeated]

    def close(self) -> None:
        """Close and delete the file."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _shares(self, at_once: int) -> Iterator[tuple[Rows | None, Hashes]]:
        """Split the hashes by value into shares of about `at_once`, with their rows (None: all of them)."""
        self._file.flush()
        n_shares = -(-self._length // at_once)
        if n_shares == 1:
            yield None, np.fromfile(self._path, np.uint64)
            return
        for share in range(n_shares):
            found = list(self._share(share, n_shares, at_once))
            rows = np.concatenate([rows for rows, _ in found])
            if len(rows):
                yield rows, np.concatenate([hashes for _, hashes in found])

    def _share(self, share: int, n_shares: int, at_once: int) -> Iterator[tuple[Rows, Hashes]]:
        for start in range(0, self._length, at_once):
            hashes = np.fromfile(self._path, np.uint64, at_once, offset=start * 8)
            rows = np.flatnonzero(hashes % np.uint64(n_shares) == share)
            yield rows + start, hashes[rows]
