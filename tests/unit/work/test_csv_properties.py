"""Properties: what was written comes back, and the fast and the strict parser agree on every chunk."""

import tempfile
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from openpersonalize.domain.columns import Column, DatasetColumns
from openpersonalize.work.csv_chunks import Chunk
from openpersonalize.work.csv_frames import FrameReader, parse_fast
from openpersonalize.work.csv_headers import Layout
from openpersonalize.work.csv_records import split_record
from openpersonalize.work.csv_rejects import Rejects
from openpersonalize.work.csv_values import rules_of
from tests.unit.work.files import Bucket

COLUMNS = DatasetColumns(
    "ITEMS",
    (
        Column("ITEM_ID", "string"),
        Column("TITLE", "string", nullable=True),
        Column("PRICE", "double", nullable=True),
        Column("RATING", "float", nullable=True),
        Column("YEAR", "int", nullable=True),
        Column("STOCK", "long", nullable=True),
        Column("ADULT", "boolean", nullable=True),
        Column("CREATION_TIMESTAMP", "long", nullable=True),
    ),
)
LAYOUT = Layout(COLUMNS.names, rules_of(COLUMNS))

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0")
texts = st.text(characters | st.sampled_from('",\\| '), min_size=1, max_size=12)
rows = st.tuples(
    texts,
    texts | st.none(),
    st.floats(allow_nan=False, allow_infinity=False) | st.none(),
    st.floats(allow_nan=False, allow_infinity=False, width=32) | st.none(),
    st.integers(-(2**31), 2**31 - 1) | st.none(),
    st.integers(-(2**63), 2**63 - 1) | st.none(),
    st.booleans() | st.none(),
    st.integers(0, 9_999_999_999) | st.none(),
)


def written(value: object, *, backslash: bool, quote_all: bool) -> str:
    """Write a value as a CSV writer of one of the two styles would."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not quote_all and not set(text) & set('",'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"') if backslash else text.replace('"', '""')
    return f'"{escaped}"'


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, max_size=8), st.booleans(), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_rows_come_back_as_they_were_written(
    records: list[tuple[object, ...]], backslash: bool, quote_all: bool, end: str
) -> None:
    """With doubled quotes a backslash is ambiguous (AWS wants it escaped), so none is written."""
    if not backslash:
        records = [tuple(v.replace("\\", "/") if isinstance(v, str) else v for v in row) for row in records]
    lines = [
        ",".join(written(value, backslash=backslash, quote_all=quote_all) for value in row) for row in records
    ]
    expected = pl.DataFrame(records, schema=schema(), orient="row", strict=False)
    expected = expected.unique("ITEM_ID", keep="last", maintain_order=True)

    with tempfile.TemporaryDirectory() as folder:
        frame, _ = Bucket(Path(folder)).import_text(
            end.join([",".join(COLUMNS.names), *lines]), COLUMNS, chunk_bytes=64
        )

    assert_frame_equal(frame, expected, check_exact=True)


def schema() -> dict[str, type[pl.DataType]]:
    types = [pl.String, pl.String, pl.Float64, pl.Float32, pl.Int32, pl.Int64, pl.Boolean, pl.Int64]
    return dict(zip(COLUMNS.names, types, strict=True))


numbers = st.one_of(
    st.from_regex(r"[ \t]?[+-]?[0-9]{0,20}\.?[0-9]{0,4}(e[+-]?[0-9]{1,3})?[ \t]?", fullmatch=True),
    st.sampled_from(
        ["", '""', '"7"', '" 7"', "NaN", "inf", "-inf", "null", "1e39", "-0", " ", "0" * 60 + "7"]
    ),
    st.integers(-(2**65), 2**65).map(str),
)
escapes = st.text('a"\\,', max_size=6)
cells = st.tuples(
    st.sampled_from(
        ["i1", '"i,1"', '"i""1"', "i'1", "", '""', '"', 'i"1', '"i"1', "i\\1", '"i\\"1"', "é", "x" * 257]
    ),
    escapes
    | escapes.map(lambda text: f'"{text}"')
    | st.sampled_from(["", '""', "T", '"T, t"', "x" * 1001, "ü" * 1000, "null", " T ", "\t"]),
    numbers,
    numbers,
    numbers,
    numbers,
    st.sampled_from(["", "true", "false", '"true"', "True", "1", " true"]),
    st.sampled_from(["", "0", "9999999999", "10000000000", "-1", "1.0", "+5"]),
)
broken_lines = st.one_of(
    cells.map(",".join),
    st.sampled_from(["", ",", "," * 6, "," * 7, "," * 8, "a" + "," * 7]),
    st.text(max_size=9),
).map(lambda line: line.replace("\n", "").encode())


@settings(max_examples=400, deadline=None)
@given(st.lists(broken_lines, min_size=1, max_size=3), st.sampled_from([b"\n", b"\r\n"]))
def test_the_fast_parser_takes_only_what_the_strict_one_reads_alike(lines: list[bytes], end: bytes) -> None:
    chunk = Chunk(end.join([*lines, b""]), 2, b"".join([end.join(lines), end]).count(b"\n"))

    fast = parse_fast(chunk, COLUMNS, LAYOUT)

    strict = strictly(chunk)
    if fast is not None:
        assert strict is not None
        assert_frame_equal(fast, strict, check_exact=True)


@settings(max_examples=100, deadline=None)
@given(st.lists(rows, min_size=1, max_size=5))
def test_the_fast_parser_takes_plain_good_lines(records: list[tuple[object, ...]]) -> None:
    plain = [
        tuple(
            v.replace("\\", "/").replace('"', "'").replace(",", ";") if isinstance(v, str) else v for v in row
        )
        for row in records
    ]
    lines = [",".join(written(value, backslash=False, quote_all=False) for value in row) for row in plain]
    chunk = Chunk(("\n".join(lines) + "\n").encode(), 2, len(lines))

    fast = parse_fast(chunk, COLUMNS, LAYOUT)

    assert fast is not None
    assert_frame_equal(
        fast, pl.DataFrame(plain, schema=schema(), orient="row", strict=False), check_exact=True
    )


def strictly(chunk: Chunk) -> pl.DataFrame | None:
    reader = FrameReader("s3://shop/file.csv", COLUMNS, LAYOUT, Rejects())
    return reader.parse_strictly(chunk)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(characters, max_size=8), min_size=1, max_size=5), st.booleans())
def test_a_record_splits_into_the_values_that_were_joined(values: list[str], backslash: bool) -> None:
    if not backslash:
        values = [value.replace("\\", "") for value in values]
    line = ",".join(written(value, backslash=backslash, quote_all=True) for value in values)

    assert split_record(line) == values


def test_a_very_long_quoted_field_takes_linear_time() -> None:
    line = '"' + "a" * 1_000_000 + '\\"' * 100_000 + '""' * 100_000 + '"'

    assert len(split_record(line)[0]) == 1_200_000
