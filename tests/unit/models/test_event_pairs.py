"""Pairs of users and items: each once, with how many newer events of its type there are."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from openpersonalize.models import INDEX_KINDS
from openpersonalize.models.event_pairs import EventPairs
from openpersonalize.models.ids import IdIndex
from openpersonalize.storage import artifacts

Happened = tuple[str, str, str, int]
"""User, item, type and time."""

USERS, ITEMS, TYPES = ["u0", "u1", "u2"], ["a", "b", "c"], ("buy", "click")


def built(happened: list[Happened]) -> EventPairs:
    return EventPairs.build(
        IdIndex.build(USERS),
        IdIndex.build(ITEMS),
        TYPES,
        event_users=np.array([USERS.index(user) for user, *_ in happened], np.int32),
        event_items=np.array([ITEMS.index(item) for _, item, *_ in happened], np.int32),
        event_types=np.array([TYPES.index(event_type) for *_, event_type, _ in happened], np.int32),
        times=np.array([time for *_, time in happened], np.int64),
    )


def found(pairs: EventPairs, user: str) -> list[tuple[str, str, int]]:
    """Type, item and place of a user's pairs."""
    items, types, places = pairs.pairs_of(pairs.users.find(user))
    return [
        (pairs.types[type_], pairs.items.text(item), place)
        for item, type_, place in zip(items.tolist(), types.tolist(), places.tolist(), strict=True)
    ]


def naive(happened: list[Happened], user: str) -> list[tuple[str, str, int]]:
    own = [(time, place, item, kind) for place, (who, item, kind, time) in enumerate(happened) if who == user]
    seen: set[tuple[int, str, str]] = set()
    counts = dict.fromkeys(TYPES, 0)
    places: dict[tuple[str, str], int] = {}
    for time, _, item, kind in sorted(own, reverse=True):
        if (time, item, kind) not in seen:
            seen.add((time, item, kind))
            places.setdefault((kind, item), counts[kind])
            counts[kind] += 1
    return [(kind, item, place) for (kind, item), place in sorted(places.items())]


def test_a_pair_stands_once_with_the_place_of_its_newest_event() -> None:
    pairs = built([("u0", "a", "click", 1), ("u0", "b", "click", 2), ("u0", "a", "click", 3)])

    assert found(pairs, "u0") == [("click", "a", 0), ("click", "b", 1)]


def test_events_of_another_type_or_user_take_no_place() -> None:
    pairs = built([("u0", "a", "click", 1), ("u0", "b", "buy", 2), ("u1", "c", "click", 3)])

    assert found(pairs, "u0") == [("buy", "b", 0), ("click", "a", 0)]


def test_of_equal_times_the_later_event_is_the_newer_one() -> None:
    pairs = built([("u0", "c", "click", 1), ("u0", "a", "click", 1), ("u0", "b", "click", 1)])

    assert found(pairs, "u0") == [("click", "a", 1), ("click", "b", 0), ("click", "c", 2)]


def test_the_same_event_twice_takes_one_place() -> None:
    pairs = built([("u0", "a", "click", 1), ("u0", "b", "click", 2), ("u0", "b", "click", 2)])

    assert found(pairs, "u0") == [("click", "a", 1), ("click", "b", 0)]


def test_an_unknown_user_has_no_pairs() -> None:
    pairs = built([("u0", "a", "click", 1)])

    assert [len(column) for column in pairs.pairs_of(-1)] == [0, 0, 0]
    assert found(pairs, "u2") == []


def test_there_may_be_no_events_at_all() -> None:
    assert found(built([]), "u0") == []


events = st.tuples(st.sampled_from(USERS), st.sampled_from(ITEMS), st.sampled_from(TYPES), st.integers(0, 4))


@given(st.lists(events, max_size=40))
def test_pairs_are_what_counting_one_by_one_finds(happened: list[Happened]) -> None:
    pairs = built(happened)

    for user in USERS:
        assert found(pairs, user) == naive(happened, user)


def test_pairs_are_the_same_when_mapped_from_disk(tmp_path: Path) -> None:
    pairs = built([("u0", "a", "click", 1), ("u1", "b", "buy", 2)])
    artifacts.save(pairs, tmp_path, extra={})

    mapped = artifacts.load(tmp_path, INDEX_KINDS)

    assert [found(mapped, user) for user in USERS] == [found(pairs, user) for user in USERS]
    assert mapped.types == TYPES
