"""How the properties of an item, user or action become the columns of its dataset."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from openpersonalize.domain.columns import Column, DatasetColumns, allowed_range, squashed
from openpersonalize.domain.limits import STRING_CHARACTERS, TEXT_CHARACTERS
from openpersonalize.domain.properties import canonical, demand, parsed, typed, wrong
from openpersonalize.errors import InvalidInputException


@dataclass(frozen=True)
class RecordColumns:
    """The columns that properties may fill, by their squashed name, and those that may not be null."""

    by_name: Mapping[str, Column]
    required: frozenset[str]
    dataset_type: str

    @classmethod
    def of(cls, dataset: DatasetColumns) -> "RecordColumns":
        """The columns of an Items, Users or Actions dataset; the identifier is no property."""
        given = [column for column in dataset.columns if column.name != dataset.identifier]
        return cls(
            by_name={squashed(column.name): column for column in given},
            required=frozenset(column.name for column in given if not column.nullable),
            dataset_type=dataset.dataset_type,
        )

    def match(self, properties: str | None) -> str | None:
        """Properties as canonical JSON by column names, None if there are none; unknown keys are left out.

        An empty text is null, as an empty cell of an import is. Raises InvalidInputException, which names the
        key and never the value.
        """
        columns: dict[str, Any] = {}
        for key, value in ({} if properties is None else parsed(properties)).items():
            column = self.by_name.get(squashed(key))
            if column is not None and value is not None and value != "":
                columns[column.name] = self._checked(key, value, column)
        demand(self.required, columns)
        return canonical(columns).decode() if columns else None

    def _checked(self, key: str, value: Any, column: Column) -> Any:
        """A value in its column's type, range and length; a long textual one is cut, as in an import."""
        found = typed(key, value, column)
        if isinstance(found, str):
            return _fitting(key, found, column)
        allowed = allowed_range(column, self.dataset_type)
        if allowed is not None and not allowed.start <= found < allowed.stop:
            bounds = f"from {allowed.start} to {allowed.stop - 1}"
            raise wrong(key, column, f"a whole number {bounds}{_hint(column, found)}")
        return found


def _fitting(key: str, text: str, column: Column) -> str:
    if column.textual:
        return text[:TEXT_CHARACTERS]
    if len(text) > STRING_CHARACTERS:
        raise InvalidInputException(
            f"The property {key} must have at most {STRING_CHARACTERS} characters: column {column.name} is "
            "no textual one."
        )
    return text


def _hint(column: Column, found: int) -> str:
    is_in_milliseconds = column.name.endswith("TIMESTAMP") and found > 0
    return " (seconds since 1970, not milliseconds)" if is_in_milliseconds else ""
