"""What training reads of Parquet files: order, filters, duplicates and minimums."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from openpersonalize.errors import JobError
from openpersonalize.recipes.loading import (
    EventFilter,
    Interactions,
    Source,
    load_interactions,
    read_interactions,
)
from tests.planted import taste_store

ALL = EventFilter()


def _part(folder: Path, name: str, **columns: Any) -> Path:
    path = folder / f"{name}.parquet"
    pl.DataFrame(columns).write_parquet(path)
    return path


def _load(*parts: Path, events: EventFilter = ALL, items: Any = (), one: bool = False) -> Interactions:
    source = Source(list(parts), list(items), has_one_origin=one)
    return read_interactions(source, events)


def _by_user(interactions: Interactions) -> dict[str, list[str]]:
    """Each user's items, oldest first, as texts."""
    return {
        interactions.users.text(user): interactions.items.texts(interactions.histories.items_of(user))
        for user in range(interactions.n_users)
    }


def test_events_are_ordered_by_time_and_ties_by_their_place_in_the_files(tmp_path: Path) -> None:
    first = _part(
        tmp_path, "a", USER_ID=["u", "v", "u", "u"], ITEM_ID=["d", "x", "c", "b"], TIMESTAMP=[5, 1, 5, 4]
    )
    second = _part(tmp_path, "b", USER_ID=["u", "u"], ITEM_ID=["a", "e"], TIMESTAMP=[5, 1])
    interactions = _load(first, second)

    assert _by_user(interactions) == {"u": ["e", "b", "d", "c", "a"], "v": ["x"]}
    assert interactions.histories.times_of(0).tolist() == [1, 4, 5, 5, 5]


def test_file_order_survives_many_rows_of_one_time(tmp_path: Path) -> None:
    """The reader works on several threads; ties must come out in file order all the same."""
    n_rows = 300_000
    items = np.random.default_rng(0).integers(0, 1000, n_rows)
    users = np.random.default_rng(1).integers(0, 50, n_rows)
    texts = pl.Series(items).cast(pl.String)
    parts = [
        _part(
            tmp_path,
            f"p{start}",
            USER_ID=pl.Series(users[start : start + 100_000]).cast(pl.String),
            ITEM_ID=texts[start : start + 100_000],
            TIMESTAMP=np.zeros(100_000, np.int64),
        )
        for start in range(0, n_rows, 100_000)
    ]
    interactions = _load(*parts, one=True)

    for user in (0, 17, 49):
        row = interactions.users.find(str(user))
        assert interactions.items.texts(interactions.histories.items_of(row)) == [
            str(item) for item in items[users == user]
        ]


def test_rows_are_in_the_order_of_the_ids(tmp_path: Path) -> None:
    interactions = _load(_part(tmp_path, "a", USER_ID=["b", "a"], ITEM_ID=["10", "9"], TIMESTAMP=[1, 2]))

    assert interactions.users.texts(np.arange(2, dtype=np.int32)) == ["a", "b"]
    assert interactions.items.texts(np.arange(2, dtype=np.int32)) == ["10", "9"]


def test_items_without_interactions_are_known(tmp_path: Path) -> None:
    interactions = _part(tmp_path, "a", USER_ID=["u"], ITEM_ID=["b"], TIMESTAMP=[1])
    items = _part(tmp_path, "items", ITEM_ID=["c", "b", "a"], PRICE=[1.0, 2.0, 3.0])
    interactions = _load(interactions, items=[items])

    assert interactions.items.texts(np.arange(3, dtype=np.int32)) == ["a", "b", "c"]
    assert interactions.users_by_item.tolist() == [0, 1, 0]


def test_duplicates_across_origins_count_once(tmp_path: Path) -> None:
    columns = {"USER_ID": ["u", "u", "u"], "ITEM_ID": ["a", "b", "a"], "TIMESTAMP": [1, 1, 2]}
    bulk = _part(tmp_path, "a", **columns, EVENT_TYPE=["view", "view", "buy"])
    streamed = _part(
        tmp_path,
        "b",
        USER_ID=["u", "u", "u"],
        ITEM_ID=["a", "a", "a"],
        TIMESTAMP=[1, 1, 2],
        EVENT_TYPE=["view", "buy", "buy"],
    )
    interactions = _load(bulk, streamed)

    assert _by_user(interactions) == {"u": ["a", "b", "a", "a"]}


def test_rows_that_differ_in_value_are_no_duplicates(tmp_path: Path) -> None:
    one = _part(tmp_path, "a", USER_ID=["u"], ITEM_ID=["a"], TIMESTAMP=[1], EVENT_VALUE=[1.5])
    two = _part(
        tmp_path, "b", USER_ID=["u", "u"], ITEM_ID=["a", "a"], TIMESTAMP=[1, 1], EVENT_VALUE=[2.5, 1.5]
    )

    assert _load(one, two).n_events == 2


