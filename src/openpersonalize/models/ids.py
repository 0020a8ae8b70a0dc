"""The index of a model's user or item ids: text to row and back, as arrays that can be memory-mapped."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.compiled import Bytes, Ints, Longs, compiled, freeze, frozen

FEW = 4
"""So many ids are found one by one, which takes less time than bringing them together."""

_FNV_OFFSET = np.uint64(14695981039346656037)
_FNV_PRIME = np.uint64(1099511628211)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)


@dataclass(frozen=True)
class IdIndex:
    """Ids in row order.

    - `text_bytes`: uint8, the UTF-8 bytes of all ids, one after another.
    - `offsets`: int64, shape (n_ids + 1,); id r is text_bytes[offsets[r]:offsets[r + 1]].
    - `slots`: int32, an open-addressing hash table of rows, -1 where empty; its length is a power of two.
    """

    text_bytes: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    slots: NDArray[np.int32]

    def __post_init__(self) -> None:
        freeze(self)

    @classmethod
    def build(cls, ids: Sequence[str]) -> "IdIndex":
        """Index ids in the given order; the ids must be distinct."""
        return cls.of_bytes(*_encode(ids))

    @classmethod
    def of_bytes(cls, text_bytes: NDArray[np.uint8], offsets: NDArray[np.int64]) -> "IdIndex":
        """The same from the ids' UTF-8 bytes, one after another, and where each begins and the last ends."""
        n_slots = 8
        while n_slots < 2 * len(offsets):
            n_slots *= 2
        slots = np.full(n_slots, -1, np.int32)
        _fill_slots(frozen(text_bytes), frozen(offsets), slots)
        return cls(text_bytes, offsets, slots)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def find(self, text: str) -> int:
        """Return the row of an id, -1 if it is unknown."""
        query = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        return int(_find_one(query, self.text_bytes, self.offsets, self.slots))

    def find_many(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Return the row of each id as int32, -1 where it is unknown."""
        if len(texts) <= FEW:
            return np.array([self.find(text) for text in texts], np.int32)
        queries, starts = _encode(texts)
        return _find_all(frozen(queries), frozen(starts), self.text_bytes, self.offsets, self.slots)

    def find_all(self, others: "IdIndex") -> NDArray[np.int32]:
        """Return the row of each of another index's ids as int32, -1 where it is unknown."""
        return _find_all(others.text_bytes, others.offsets, self.text_bytes, self.offsets, self.slots)

    def text(self, row: int) -> str:
        """Return the id of a row."""
        return (
            self.text_bytes[self.offsets[row] : self.offsets[row + 1]]
            .tobytes()
            .decode("utf-8", "surrogatepass")
        )

    def texts(self, rows: NDArray[np.int32]) -> list[str]:
        """Return the ids of many rows."""
        starts, ends, text = self.offsets[rows].tolist(), self.offsets[rows + 1].tolist(), self.text_bytes
        return [
            text[start:end].tobytes().decode("utf-8", "surrogatepass")
            for start, end in zip(starts, ends, strict=True)
        ]


def _encode(ids: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    encoded = [text.encode("utf-8", "surrogatepass") for text in ids]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(one) for one in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


@compiled
def _slot_of(text: Bytes, start: int, end: int, n_slots: int) -> np.int64:
    """Return the first slot of a text: FNV-1a, its high bits mixed into the low ones."""
    digest = _FNV_OFFSET
    for position in range(start, end):
        digest = (digest ^ np.uint64(text[position])) * _FNV_PRIME
    return np.int64(((digest * _MIX) >> _SHIFT) & np.uint64(n_slots - 1))


@compiled
def _fill_slots(text: Bytes, offsets: Longs, slots: Ints) -> None:
    for row in range(len(offsets) - 1):
        slot = int(_slot_of(text, offsets[row], offsets[row + 1], len(slots)))
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = row


@compiled
def _look_up(  # noqa: PLR0917  # numba takes positional arguments only
    queries: Bytes, start: int, end: int, text: Bytes, offsets: Longs, slots: Ints
) -> int:
    slot = int(_slot_of(queries, start, end, len(slots)))
    length = end - start
    while slots[slot] >= 0:
        row = slots[slot]
        first = offsets[row]
        if offsets[row + 1] - first == length:
            same = True
            for position in range(length):
                if text[first + position] != queries[start + position]:
                    same = False
                    break
            if same:
                return int(row)
        slot = (slot + 1) & (len(slots) - 1)
    return -1


@compiled
def _find_one(query: Bytes, text: Bytes, offsets: Longs, slots: Ints) -> int:
    return _look_up(query, 0, len(query), text, offsets, slots)


@compiled
def _find_all(queries: Bytes, starts: Longs, text: Bytes, offsets: Longs, slots: Ints) -> Ints:
    rows = np.empty(len(starts) - 1, np.int32)
    for query in range(len(rows)):
        rows[query] = _look_up(queries, starts[query], starts[query + 1], text, offsets, slots)
    return rows
