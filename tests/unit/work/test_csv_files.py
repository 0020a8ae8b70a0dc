"""Files as a whole: headers, encodings, line ends, folders, minimum rows, and what is kept of good ones."""

from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pytest

from openpersonalize.domain.columns import Column, DatasetColumns
from openpersonalize.errors import JobError
from openpersonalize.storage.objects import LocalObjects
from openpersonalize.work.csv_chunks import LONGEST_LINE_BYTES
from openpersonalize.work.csv_imports import import_csv
from tests.unit.work.files import INTERACTIONS, INTERACTIONS_HEADER, ITEMS, ITEMS_HEADER, Bucket

USERS = DatasetColumns("USERS", (Column("USER_ID", "string"), Column("AGE", "int", nullable=True)))
UTF8_BOM = b"\xef\xbb\xbf"


def test_every_type_arrives_in_its_own(bucket: Bucket) -> None:
    content = f"{ITEMS_HEADER}\ni1,T,a|b,9.25,4.5,1999,3,true,text,1600000000\ni2,T,,,1,,,,,\n"

    frame, counts = bucket.import_text(content)

    assert frame.schema == {
        "ITEM_ID": pl.String,
        "TITLE": pl.String,
        "GENRES": pl.String,
        "PRICE": pl.Float64,
        "RATING": pl.Float32,
        "YEAR": pl.Int32,
        "STOCK": pl.Int64,
        "ADULT": pl.Boolean,
        "DESCRIPTION": pl.String,
        "CREATION_TIMESTAMP": pl.Int64,
    }
    assert frame.rows() == [
        ("i1", "T", "a|b", 9.25, 4.5, 1999, 3, True, "text", 1_600_000_000),
        ("i2", "T", None, None, 1.0, None, None, None, None, None),
    ]
    assert counts.details() == {"rows": 2, "records": 2, "duplicates": 0, "truncated": 0, "items": 2}


def test_the_words_null_and_nan_stay_words_in_strings(bucket: Bucket) -> None:
    frame, _ = bucket.import_text(f"{ITEMS_HEADER}\nnull,NaN,null,,1,,,,NULL,\n")

    assert frame.row(0)[:3] == ("null", "NaN", "null")
    assert frame["DESCRIPTION"][0] == "NULL"


@pytest.mark.parametrize(
    "line",
    [
        r'i1,"say \"hi\", \\ bye",,,1,,,,"",',
        'i1,"say ""hi"", \\ bye",,,1,,,,"",',
        r'"i1","say \"hi\", \\ bye","",,"1",,,"",,',
    ],
)
def test_both_ways_to_escape_a_quote_mean_the_same(bucket: Bucket, line: str) -> None:
    frame, _ = bucket.import_text(f"{ITEMS_HEADER}\n{line}\n")

    assert frame.row(0)[:5] == ("i1", 'say "hi", \\ bye', None, None, 1.0)
    assert frame["DESCRIPTION"][0] is None


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("tail", ["", "\n", "\n\n\n", "\r\n\r\n"])
@pytest.mark.parametrize("start", [b"", UTF8_BOM])
@pytest.mark.parametrize("chunk_bytes", [3, 1 << 20])
def test_line_ends_bom_and_empty_lines_at_the_end_make_no_difference(
    bucket: Bucket, *, end: str, tail: str, start: bytes, chunk_bytes: int
) -> None:
    text = end.join(["USER_ID,AGE", "u1,20", "u2,"]) + tail

    frame, _ = bucket.import_text(start + text.encode(), USERS, chunk_bytes=chunk_bytes)

    assert frame.rows() == [("u1", 20), ("u2", None)]


def test_a_header_may_be_quoted_in_another_order_and_name_more(bucket: Bucket) -> None:
    frame, _ = bucket.import_text('"note","AGE",,"USER_ID"\n"a ""b""",20,,u1\n', USERS)

    assert frame.rows() == [("u1", 20)]
    assert frame.columns == ["USER_ID", "AGE"]


def test_a_file_of_a_header_alone_gives_no_rows_but_the_columns(bucket: Bucket) -> None:
    frame, counts = bucket.import_text("USER_ID,AGE", USERS)

    assert frame.schema == {"USER_ID": pl.String, "AGE": pl.Int32}
    assert counts.rows == 0


