"""What a filter chooses among when it is tried: all ids that records or events name."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openpersonalize.control.indexes import Events
from openpersonalize.filters.masks import Candidates, Part, Rows
from openpersonalize.filters.records import Records
from openpersonalize.models.columns import ColumnTable


@dataclass
class Ids:
    """Ids in the order of their first naming."""

    places: dict[str, int] = field(default_factory=dict)

    def add(self, ids: Iterable[str]) -> Rows:
        """The places of these ids, int32; new ones come at the end."""
        places = self.places
        return np.fromiter((places.setdefault(one, len(places)) for one in ids), np.int32)

    def of(self, chosen: NDArray[np.bool_], most: int) -> list[str]:
        """The first of the chosen ids, by their order."""
        wanted = set(np.flatnonzero(chosen)[:most].tolist())
        return [one for one, place in self.places.items() if place in wanted]


@dataclass(frozen=True)
class Happened:
    """Which candidates there were events with: int32 places, and the number of each event's type."""

    places: Rows
    codes: Rows
    types: tuple[str, ...]
    """As they were sent."""

    def __call__(self, types: frozenset[str] | None) -> Rows:
        """The places of those with an event of one of the types, or of any (None)."""
        if types is None:
            return self.places
        is_wanted = np.array([one.casefold() in types for one in self.types], np.bool_)
        return self.places[is_wanted[self.codes]]


def add_records(ids: Ids, records: Records | None) -> list[Part]:
    """Add the ids of records; give the parts of the candidates without rows for ids that come later."""
    if records is None:
        return []
    ids.add(_all(records.base))
    places = ids.add(_all(records.newer))
    rows = np.arange(len(records.base), dtype=np.int32)
    return [Part(records.base, rows), Part(records.newer, np.arange(len(places), dtype=np.int32), places)]


def candidates_of(ids: Ids, parts: list[Part]) -> Candidates:
    """The candidates, once all ids are known: those without a record get the null row."""
    if not parts:
        return Candidates(len(ids.places), ())
    base, newer = parts
    rows = np.full(len(ids.places), -1, np.int32)
    rows[: len(base.rows)] = base.rows
    return Candidates(len(rows), (Part(base.table, rows), newer))


def add_items_of(ids: Ids, events: Events, user_id: str | None, *, most: int | None) -> Happened:
    """Add the ids of items, or actions, that events name; give those of one user.

    `most`: only so many of the newest events of a type count; None counts all.
    """
    pairs = events.pairs
    places = ids.add(pairs.items.texts(np.arange(len(pairs.items), dtype=np.int32)))
    ids.add(event.id for event in events.newer)
    types = Ids(dict(zip(pairs.types, range(len(pairs.types)), strict=True)))
    own_places = ids.add(event.id for event in events.own)
    own_codes = types.add(event.event_type for event in events.own)
    found = pairs.pairs_of(-1 if user_id is None else pairs.users.find(user_id))
    # How many events of the pair's type are newer: those before the index, and those after.
    n_newer = found.places + np.bincount(own_codes, minlength=len(types.places))[found.types]
    is_new = np.full(len(found.items), True) if most is None else n_newer < most
    is_own_new = np.array(
        [
            most is None or np.count_nonzero(own_codes[:at] == code) < most
            for at, code in enumerate(own_codes)
        ],
        np.bool_,
    )
    return Happened(
        np.concatenate([places[found.items[is_new]], own_places[is_own_new]]),
        np.concatenate([found.types[is_new], own_codes[is_own_new]]),
        tuple(types.places),
    )


def add_users_of(ids: Ids, events: Events) -> Happened:
    """Add the ids of users that events name; give who had events at all."""
    pairs = events.pairs
    places = ids.add(pairs.users.texts(np.arange(len(pairs.users), dtype=np.int32)))
    types = Ids(dict(zip(pairs.types, range(len(pairs.types)), strict=True)))
    newer = ids.add(event.id for event in events.newer)
    codes = types.add(event.event_type for event in events.newer)
    return Happened(
        np.concatenate([np.repeat(places, np.diff(pairs.starts)), newer]),
        np.concatenate([pairs.pair_types, codes]),
        tuple(types.places),
    )


def _all(table: ColumnTable) -> list[str]:
    return table.ids.texts(np.arange(len(table), dtype=np.int32))
