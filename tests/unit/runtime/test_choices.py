"""Which of a user's events count where only the newest of each type do."""

import numpy as np

from openpersonalize.models.event_pairs import EventPairs
from openpersonalize.models.ids import IdIndex
from openpersonalize.runtime.choices import newest

ITEMS = ("a", "b", "c", "d")


def a_history(*events: tuple[str, str]) -> EventPairs:
    """The events of u, oldest first, each an item and a type."""
    types = tuple(sorted({event_type for _, event_type in events}))
    return EventPairs.build(
        IdIndex.build(["u"]),
        IdIndex.build(list(ITEMS)),
        types,
        event_users=np.zeros(len(events), np.int32),
        event_items=np.array([ITEMS.index(item) for item, _ in events], np.int32),
        event_types=np.array([types.index(event_type) for _, event_type in events], np.int32),
        times=np.arange(len(events), dtype=np.int64),
    )


def counted(
    pairs: EventPairs, since: list[tuple[str, str]], types: set[str] | None, most: int, user: str = "u"
) -> set[str]:
    rows, ids = newest(pairs, user, since, None if types is None else frozenset(types), most)
    return {ITEMS[row] for row in rows.tolist()} | set(ids)


def test_the_newest_of_each_type_count() -> None:
    pairs = a_history(("a", "buy"), ("b", "view"), ("b", "buy"), ("c", "buy"))

    assert counted(pairs, [], {"buy"}, 2) == {"b", "c"}
    assert counted(pairs, [], {"view"}, 1) == {"b"}
    assert counted(pairs, [], None, 1) == {"b", "c"}
    assert counted(pairs, [], None, 9) == {"a", "b", "c"}
    assert counted(pairs, [], {"none"}, 9) == set()
    assert counted(pairs, [], {"buy"}, 9, user="nobody") == set()


def test_what_came_after_the_index_counts_first_and_takes_the_place_of_older_events() -> None:
    pairs = a_history(("a", "buy"), ("b", "buy"))
    since = [("d", "buy"), ("c", "buy"), ("c", "new")]

    assert counted(pairs, since, {"buy", "new"}, 3) == {"b", "c", "d"}
    assert counted(pairs, since, {"buy", "new"}, 1) == {"c", "d"}
    assert counted(pairs, since[:2], {"buy"}, 1) == {"d"}
