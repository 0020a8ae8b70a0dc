"""Row defects: each kind planted, and found at its exact line, column and character."""

from dataclasses import dataclass

import pytest

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.work.csv_rejects import BadLine, RejectedLinesError, Rejects
from tests.unit.work.files import (
    INTERACTIONS,
    INTERACTIONS_HEADER,
    ITEMS,
    ITEMS_HEADER,
    Bucket,
)

GOOD_ITEM = b"i1,A title,Drama|Crime,9.5,4.5,1999,3,true,Some text,1600000000"
GOOD_EVENT = b"u1,i1,view,1.5,i1|i2,1600000000"


@dataclass(frozen=True)
class Defect:
    """A bad line, and where it must be found: the column, its field and the character."""

    line: bytes
    column: str | None
    field: int
    position: int
    problem: str
    value: str | None = None


ITEM_DEFECTS = [
    Defect(b"", "ITEM_ID", 1, 1, "the line is empty"),
    Defect(b" ", "TITLE", 2, 2, "the line has 1 fields and the header 10"),
    Defect(b"i1", "TITLE", 2, 3, "the line has 1 fields and the header 10"),
    Defect(b"i1,T,g,1,4,1,1,true,d", "CREATION_TIMESTAMP", 10, 22, "the line has 9 fields"),
    Defect(b'i1,"T,x",g,1,4,1,1,true,d', "CREATION_TIMESTAMP", 10, 26, "the line has 9 fields"),
    Defect(b"i1,T,g,1,4,1,1,true,d,1,extra", None, 11, 25, "the line has 11 fields", "extra"),
    Defect(b"i1,T,x,g,1,4,1,1,true,d,1", None, 11, 25, "the line has 11 fields", "1"),
    Defect(b",T,g,1,4,1,1,true,d,1", "ITEM_ID", 1, 1, "an empty value"),
    Defect(b'"",T,g,1,4,1,1,true,d,1', "ITEM_ID", 1, 1, "an empty value"),
    Defect(b"i1,,g,1,4,1,1,true,d,1", "TITLE", 2, 4, "an empty value"),
    Defect(b"i1,T,g,1,,1,1,true,d,1", "RATING", 5, 10, "an empty value"),
    Defect(b'i1,"T, x",g,1,,1,1,true,d,1', "RATING", 5, 15, "an empty value"),
    Defect(b"i" * 257 + b",T,g,1,4,1,1,true,d,1", "ITEM_ID", 1, 1, "Length cannot be more than 256"),
    Defect(b"i1," + b"T" * 1001 + b",g,1,4,1,1,true,d,1", "TITLE", 2, 4, "Length cannot be more than 1000"),
    Defect(b"i1,T," + b"g|" * 500 + b"g,1,4,1,1,true,d,1", "GENRES", 3, 6, "Length cannot be more than 1000"),
    Defect(b"i1,T,g,abc,4,1,1,true,d,1", "PRICE", 4, 8, "not a number (double)", "abc"),
    Defect(b"i1,T,g,NaN,4,1,1,true,d,1", "PRICE", 4, 8, "not a number (double)", "NaN"),
    Defect(b"i1,T,g,null,4,1,1,true,d,1", "PRICE", 4, 8, "not a number (double)", "null"),
    Defect(b"i1,T,g,inf,4,1,1,true,d,1", "PRICE", 4, 8, "not a number (double)", "inf"),
    Defect(b"i1,T,g,-Infinity,4,1,1,true,d,1", "PRICE", 4, 8, "not a number (double)", "-Infinity"),
    Defect(b"i1,T,g,1e999,4,1,1,true,d,1", "PRICE", 4, 8, "out of the range of the type double"),
    Defect(b'i1,T,g,"1,5",4,1,1,true,d,1', "PRICE", 4, 8, "not a number (double)", "1,5"),
    Defect(b"i1,T,g,1_000,4,1,1,true,d,1", "PRICE", 4, 8, "not a number (double)", "1_000"),
    Defect(b"i1,T,g,0x1F,4,1,1,true,d,1", "PRICE", 4, 8, "not a number (double)", "0x1F"),
    Defect(b"i1,T,g,$5,4,1,1,true,d,1", "PRICE", 4, 8, "not a number (double)", "$5"),
    Defect(b"i1,T,g,1,1e39,1,1,true,d,1", "RATING", 5, 10, "out of the range of the type float", "1e39"),
    Defect(b"i1,T,g,1,.,1,1,true,d,1", "RATING", 5, 10, "not a number (float)", "."),
    Defect(b"i1,T,g,1,4,1999.0,1,true,d,1", "YEAR", 6, 12, "not a whole number (int)", "1999.0"),
    Defect(b"i1,T,g,1,4,2147483648,1,true,d,1", "YEAR", 6, 12, "out of the range of the type int"),
    Defect(b"i1,T,g,1,4,-2147483649,1,true,d,1", "YEAR", 6, 12, "out of the range of the type int"),
    Defect(b"i1,T,g,1,4,NaN,1,true,d,1", "YEAR", 6, 12, "not a whole number (int)", "NaN"),
    Defect(b"i1,T,g,1,4,1,1.5e9,true,d,1", "STOCK", 7, 14, "not a whole number (long)", "1.5e9"),
    Defect(b"i1,T,g,1,4,1,9223372036854775808,true,d,1", "STOCK", 7, 14, "out of the range of the type long"),
    Defect(
        b"i1,T,g,1,4,1," + b"9" * 5000 + b",true,d,1", "STOCK", 7, 14, "out of the range of the type long"
    ),
    Defect("i1,T,g,1,4,1,٣,true,d,1".encode(), "STOCK", 7, 14, "not a whole number (long)", "٣"),
    Defect("i1,Tüt,g,1,4,1,x,true,d,1".encode(), "STOCK", 7, 16, "not a whole number (long)", "x"),
    Defect(b"i1,T,g,1,4,1,1,True,d,1", "ADULT", 8, 16, "not a boolean", "True"),
    Defect(b"i1,T,g,1,4,1,1,1,d,1", "ADULT", 8, 16, "not a boolean", "1"),
    Defect(b"i1,T,g,1,4,1,1, true,d,1", "ADULT", 8, 16, "not a boolean", " true"),
    Defect(b"i1,T,g,1,4,1,1,true,d,1600000000000", "CREATION_TIMESTAMP", 10, 23, "more than 10 digits"),
    Defect(b"i1,T,g,1,4,1,1,true,d,-1", "CREATION_TIMESTAMP", 10, 23, "a negative timestamp", "-1"),
    Defect(b"i1,T,g,1,4,1,1,true,d,2020-01-01", "CREATION_TIMESTAMP", 10, 23, "not a whole number (long)"),
    Defect(b'i1,"T,g,1,4,1,1,true,d,1', "TITLE", 2, 4, "is not closed on this line"),
    Defect(b'i1,T,g,1,4,1,1,true,"d,1', "DESCRIPTION", 9, 21, "is not closed on this line"),
    Defect(b'i1,"a\\",g,1,4,1,1,true,d,1', "TITLE", 2, 4, "is not closed on this line"),
    Defect(b'i1,"a"b,g,1,4,1,1,true,d,1', "TITLE", 2, 7, "text after the closing double quote"),
    Defect(b'i1,"a" ,g,1,4,1,1,true,d,1', "TITLE", 2, 7, "text after the closing double quote"),
    Defect(b'i1,a"b,g,1,4,1,1,true,d,1', "TITLE", 2, 5, "a double quote inside a value"),
    Defect(b'i1, "a",g,1,4,1,1,true,d,1', "TITLE", 2, 5, "a double quote inside a value"),
    Defect(b'"i,1",5" disk,g,1,4,1,1,true,d,1', "TITLE", 2, 8, "a double quote inside a value"),
    Defect(
        b"i1,T\xff,g,1,4,1,1,true,d,1", "TITLE", 2, 5, "byte 5 of the line is not valid UTF-8", "\\xff,g,"
    ),
    Defect(
        "i1,é".encode() + b"\xe9,g,1,4,1,1,true,d,1", "TITLE", 2, 5, "byte 6 of the line is not valid UTF-8"
    ),
    Defect(b'"i,1",T\xc3,g,1,4,1,1,true,d,1', "TITLE", 2, 8, "byte 8 of the line is not valid UTF-8"),
    Defect(b"i1,T,g\x00,1,4,1,1,true,d,1", "GENRES", 3, 7, "a NUL byte"),
    Defect(b"i1,T,g\rx,1,4,1,1,true,d,1", "GENRES", 3, 7, "a carriage return"),
]
EVENT_DEFECTS = [
    Defect(b",i1,view,1,i1,1600000000", "USER_ID", 1, 1, "an empty value"),
    Defect(b"u1,,view,1,i1,1600000000", "ITEM_ID", 2, 4, "an empty value"),
    Defect(b"u1,i1,,1,i1,1600000000", "EVENT_TYPE", 3, 7, "an empty value"),
    Defect(b"u1,i1,view,1,i1,", "TIMESTAMP", 6, 17, "an empty value"),
    Defect(b"u1,i1,view,1,i1, ", "TIMESTAMP", 6, 17, "an empty value"),
    Defect(b"u" * 257 + b",i1,view,1,i1,1600000000", "USER_ID", 1, 1, "more than 256 characters for USER_ID"),
    Defect(b"u1," + b"i" * 257 + b",view,1,i1,1600000000", "ITEM_ID", 2, 4, "more than 256 characters"),
    Defect(
        b"u1,i1,view,1," + b"i|" * 500 + b"i,1600000000", "IMPRESSION", 5, 14, "more than 1000 characters"
    ),
    Defect(b"u1,i1,view,one,i1,1600000000", "EVENT_VALUE", 4, 12, "not a number (float)", "one"),
    Defect(b"u1,i1,view,1,i1,1600000000.0", "TIMESTAMP", 6, 17, "not a whole number (long)"),
    Defect(b"u1,i1,view,1,i1,1.6e9", "TIMESTAMP", 6, 17, "not a whole number (long)", "1.6e9"),
    Defect(b"u1,i1,view,1,i1,1600000000000", "TIMESTAMP", 6, 17, "a timestamp of more than 10 digits"),
    Defect(b'u1,"i,1",view,1,i1,1600000000000', "TIMESTAMP", 6, 20, "a timestamp of more than 10 digits"),
    Defect(b"u1,i1,view,1,i1,-5", "TIMESTAMP", 6, 17, "a negative timestamp", "-5"),
    Defect(b"u1,i1,view,1,i1,null", "TIMESTAMP", 6, 17, "not a whole number (long)", "null"),
]