def test_only_events_of_the_type_and_value_count(tmp_path: Path) -> None:
    part = _part(
        tmp_path,
        "a",
        USER_ID=["u", "u", "u", "v"],
        ITEM_ID=["a", "b", "c", "d"],
        TIMESTAMP=[1, 2, 3, 4],
        EVENT_TYPE=["rate", "rate", "click", "click"],
        EVENT_VALUE=[3.0, 4.0, None, 5.0],
    )

    assert _by_user(_load(part, events=EventFilter("rate"))) == {"u": ["a", "b"]}
    assert _by_user(_load(part, events=EventFilter("rate", 4.0))) == {"u": ["b"]}
    assert _by_user(_load(part, events=EventFilter(None, 4.0))) == {"u": ["b"], "v": ["d"]}


def test_an_event_type_filter_without_usable_types_fails_in_aws_words(tmp_path: Path) -> None:
    without = _part(tmp_path, "a", USER_ID=["u"], ITEM_ID=["a"], TIMESTAMP=[1])
    reserved = _part(tmp_path, "b", USER_ID=["u"], ITEM_ID=["a"], TIMESTAMP=[1], EVENT_TYPE=["USER_ID"])

    for part in (without, reserved):
        with pytest.raises(JobError, match="All values in the event_type column are either reserved"):
            _load(part, events=EventFilter("view"))


def test_parts_whose_columns_differ_are_read_together(tmp_path: Path) -> None:
    bulk = _part(tmp_path, "a", TIMESTAMP=[1], ITEM_ID=["a"], USER_ID=["u"], DEVICE=["tv"])
    streamed = _part(tmp_path, "b", USER_ID=["u"], ITEM_ID=["b"], TIMESTAMP=[2], EVENT_TYPE=["view"])

    assert _by_user(_load(bulk, streamed)) == {"u": ["a", "b"]}


def _contexts_by_item(interactions: Interactions, column: str) -> dict[str, str | None]:
    """The value of each event, by its item."""
    contexts = interactions.contexts
    values, place = contexts.values[column], list(contexts.values).index(column)
    items = interactions.items.texts(interactions.histories.items)
    codes = contexts.codes[:, place].tolist()
    return {item: None if code < 0 else values[code] for item, code in zip(items, codes, strict=True)}


@pytest.mark.parametrize("one", [True, False])
def test_contexts_stay_with_their_events_when_these_are_ordered_and_selected(
    tmp_path: Path, *, one: bool
) -> None:
    part = _part(
        tmp_path,
        "a",
        USER_ID=["v", "u", "u", "v", "u"],
        ITEM_ID=["a", "b", "c", "d", "e"],
        TIMESTAMP=[5, 4, 3, 2, 1],
        DEVICE=["tv", "phone", None, "phone", "pc"],
        HOUR=[7, 14, 7, None, 23],
        IS_APP=[True, False, True, None, True],
        SPEED=[0.5, 1.5, 2.5, 3.5, 4.5],
    )
    contexts = {"DEVICE": True, "HOUR": True, "IS_APP": True, "SPEED": False}
    interactions = read_interactions(Source([part], has_one_origin=one, contexts=contexts), ALL)
    device = {"a": "tv", "b": "phone", "c": None, "d": "phone", "e": "pc"}

    assert interactions.contexts.columns == ("DEVICE", "HOUR", "IS_APP", "SPEED")
    assert _contexts_by_item(interactions, "DEVICE") == device
    assert _contexts_by_item(interactions, "HOUR") == {"a": "7", "b": "14", "c": "7", "d": None, "e": "23"}
    assert _contexts_by_item(interactions, "IS_APP") == {
        "a": "true",
        "b": "false",
        "c": "true",
        "d": None,
        "e": "true",
    }
    without_v = interactions.without_users(np.array([1]))
    assert _contexts_by_item(without_v, "DEVICE") == {item: device[item] for item in "bce"}


def test_of_duplicates_the_first_ones_context_counts(tmp_path: Path) -> None:
    parts = [
        _part(
            tmp_path, device, USER_ID=["u", "u"], ITEM_ID=[device, "a"], TIMESTAMP=[9, 1], DEVICE=[device] * 2
        )
        for device in ("tv", "phone")
    ]
    interactions = read_interactions(Source(parts, contexts={"DEVICE": True}), ALL)

    assert _contexts_by_item(interactions, "DEVICE") == {"a": "tv", "tv": "tv", "phone": "phone"}


