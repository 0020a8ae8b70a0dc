"""A log of 64-bit hashes on disk that finds the repeated ones in bounded memory."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

HASHES_AT_ONCE = 16_000_000  # 128 MB


class HashLog:
    """Hashes in the order of their rows; appended while reading, searched when all are there."""

    def __init__(self, path: Path, *, at_once: int = HASHES_AT_ONCE) -> None:
        self._path = path
        self._at_once = at_once
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
        return sum(int(np.count_nonzero(part[1:] != part[:-1])) + 1 for part in self._sorted_shares())

    def repeated(self) -> Hashes:
        """Return the hashes that occur more than once, ascending."""
        found = [np.unique(part[1:][part[1:] == part[:-1]]) for part in self._sorted_shares()]
        return np.sort(np.concatenate([np.empty(0, np.uint64), *found]))

    def read(self, start: int, length: int) -> Hashes:
        """Return the hashes of rows from `start`."""
        self._file.flush()
        return np.fromfile(self._path, np.uint64, length, offset=start * 8)

    def close(self) -> None:
        """Close and delete the file."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _sorted_shares(self) -> Iterator[Hashes]:
        """Split the hashes by value into shares that fit in memory; sorted, none empty."""
        n_shares = -(-self._length // self._at_once)
        for share in range(n_shares):
            hashes = self.read(0, self._length) if n_shares == 1 else self._share(share, n_shares)
            hashes.sort()
            if len(hashes):
                yield hashes

    def _share(self, share: int, n_shares: int) -> Hashes:
        blocks = [np.empty(0, np.uint64)]
        for start in range(0, self._length, self._at_once):
            hashes = self.read(start, self._at_once)
            blocks.append(hashes[hashes % np.uint64(n_shares) == share])
        return np.concatenate(blocks)