def rejected(bucket: Bucket, content: bytes, columns: DatasetColumns, chunk_bytes: int = 1 << 20) -> Rejects:
    with pytest.raises(RejectedLinesError) as caught:
        bucket.import_text(content, columns, chunk_bytes=chunk_bytes)
    return caught.value.rejects


def assert_found(found: BadLine, defect: Defect, line: int) -> None:
    assert (found.line, found.column, found.field, found.position) == (
        line,
        defect.column,
        defect.field,
        defect.position,
    ), defect.line[:100]
    assert defect.problem in found.problem
    assert defect.value is None or found.value == defect.value
    assert len(found.value) <= 80
    assert found.remedy.endswith(".")
    assert found.file == "s3://shop/file.csv"


def test_at_least_forty_kinds_of_defect_are_planted() -> None:
    assert len(ITEM_DEFECTS) + len(EVENT_DEFECTS) >= 40


@pytest.mark.parametrize("defect", ITEM_DEFECTS, ids=lambda defect: repr(defect.line[:30]))
def test_a_defect_of_an_item_is_found_where_it_is(bucket: Bucket, defect: Defect) -> None:
    content = b"\n".join([ITEMS_HEADER.encode(), GOOD_ITEM, defect.line, GOOD_ITEM, GOOD_ITEM])

    rejects = rejected(bucket, content, ITEMS)

    assert rejects.total == 1
    assert_found(rejects.kept[0], defect, 3)


