"""Duplicates: equal events go, of an item's or a user's rows the last stays, in bounded memory."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from openpersonalize.domain.columns import Column, DatasetColumns
from openpersonalize.work import csv_imports, csv_parts
from openpersonalize.work.csv_duplicates import duplicate_rows
from openpersonalize.work.csv_hashes import HashLog
from tests.unit.work.files import Bucket

EVENTS = DatasetColumns(
    "INTERACTIONS",
    (
        Column("USER_ID", "string"),
        Column("ITEM_ID", "string"),
        Column("EVENT_VALUE", "float", nullable=True),
        Column("TIMESTAMP", "long"),
    ),
)
USERS = DatasetColumns("USERS", (Column("USER_ID", "string"), Column("AGE", "int", nullable=True)))


@pytest.fixture(params=[7, 1_000_000], ids=["small parts", "one part"])
def part_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Parts and candidate groups so small that everything takes several passes, or not."""
    monkeypatch.setattr(csv_parts, "PART_ROWS", request.param)
    monkeypatch.setattr(csv_imports, "HashLog", partial(HashLog, rows_at_once=10 * request.param))
    yield request.param


@pytest.mark.usefixtures("part_rows")
def test_of_equal_events_the_first_stays_in_file_order(bucket: Bucket) -> None:
    random = np.random.default_rng(3)
    rows = [
        (f"u{u}", f"i{i}", None if v == 0 else float(v), int(t))
        for u, i, v, t in random.integers(0, 4, (500, 4))
    ]
    lines = [f"{u},{i},{'' if v is None else v},{t}" for u, i, v, t in rows]
    expected = list(dict.fromkeys(rows))

    frame, counts = bucket.import_text("\n".join([",".join(EVENTS.names), *lines]), EVENTS, chunk_bytes=40)

    assert frame.rows() == expected
    assert counts.duplicates == 500 - len(expected)


@pytest.mark.usefixtures("part_rows")
def test_of_a_user_the_last_row_stays(bucket: Bucket) -> None:
    random = np.random.default_rng(4)
    rows = [(f"u{user}", int(age)) for user, age in random.integers(0, 60, (300, 2))]
    last = dict(rows)
    order = sorted(last, key=lambda user: max(n for n, row in enumerate(rows) if row[0] == user))

    frame, counts = bucket.import_text(
        "\n".join(["USER_ID,AGE", *(f"{user},{age}" for user, age in rows)]), USERS, chunk_bytes=40
    )

    assert frame.rows() == [(user, last[user]) for user in order]
    assert counts.distinct == {"users": len(last)}


@pytest.mark.usefixtures("part_rows")
def test_equal_values_count_as_equal_however_they_are_written(bucket: Bucket) -> None:
    lines = ["u,i,1.50,7", '"u",i,1.5,07', "u,i,15e-1,+7", '"u\\"",i,,7', '"u""",i,,7']
    text = "\n".join([",".join(EVENTS.names), *lines])

    frame, counts = bucket.import_text(text, EVENTS)

    assert frame.rows() == [("u", "i", 1.5, 7), ('u"', "i", None, 7)]
    assert counts.duplicates == 3


def test_events_that_differ_in_one_field_all_stay(bucket: Bucket) -> None:
    text = "USER_ID,ITEM_ID,EVENT_VALUE,TIMESTAMP\nu,i,1,7\nu,i,1,8\nu,i,2,7\nu,i,,7\nu,j,1,7\nui,,1,7\n"

    frame, counts = bucket.import_text(text.replace("ui,,", "ui,i,"), EVENTS)

    assert (frame.height, counts.duplicates) == (6, 0)


@pytest.mark.parametrize("at_once", [10, 100, 10_000])
def test_a_hash_log_finds_the_repeated_in_shares_of_any_size(tmp_path: Path, at_once: int) -> None:
    random = np.random.default_rng(5)
    hashes = random.integers(0, 600, 1000).astype(np.uint64) * np.uint64(2**54 + 1)
    log = HashLog(tmp_path / "log", hashes_at_once=at_once, rows_at_once=at_once)
    log.append(hashes[:400])
    log.append(hashes[400:])
    values, numbers = np.unique(hashes, return_counts=True)
    expected = [row for row, value in enumerate(hashes) if value in values[numbers > 1]]

    found = list(log.repeated())

    assert log.count_distinct() == len(values)
    assert sorted(row for rows, _ in found for row in rows) == expected
    assert all(np.array_equal(hashes[rows], ordered) for rows, ordered in found)
    assert all(np.array_equal(np.sort(ordered), ordered) for _, ordered in found)


def test_an_empty_hash_log_holds_nothing(tmp_path: Path) -> None:
    log = HashLog(tmp_path / "log")

    assert log.count_distinct() == 0
    assert list(log.repeated()) == []


def test_rows_whose_first_hashes_collide_are_told_apart(tmp_path: Path) -> None:
    frame = pl.DataFrame({"USER_ID": ["a", "b", "a", "c", "b", "a"]})
    frame.write_parquet(tmp_path / "part")
    log = HashLog(tmp_path / "log")
    log.append(np.full(6, 42, np.uint64))

    first = duplicate_rows(log, [(tmp_path / "part", 6)], ["USER_ID"], keep_last=False)
    last = duplicate_rows(log, [(tmp_path / "part", 6)], ["USER_ID"], keep_last=True)

    assert np.flatnonzero(~first).tolist() == [0, 1, 3]
    assert np.flatnonzero(~last).tolist() == [3, 4, 5]
