"""The files of batch jobs: JSON Lines from a place in a bucket, answered line by line at another place.

Each input file gets an output file of its name with `.out` behind, which has one line per input line, in
their order: `{"input": …, "output": …, "error": null}`, or without output and with an error. An output file
appears whole or not at all.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from openpersonalize.domain.limits import BATCH_BYTES, MOST_BATCH_FILES
from openpersonalize.errors import JobError
from openpersonalize.storage.objects import ObjectStore, StoredObject

MOST_LINE_BYTES = 1 << 20
"""A line of input; a longer one is answered with an error, and never held as a whole."""

Line = Mapping[str, Any]
Answer = Callable[[Line], Mapping[str, Any]]
"""The output of one line. Raises LineError."""


class LineError(Exception):
    """One line has no answer: the text says what is wrong, and the remedy."""


@dataclass(frozen=True)
class Answered:
    """How many lines a job has answered, and how many of these with an error."""

    lines: int = 0
    failed: int = 0


@dataclass(frozen=True)
class BatchFiles:
    """The files of one job. All methods raise JobError where a place does not work."""

    objects: ObjectStore
    source: str
    """An object, or a folder (with a slash at the end), whose objects on the first level are read."""
    destination: str
    """A folder, with or without a slash at its end."""

    def inputs(self, *, has_limits: bool) -> list[StoredObject]:
        """List the files to read; in a folder, names that begin with '.' or '_' are no input."""
        with _explained("Invalid S3 input path"):
            files = self.objects.list_objects(self.source)
        if self.source.endswith("/"):
            files = [file for file in files if file.uri.rpartition("/")[2][0] not in "._"]
        if not files:
            raise JobError(
                f"Invalid S3 input path. {self.source} holds only files whose names begin with '.' or '_'. "
                "Rename the files to read."
            )
        size = sum(file.size for file in files)
        if has_limits and (len(files) > MOST_BATCH_FILES or size > BATCH_BYTES):
            raise JobError(
                f"{self.source} holds {len(files)} files of {size} bytes: a batch job reads at most "
                f"{MOST_BATCH_FILES} files of {BATCH_BYTES} bytes. Make several jobs."
            )
        return files

    def count_lines(self, files: Sequence[StoredObject]) -> int:
        """Count the lines that want an answer."""
        return sum(1 for file in files for _ in self._lines(file))

    def answer(
        self, files: Sequence[StoredObject], answer: Answer, *, progress: Callable[[int], None]
    ) -> Answered:
        """Write the answers to all lines; `progress` is told before each how many are done."""
        done = Answered()
        for file in files:
            uri = f"{self.destination.removesuffix('/')}/{file.uri.rpartition('/')[2]}.out"
            with _explained("Invalid S3 output path"), self.objects.write(uri) as output:
                for text in self._lines(file):
                    progress(done.lines)
                    is_answered = _write(output, text, answer)
                    done = Answered(done.lines + 1, done.failed + (not is_answered))
        return done

    def _lines(self, file: StoredObject) -> Iterator[bytes | None]:
        """Give the lines of a file that are not blank; None for one that is too long."""
        with _explained("Invalid S3 input path"), self.objects.open(file.uri, file.version) as opened:
            while line := opened.readline(MOST_LINE_BYTES + 1):
                if len(line) > MOST_LINE_BYTES and not line.endswith(b"\n"):
                    _skip_line(opened)
                    yield None
                elif stripped := line.strip():
                    yield stripped


def _skip_line(opened: BinaryIO) -> None:
    while (rest := opened.readline(MOST_LINE_BYTES)) and not rest.endswith(b"\n"):
        continue


def _write(output: BinaryIO, text: bytes | None, answer: Answer) -> bool:
    """Write one line's answer; says whether it has one."""
    given: Any = None if text is None else text.decode(errors="replace")
    result: dict[str, Any]
    try:
        given = _read(text)
        result = {"input": given, "output": answer(given), "error": None}
    except LineError as error:
        result = {"input": given, "error": str(error)}
    output.write(json.dumps(result, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
    return result["error"] is None


def _read(text: bytes | None) -> Line:
    if text is None:
        raise LineError(f"The line has more than {MOST_LINE_BYTES} bytes: write one object on each line.")
    try:
        line = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        raise LineError('The line is not JSON: write one object on it, such as {"itemId": "105"}.') from None
    if not isinstance(line, dict):
        raise LineError('The line is no JSON object: write one on it, such as {"itemId": "105"}.')
    return line


def _finite(text: str) -> float:
    """Return a number. Raises ValueError for those that JSON has no words for, such as NaN and 1e999."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def member(line: Line, name: str, *, most_characters: int = 256) -> str:
    """Return a text that a line must have. Raises LineError."""
    value = line.get(name)
    if value is None:
        raise LineError(f"The line has no {name}: give one, a string.")
    if not isinstance(value, str):
        raise LineError(f"{name} is not a string: write it in double quotes.")
    if not 1 <= len(value) <= most_characters:
        raise LineError(f"{name} has {len(value)} characters: it must have 1 to {most_characters}.")
    return value


class _PlaceError(JobError):
    """An error whose text says which of the places it is about."""


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Say of which place an error is; the object store's own words follow AWS's."""
    try:
        yield
    except _PlaceError:
        raise
    except JobError as error:
        raise _PlaceError(f"{what}. {str(error).removeprefix('Invalid Data location. ')}") from error
