"""Tables of records: of each id the newest version, whichever way it came."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openpersonalize.domain.columns import Column, DatasetColumns
from openpersonalize.models import INDEX_KINDS
from openpersonalize.models.columns import ColumnTable, TextColumn
from openpersonalize.storage import artifacts
from openpersonalize.work.record_tables import Imported, Put, record_table

COLUMNS = DatasetColumns(
    "ITEMS",
    (
        Column("ITEM_ID", "string"),
        Column("TAGS", "string", nullable=True, categorical=True),
        Column("NAME", "string", nullable=True),
        Column("COUNT", "int", nullable=True),
        Column("TIME", "long", nullable=True),
        Column("PRICE", "float", nullable=True),
        Column("EXACT", "double", nullable=True),
        Column("IS_NEW", "boolean", nullable=True),
    ),
)
DTYPES = {
    "ITEM_ID": pl.String,
    "TAGS": pl.String,
    "NAME": pl.String,
    "COUNT": pl.Int32,
    "TIME": pl.Int64,
    "PRICE": pl.Float32,
    "EXACT": pl.Float64,
    "IS_NEW": pl.Boolean,
}

Rows = Sequence[dict[str, Any]]


def imported(
    folder: Path, rows: Rows, *, asked_at: float = 0.0, names: Sequence[str] = tuple(DTYPES)
) -> Imported:
    """An import of rows in two files, with these columns."""
    parts = []
    for number, some in enumerate((rows[:1], rows[1:])):
        parts.append(folder / f"{asked_at}-{len(list(folder.iterdir()))}-{number}.parquet")
        pl.DataFrame(some, schema={name: DTYPES[name] for name in names}).write_parquet(parts[-1])
    return Imported(parts, asked_at)


def put(received_at: float, **properties: Any) -> Put:
    return Put(json.dumps(properties) if properties else None, received_at)


def shown(table: ColumnTable) -> dict[str, dict[str, Any]]:
    """All records, without their id and nulls."""
    names = [column.name for column in COLUMNS.columns[1:]]
    return {
        table.ids.text(row): {name: value for name in names if (value := table.value(row, name)) is not None}
        for row in range(len(table))
    }


FULL: dict[str, Any] = {
    "TAGS": "a|b",
    "NAME": "a|b",
    "COUNT": -(2**31),
    "TIME": 2**62,
    "PRICE": 0.1,
    "EXACT": 1e300,
}


def test_values_of_every_type_come_through_from_files_and_from_the_log(tmp_path: Path) -> None:
    row = FULL | {"IS_NEW": False}
    table = record_table(COLUMNS, [imported(tmp_path, [{"ITEM_ID": "file"} | row])], {"log": put(1.0, **row)})

    assert shown(table) == dict.fromkeys(("file", "log"), FULL | {"IS_NEW": "false"})
    assert {table.value(row, "ITEM_ID") for row in range(2)} == {"file", "log"}


def test_only_categorical_cells_are_split_into_words(tmp_path: Path) -> None:
    rows = [{"ITEM_ID": "i1"} | FULL, {"ITEM_ID": "i2", "TAGS": "b||b"}, {"ITEM_ID": "i3", "TAGS": "ab"}]
    table = record_table(COLUMNS, [imported(tmp_path, rows)], {})

    def having(column: str, *values: str) -> list[str]:
        held = table.column(column)
        assert isinstance(held, TextColumn)
        found = held.cells_with(values)[held.codes]
        return [table.ids.text(row) for row in range(len(table)) if found[row]]

    assert having("TAGS", "a") == ["i1"]
    assert having("TAGS", "b") == ["i1", "i2"]
    assert having("TAGS", "") == ["i2"]
    assert having("TAGS", "ab", "none") == ["i3"]
    assert having("TAGS", "a|b") == []
    assert having("NAME", "a|b") == ["i1"]


def test_columns_that_an_older_import_lacks_are_null(tmp_path: Path) -> None:
    older = imported(tmp_path, [{"ITEM_ID": "i1", "TAGS": "a"}, {"ITEM_ID": "i2"}], names=["ITEM_ID", "TAGS"])
    table = record_table(COLUMNS, [older, imported(tmp_path, [{"ITEM_ID": "i3", "COUNT": 3}])], {})

    assert shown(table) == {"i1": {"TAGS": "a"}, "i2": {}, "i3": {"COUNT": 3}}


def test_a_record_without_properties_has_nulls_only() -> None:
    assert shown(record_table(COLUMNS, [], {"i": put(1.0)})) == {"i": {}}


def test_a_table_may_be_empty(tmp_path: Path) -> None:
    artifacts.save(record_table(COLUMNS, [], {}), tmp_path / "index", extra={})

    table = artifacts.load(tmp_path / "index", INDEX_KINDS)
    assert len(table) == 0
    assert [table.value(-1, name) for name in DTYPES] == [None] * len(DTYPES)


@pytest.mark.parametrize(("received_at", "wins"), [(4.0, "file"), (5.0, "put"), (6.0, "put")])
def test_a_put_counts_as_newer_when_the_import_had_been_asked_for(
    tmp_path: Path, received_at: float, wins: str
) -> None:
    file = imported(tmp_path, [{"ITEM_ID": "i", "NAME": "file"}], asked_at=5.0)
    table = record_table(COLUMNS, [file], {"i": put(received_at, NAME="put")})

    assert shown(table) == {"i": {"NAME": wins}}


def test_an_import_that_is_read_later_wins_though_it_was_asked_for_earlier(tmp_path: Path) -> None:
    slow = imported(tmp_path, [{"ITEM_ID": "i", "NAME": "slow"}], asked_at=1.0)
    fast = imported(tmp_path, [{"ITEM_ID": "i", "NAME": "fast"}], asked_at=9.0)
    table = record_table(COLUMNS, [fast, slow], {"i": put(5.0, NAME="put")})

    assert shown(table) == {"i": {"NAME": "slow"}}


ids = st.sampled_from(["a", "b", "c", "d"])
times = st.integers(0, 6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(times, st.lists(ids, unique=True, min_size=1)), max_size=4),
    st.dictionaries(ids, times),
)
def test_the_newest_version_is_what_writing_one_by_one_leaves(
    tmp_path: Path, imports: list[tuple[int, list[str]]], puts: dict[str, int]
) -> None:
    newest: dict[str, str] = {}
    reached = 0
    for number, (asked_at, held) in enumerate(imports):
        reached = max(reached, asked_at)
        newest |= dict.fromkeys(held, f"import {number}")
    for record_id, received_at in puts.items():
        holding = [number for number, (_, held) in enumerate(imports) if record_id in held]
        last = max(holding, default=-1)
        if received_at >= max((asked_at for asked_at, _ in imports[: last + 1]), default=0):
            newest[record_id] = "put"
    made = [
        imported(
            tmp_path, [{"ITEM_ID": each, "NAME": f"import {number}"} for each in held], asked_at=asked_at
        )
        for number, (asked_at, held) in enumerate(imports)
    ]
    table = record_table(COLUMNS, made, {each: put(time, NAME="put") for each, time in puts.items()})

    assert {record_id: values["NAME"] for record_id, values in shown(table).items()} == newest
