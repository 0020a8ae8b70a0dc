"""The first line of a CSV file: which field belongs to which column of the schema."""

import codecs
import difflib
from dataclasses import dataclass
from typing import BinaryIO

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.errors import JobError
from openpersonalize.work.csv_records import split_record
from openpersonalize.work.csv_rejects import LineError, shortened
from openpersonalize.work.csv_values import Rule, rules_of

LONGEST_HEADER_BYTES = 1 << 20
_NOT_TEXT = {
    codecs.BOM_UTF16_LE: "is encoded in UTF-16. Save it as UTF-8.",
    codecs.BOM_UTF16_BE: "is encoded in UTF-16. Save it as UTF-8.",
    b"\x1f\x8b": "is compressed with gzip. Upload it unpacked.",
    b"PK\x03\x04": "is a ZIP archive or an Excel workbook. Upload it unpacked, or saved as CSV.",
    b"PAR1": "is a Parquet file. Upload it as CSV.",
}


@dataclass(frozen=True)
class Layout:
    """A file's header: the name of each field, and the schema's rule for each field (None: ignored)."""

    names: tuple[str, ...]
    rules: tuple[Rule | None, ...]

    def field_of(self, name: str) -> int:
        """Return the 0-based field of a schema column."""
        return self.names.index(name)


def read_header(stream: BinaryIO, file: str, columns: DatasetColumns) -> Layout:
    """Read the header, leaving the stream at line 2; raise `JobError` if rows could not be read by it."""
    line = stream.readline(LONGEST_HEADER_BYTES)
    names = _names(line, file)
    _require_columns(names, file, columns)
    by_name = {rule.name: rule for rule in rules_of(columns)}
    return Layout(tuple(names), tuple(by_name.get(name) for name in names))


def require_same_header(first: tuple[str, Layout], other: tuple[str, Layout]) -> None:
    """Refuse files of one import whose headers differ."""
    (first_file, expected), (file, layout) = first, other
    if expected.names != layout.names:
        raise JobError(
            f"The headers of {first_file} and {file} differ: {shortened(','.join(expected.names), 200)!r} "
            f"and {shortened(','.join(layout.names), 200)!r}. All files of a folder need the same first line."
        )


def _names(line: bytes, file: str) -> list[str]:
    for start, problem in _NOT_TEXT.items():
        if line.startswith(start):
            raise JobError(f"{file} {problem}")
    line = line.removeprefix(codecs.BOM_UTF8).removesuffix(b"\n").removesuffix(b"\r")
    if not line.strip():
        raise JobError(f"{file}, line 1: there is no header. The first line must name the columns.")
    if b"\0" in line:
        raise JobError(f"{file}, line 1: the header holds a NUL byte. Save the file as UTF-8 text.")
    if b"\r" in line or len(line) >= LONGEST_HEADER_BYTES - 1:
        raise JobError(
            f"{file}, line 1: the lines do not end in LF or CR LF. Save the file with such line ends."
        )
    try:
        return split_record(line.decode())
    except UnicodeDecodeError as error:
        raise JobError(
            f"{file}, line 1, byte {error.start + 1}: the header is not valid UTF-8. Save the file as UTF-8."
        ) from error
    except LineError as defect:
        raise JobError(
            f"{file}, line 1, field {defect.number}: {defect.problem}: {shortened(defect.value)!r}. "
            f"{defect.remedy}"
        ) from defect


def _require_columns(names: list[str], file: str, columns: DatasetColumns) -> None:
    missing = [name for name in columns.names if name not in names]
    if missing:
        raise JobError(
            f"Input CSV is missing the following columns: [{', '.join(missing)}]. "
            f"Line 1 of {file} is {shortened(','.join(names), 200)!r}. {_remedy(names, missing)}"
        )
    repeated = [name for name in columns.names if names.count(name) > 1]
    if repeated:
        raise JobError(
            f"{file}, line 1: the header names {', '.join(repeated)} more than once. "
            "Keep one column of a name."
        )


def _remedy(names: list[str], missing: list[str]) -> str:
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        return "Separate the fields by commas."
    folded = {name.strip().upper(): name for name in names}
    for wanted in missing:
        close = difflib.get_close_matches(wanted.upper(), list(folded), n=1, cutoff=0.8)
        if close:
            return f"Is {folded[close[0]]!r} meant to be {wanted}? Names must match exactly."
    return "The first line must name every column of the schema."