@pytest.mark.parametrize("defect", EVENT_DEFECTS, ids=lambda defect: repr(defect.line[:30]))
def test_a_defect_of_an_event_is_found_where_it_is(bucket: Bucket, defect: Defect) -> None:
    content = b"\r\n".join(
        [INTERACTIONS_HEADER.encode(), GOOD_EVENT, GOOD_EVENT, defect.line, GOOD_EVENT, b""]
    )

    rejects = rejected(bucket, content, INTERACTIONS)

    assert rejects.total == 1
    assert_found(rejects.kept[0], defect, 4)


@pytest.mark.parametrize("first", range(0, len(ITEM_DEFECTS), 20))
@pytest.mark.parametrize("chunk_bytes", [64, 1 << 20])
def test_twenty_defects_of_one_file_are_all_found(bucket: Bucket, first: int, chunk_bytes: int) -> None:
    """Good lines around each, one with a comma in quotes; in tiny chunks and in one."""
    planted = ITEM_DEFECTS[first : first + 20]
    around = b'i2,"A, title",,,4,,,,"say \\"hi\\"",'
    content = b"".join(around + b"\n" + defect.line + b"\n" for defect in planted)

    rejects = rejected(bucket, ITEMS_HEADER.encode() + b"\n" + content + GOOD_ITEM, ITEMS, chunk_bytes)

    assert rejects.total == len(planted)
    for number, (found, defect) in enumerate(zip(rejects.kept, planted, strict=True)):
        assert_found(found, defect, 3 + 2 * number)