def test_a_text_that_is_too_long_is_cut_and_counted(bucket: Bucket) -> None:
    long = "ü" * 20_001

    frame, counts = bucket.import_text(f'{ITEMS_HEADER}\ni1,T,,,1,,,,{long},\ni2,T,,,1,,,,"{long[1:]}",\n')

    assert frame["DESCRIPTION"].str.len_chars().to_list() == [20_000, 20_000]
    assert counts.truncated == 1


def test_lengths_are_counted_in_characters(bucket: Bucket) -> None:
    frame, _ = bucket.import_text(f"{ITEMS_HEADER}\n{'é' * 256},{'ü' * 1000},,,1,,,,,\n")

    assert frame["ITEM_ID"].str.len_chars().to_list() == [256]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "line 1: there is no header"),
        (b"\nUSER_ID,AGE\n", "line 1: there is no header"),
        (UTF8_BOM, "line 1: there is no header"),
        (b"USER_ID\nu1\n", "Input CSV is missing the following columns: [AGE]"),
        (b"u1,20\nu2,30\n", "Input CSV is missing the following columns: [USER_ID, AGE]"),
        (b"user_id,AGE\n", "Is 'user_id' meant to be USER_ID?"),
        (b"USER_ID, AGE\n", "Is ' AGE' meant to be AGE?"),
        (b"USER_ID;AGE\n", "Separate the fields by commas."),
        (b"USER_ID\tAGE\n", "Separate the fields by commas."),
        (b"USER_ID,AGE,AGE\n", "names AGE more than once"),
        (b'USER_ID,"AGE\n', "line 1, field 2: the double quote that opens here is not closed"),
        (b"USER_ID,AGE\xff\n", "line 1, byte 12: the header is not valid UTF-8"),
        ("USER_ID,AGE\nu1,20\n".encode("utf-16"), "is encoded in UTF-16"),
        (b"\xfe\xff" + "USER_ID,AGE\n".encode("utf-16-be"), "is encoded in UTF-16"),
        ("USER_ID,AGE\nu1,20\n".encode("utf-16-le"), "NUL byte"),
        (b"\x1f\x8b\x08\x00", "is compressed with gzip"),
        (b"PK\x03\x04", "ZIP archive or an Excel workbook"),
        (b"PAR1", "is a Parquet file"),
        (b"USER_ID,AGE\ru1,20\r", "the lines do not end in LF or CR LF"),
        (b"x" * (2 << 20), "the lines do not end in LF or CR LF"),
    ],
)
def test_a_file_with_a_bad_header_says_so(bucket: Bucket, content: bytes, reason: str) -> None:
    with pytest.raises(JobError) as caught:
        bucket.import_text(content, USERS)

    assert reason in str(caught.value)
    assert "s3://shop/file.csv" in str(caught.value)


def test_all_headers_are_checked_before_any_row(bucket: Bucket) -> None:
    bucket.put("two/a.csv", "USER_ID,AGE\nbad,row,here\n")
    bucket.put("two/b.csv", "AGE,USER_ID\n20,u2\n")

    with pytest.raises(JobError, match=r"The headers of s3://shop/two/a.csv and s3://shop/two/b.csv differ"):
        bucket.import_from("s3://shop/two/", USERS)


def test_the_files_of_a_folder_are_read_by_name(bucket: Bucket) -> None:
    bucket.put("days/2.csv", "USER_ID,AGE\nu2,2")
    bucket.put("days/1.csv", "USER_ID,AGE\r\nu1,1\r\n")
    bucket.put("days/3.csv", UTF8_BOM + b"USER_ID,AGE\nu3,3\n")

    frame, _ = bucket.import_from("s3://shop/days/", USERS)

    assert frame.rows() == [("u1", 1), ("u2", 2), ("u3", 3)]


def events(count: int) -> str:
    return INTERACTIONS_HEADER + "\n" + "u,i,view,,,1600000000\n" * count


def test_the_minimum_is_asked_when_the_last_line_is_counted(bucket: Bucket) -> None:
    """Lines are counted beside the reading: the last ones may not be when the file ends."""
    for _ in range(100):
        _, counts = bucket.import_text(
            events(300).rstrip("\n"), INTERACTIONS, min_interactions=300, chunk_bytes=5000
        )

        assert counts.records == 300


