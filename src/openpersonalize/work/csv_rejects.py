"""Bad lines: what was wrong, exactly where, and how to mend it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from openpersonalize.errors import JobError

KEPT_LINES = 20
SHOWN_CHARACTERS = 80
REASON_CHARACTERS = 1000


class LineError(Exception):
    """One line cannot be taken: the field (1-based number), the problem and the remedy."""

    def __init__(self, number: int, problem: str, remedy: str, *, value: str = "", position: int = 0) -> None:
        super().__init__(problem)
        self.number = number
        self.problem = problem
        self.remedy = remedy
        self.value = value
        self.position = position  # 1-based character of the line; 0 = where the field begins


@dataclass(frozen=True)
class BadLine:
    """A rejected line. `line` counts from 1 with the header, `field` and `position` (a character) from 1."""

    file: str
    line: int
    column: str | None
    field: int
    position: int
    value: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        column = f"column {self.column} (field {self.field}, character {self.position})"
        if self.column is None:
            column = f"field {self.field} (character {self.position})"
        return f"{self.file}, line {self.line}, {column}: {self.problem}: {self.value!r}. {self.remedy}"


@dataclass
class Rejects:
    """The first bad lines over all files of an import, and how many there are."""

    kept: list[BadLine] = field(default_factory=list)
    total: int = 0

    def add(self, bad: BadLine) -> None:
        """Count a bad line, and keep it if it is one of the first."""
        self.total += 1
        if len(self.kept) < KEPT_LINES:
            self.kept.append(bad)

    def details(self) -> Mapping[str, object]:
        """Return what is kept with the job, as JSON values."""
        return {"total": self.total, "first": [asdict(bad) for bad in self.kept]}


class RejectedLinesError(JobError):
    """Lines of an import are bad; `rejects` holds the first of them."""

    def __init__(self, rejects: Rejects) -> None:
        lines = "1 line was" if rejects.total == 1 else f"{rejects.total} lines were"
        reason = f"{lines} rejected and nothing was imported. The first: {rejects.kept[0]}"
        super().__init__(shortened(reason, REASON_CHARACTERS))
        self.rejects = rejects


def shortened(text: str, length: int = SHOWN_CHARACTERS) -> str:
    """Cut a text to at most `length` characters, the last being an ellipsis then."""
    return text if len(text) <= length else text[: length - 1] + "…"