def test_columns_are_found_by_name_in_any_order(bucket: Bucket) -> None:
    content = "TIMESTAMP,unused,EVENT_VALUE,ITEM_ID,IMPRESSION,USER_ID,EVENT_TYPE\n1600000000,x,?,i,,u,view\n"

    rejects = rejected(bucket, content.encode(), INTERACTIONS)

    assert (rejects.kept[0].column, rejects.kept[0].field, rejects.kept[0].position) == ("EVENT_VALUE", 3, 14)


def test_a_defect_on_the_last_line_of_a_million_is_found(bucket: Bucket) -> None:
    header = INTERACTIONS_HEADER.encode() + b"\n"
    content = header + (GOOD_EVENT + b"\n") * 999_998 + b'u1,"i,1",view,x,,1600000000'

    rejects = rejected(bucket, content, INTERACTIONS, 8 << 20)

    assert rejects.total == 1
    assert (rejects.kept[0].line, rejects.kept[0].column, rejects.kept[0].position) == (
        1_000_000,
        "EVENT_VALUE",
        15,
    )


def test_an_embedded_line_break_is_a_defect_of_both_lines(bucket: Bucket) -> None:
    content = f'{ITEMS_HEADER}\ni1,"A\ntitle",,,4,,,,,\n'

    rejects = rejected(bucket, content.encode(), ITEMS)

    assert [(bad.line, bad.column) for bad in rejects.kept] == [(2, "TITLE"), (3, "ITEM_ID")]
    assert "is not closed on this line" in rejects.kept[0].problem


def test_the_first_twenty_are_kept_and_all_are_counted_over_all_files(bucket: Bucket) -> None:
    bucket.put("many/a.csv", ITEMS_HEADER + "\n" + "i,T,,x,4,,,,,\n" * 15)
    bucket.put("many/b.csv", ITEMS_HEADER + "\n" + "i,T,,,4,,,,,\n" + "i,T,,,4,y,,,,\n" * 30)

    with pytest.raises(RejectedLinesError) as caught:
        bucket.import_from("s3://shop/many/", ITEMS, chunk_bytes=40)

    rejects = caught.value.rejects
    assert rejects.total == 45
    assert [(bad.file, bad.line) for bad in rejects.kept] == [
        *(("s3://shop/many/a.csv", line) for line in range(2, 17)),
        *(("s3://shop/many/b.csv", line) for line in range(3, 8)),
    ]
    assert rejects.details()["total"] == 45


def test_the_reason_names_file_line_column_value_remedy_and_total(bucket: Bucket) -> None:
    with pytest.raises(RejectedLinesError) as caught:
        bucket.import_text(f"{ITEMS_HEADER}\ni,T,,1.5.5,4,,,,,\ni,T,,{'9' * 5000}x,4,,,,,\n")

    reason = str(caught.value)
    for part in ("2 lines", "s3://shop/file.csv", "line 2", "PRICE", "field 4", "'1.5.5'", "decimal number"):
        assert part in reason
    assert len(reason) <= 1000


def test_a_reason_stays_within_a_thousand_characters(bucket: Bucket) -> None:
    name = "/".join(["folder" * 20] * 9)
    uri = bucket.put(f"{name}/file.csv", f"{ITEMS_HEADER}\ni,{'T' * 5000},,x,4,,,,,\n")

    with pytest.raises(RejectedLinesError) as caught:
        bucket.import_from(uri, ITEMS)

    assert len(str(caught.value)) <= 1000