def test_fewer_than_a_thousand_interactions_are_refused_with_their_count(bucket: Bucket) -> None:
    with pytest.raises(JobError, match=r"^Dataset has fewer than 1000 interactions\. The files hold 999:"):
        bucket.import_text(events(999), INTERACTIONS, min_interactions=1000)
    _, counts = bucket.import_text(events(1000), INTERACTIONS, min_interactions=1000)

    assert (counts.records, counts.rows) == (1000, 1)


def test_other_datasets_need_no_number_of_rows(bucket: Bucket) -> None:
    frame, _ = bucket.import_text("USER_ID,AGE\nu1,20\n", USERS, min_interactions=1000)

    assert frame.height == 1


class ChangingObjects(LocalObjects):
    """Local objects of which each grows when it is opened to read its rows."""

    opened = 0

    def open(self, uri: str, version: str = "") -> BinaryIO:
        file = super().open(uri, version)
        self.opened += 1
        path = Path(f"/proc/self/fd/{file.fileno()}").readlink()
        if self.opened > 3:  # listing it, its header, then its rows
            with path.open("ab") as other:
                other.write(b"u9,9\n")
        return file


def test_an_object_that_changes_while_it_is_read_fails_the_import(bucket: Bucket, tmp_path: Path) -> None:
    uri = bucket.put("file.csv", "USER_ID,AGE\nu1,1\n")
    objects = ChangingObjects(bucket.folder / "buckets")
    files = objects.list_objects(uri)
    objects.opened = 2
    folder = tmp_path / "changing"
    folder.mkdir()

    with pytest.raises(JobError, match=r"s3://shop/file.csv changed while it was read"):
        import_csv(objects, files, USERS, folder)


def test_a_line_without_end_is_refused(bucket: Bucket) -> None:
    endless = "x" * (LONGEST_LINE_BYTES + 1)

    with pytest.raises(JobError, match=f"line 3: the line is longer than {LONGEST_LINE_BYTES} bytes"):
        bucket.import_text(f"USER_ID,AGE\nu1,1\n{endless}", USERS)


def test_counts_tell_users_items_event_types_and_time_range(bucket: Bucket) -> None:
    lines = ["u1,i1,view,,,50", "u1,i2,view,,,40", "u2,i1,buy,,,60", "u2,i1,buy,,,60", "u1,i1,view,,,50"]

    _, counts = bucket.import_text("\n".join([INTERACTIONS_HEADER, *lines]), INTERACTIONS, chunk_bytes=20)

    assert counts.details() == {
        "rows": 3,
        "records": 5,
        "duplicates": 2,
        "truncated": 0,
        "users": 2,
        "items": 2,
        "eventTypes": {"view": 3, "buy": 2},
        "nEventTypes": 2,
        "timeRange": [40, 60],
    }


def test_progress_rises_to_the_publishing(bucket: Bucket) -> None:
    steps: list[tuple[str, float]] = []

    def progress(phase: str, percent: float) -> None:
        steps.append((phase, percent))

    options: dict[str, Any] = {"progress": progress, "chunk_bytes": 50}
    bucket.import_text("USER_ID,AGE\n" + "u1,1\n" * 100, USERS, **options)

    percents = [percent for _, percent in steps]
    assert percents == sorted(percents)
    assert {phase for phase, _ in steps} == {"reading", "removing duplicates"}
    assert 0 < percents[0] < 80 < percents[-1] <= 95


def test_files_of_the_interactions_schema_need_its_columns(bucket: Bucket) -> None:
    with pytest.raises(JobError, match=r"following columns: \[EVENT_VALUE, IMPRESSION\]"):
        bucket.import_text("USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP\nu,i,v,1\n", INTERACTIONS)


def test_items_hold_their_titles(bucket: Bucket) -> None:
    frame, _ = bucket.import_text(f'{ITEMS_HEADER}\n1,"Heat, The (1995)",,,1,,,,,\n', ITEMS)

    assert frame["TITLE"].to_list() == ["Heat, The (1995)"]
