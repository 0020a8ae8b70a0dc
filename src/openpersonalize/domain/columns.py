"""The columns of a dataset, as its schema declares them."""

from dataclasses import dataclass
from typing import Literal

from openpersonalize.domain.limits import LATEST_TIME_S

ColumnType = Literal["string", "int", "long", "float", "double", "boolean"]

# The column whose value names one record; the types that are not here have none: every row is an event.
IDENTIFIERS: dict[str, str] = {"ITEMS": "ITEM_ID", "USERS": "USER_ID", "ACTIONS": "ACTION_ID"}

_TIMES = frozenset({"TIMESTAMP", "CREATION_TIMESTAMP", "EXPIRATION_TIMESTAMP", "ACTION_EXPIRATION_TIMESTAMP"})
_ACTION_RANGES = {"VALUE": range(1, 11), "REPEAT_FREQUENCY": range(31)}
"""An action's value, and after how many days it may be shown again."""


@dataclass(frozen=True)
class Column:
    """One field of a schema."""

    name: str
    type: ColumnType
    nullable: bool = False
    categorical: bool = False
    textual: bool = False
    item_name: bool = False


@dataclass(frozen=True)
class DatasetColumns:
    """All fields of a schema, in its order, and the type of the dataset that it describes."""

    dataset_type: str  # INTERACTIONS, ITEMS, USERS, ACTIONS or ACTION_INTERACTIONS
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The field names, in the schema's order."""
        return tuple(column.name for column in self.columns)

    @property
    def identifier(self) -> str | None:
        """The column that names one record (a later row replaces an earlier one), or None for events."""
        return IDENTIFIERS.get(self.dataset_type)


def squashed(name: str) -> str:
    """A column's or property's name without underscores and case: NUM_RATINGS and numRatings are one."""
    return name.replace("_", "").lower()


def camel(column: str) -> str:
    """The property that fills a column: NUM_RATINGS is numRatings."""
    head, *rest = column.lower().split("_")
    return head + "".join(part.capitalize() for part in rest)


def is_time(column: Column) -> bool:
    """Whether a column holds epoch seconds."""
    return column.name in _TIMES and column.type == "long"


def allowed_range(column: Column, dataset_type: str) -> range | None:
    """The whole numbers that a reserved column may hold; None where the type alone says it."""
    if is_time(column):
        return range(LATEST_TIME_S + 1)
    return _ACTION_RANGES.get(column.name) if dataset_type == "ACTIONS" and column.type == "long" else None