def test_files_without_a_contextual_column_have_events_without_its_value(tmp_path: Path) -> None:
    """A column may be called what reading calls its own, and may have no values at all."""
    old = _part(tmp_path, "a", USER_ID=["u"], ITEM_ID=["a"], TIMESTAMP=[1])
    new = _part(tmp_path, "b", USER_ID=["u"], ITEM_ID=["b"], TIMESTAMP=[2], tag=["x"], value=["y"])
    contexts = {"tag": True, "value": True, "len": True}
    interactions = read_interactions(Source([old, new], contexts=contexts), ALL)

    assert _contexts_by_item(interactions, "tag") == {"a": None, "b": "x"}
    assert _contexts_by_item(interactions, "value") == {"a": None, "b": "y"}
    assert _contexts_by_item(interactions, "len") == {"a": None, "b": None}


def test_the_values_of_most_events_are_kept_and_ties_go_by_text(tmp_path: Path) -> None:
    """1500 values of one event each, one of two."""
    visits = [f"v{number:04d}" for number in range(1500)]
    texts = [*visits[::-1], "v1499"]
    part = _part(
        tmp_path,
        "a",
        USER_ID=["u"] * 1501,
        ITEM_ID=[f"i{row}" for row in range(1501)],
        TIMESTAMP=range(1501),
        VISIT=texts,
    )
    interactions = read_interactions(Source([part], has_one_origin=True, contexts={"VISIT": True}), ALL)

    assert interactions.contexts.values["VISIT"] == (*visits[:999], "v1499")
    assert int((interactions.contexts.codes >= 0).sum()) == 1001


def test_only_what_is_asked_for_is_read_of_contexts(tmp_path: Path) -> None:
    part = _part(tmp_path, "a", USER_ID=["u"], ITEM_ID=["a"], TIMESTAMP=[1], DEVICE=["tv"])
    interactions = _load(part)

    assert (interactions.contexts.columns, interactions.contexts.codes.size) == ((), 0)


def _written(folder: Path, n_users: int, per_user: int, single: int = 0) -> Path:
    users = np.concatenate([np.repeat(np.arange(n_users), per_user), n_users + np.arange(single)])
    return _part(
        folder,
        "data",
        USER_ID=[f"u{user}" for user in users],
        ITEM_ID=[f"i{row % 50}" for row in range(len(users))],
        TIMESTAMP=np.arange(len(users)),
        EVENT_TYPE=["view"] * len(users),
    )


def test_fewer_than_1000_interactions_fail_with_the_count(tmp_path: Path) -> None:
    part = _written(tmp_path, 37, 27)
    with pytest.raises(
        JobError, match=r"^Dataset has fewer than 1000 interactions. It has 999; .* at least 1 more"
    ):
        load_interactions(Source([part], has_one_origin=True), ALL)

    with pytest.raises(
        JobError, match=r"fewer than 1000 interactions after filtering by event type: view. It has"
    ):
        load_interactions(Source([part], has_one_origin=True), EventFilter("view"))


def test_fewer_than_25_users_with_two_interactions_fail_with_the_counts(tmp_path: Path) -> None:
    part = _written(tmp_path, 12, 100, single=288)
    with pytest.raises(
        JobError,
        match=r"^Dataset has fewer than 25 users with at least 2 interactions each. It has 12 of 300 users",
    ):
        load_interactions(Source([part], has_one_origin=True), ALL)


def test_fewer_than_one_percent_of_such_users_fail_with_the_counts(tmp_path: Path) -> None:
    part = _written(tmp_path, 30, 40, single=3000)
    with pytest.raises(
        JobError, match=r"fewer than 1% of users with .* It has 30 of 3030 users .*; 1 more are"
    ):
        load_interactions(Source([part], has_one_origin=True), ALL)


def test_exactly_enough_is_enough(tmp_path: Path) -> None:
    enough = _written(tmp_path, 25, 40)

    assert load_interactions(Source([enough], has_one_origin=True), ALL).n_events == 1000


def test_a_group_without_files_has_no_interactions() -> None:
    with pytest.raises(JobError, match="has no interactions"):
        read_interactions(Source([]), ALL)


def test_a_matrix_holds_one_plus_the_log_of_repetitions(tmp_path: Path) -> None:
    part = _part(tmp_path, "a", USER_ID=["u"] * 4, ITEM_ID=["b", "a", "b", "b"], TIMESTAMP=[1, 2, 3, 4])
    matrix = _load(part).matrix()

    assert matrix.toarray().tolist() == [[1.0, pytest.approx(1 + np.log(3))]]
    assert matrix.dtype == np.float32


def test_history_percentiles_drop_the_shortest_and_longest_users() -> None:
    lengths = np.arange(1, 101)
    store = taste_store(n_users=100, events_per_user=1).interactions
    users = np.repeat(np.arange(100), lengths)
    interactions = Interactions(
        store.users,
        store.items,
        type(store.histories)(np.concatenate([[0], np.cumsum(lengths)]), users.astype(np.int32), users),
    )
    kept = interactions.of_typical_users(0.1, 0.9).lengths

    assert (kept[9], kept[10], kept[89], kept[90]) == (0, 11, 90, 0)
    assert interactions.of_typical_users(0.0, 1.0) is interactions
