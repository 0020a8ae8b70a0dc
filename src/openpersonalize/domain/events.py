"""How the properties of a streamed event become columns of an Interactions or Action_Interactions dataset."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from openpersonalize.domain.columns import Column, DatasetColumns, squashed
from openpersonalize.domain.properties import canonical, demand, id_of, number, parsed, typed
from openpersonalize.errors import InvalidInputException

FORBIDDEN = ("userId", "sessionId", "eventType", "timestamp", "recommendationId", "impression")
_FORBIDDEN = {name.lower() for name in FORBIDDEN}
# Members of the event itself, not properties.
_OWN = ("USER_ID", "EVENT_TYPE", "TIMESTAMP", "IMPRESSION", "RECOMMENDATION_ID")
# Members of an interaction that may stand among its properties as well, as they did before August 2020.
_LEGACY_ITEM, _LEGACY_VALUE = "itemid", "eventvalue"
_OWN_BY_TYPE = {
    "INTERACTIONS": (*_OWN, "ITEM_ID", "EVENT_VALUE"),
    "ACTION_INTERACTIONS": (*_OWN, "ACTION_ID"),
}

ACTION_EVENT_TYPES = ("Viewed", "Taken", "Not Taken")
_ACTION_EVENT_TYPES = {squashed(name.replace(" ", "_")): name for name in ACTION_EVENT_TYPES}


def action_event_type(text: str) -> str | None:
    """The event type that a text names, ignoring case, spaces and underscores; None where it is none."""
    return _ACTION_EVENT_TYPES.get(squashed(text.replace(" ", "_")))


@dataclass(frozen=True)
class Matched:
    """What an event's properties say: the two legacy members, and the other columns as canonical JSON."""

    item_id: str | None = None
    event_value: float | None = None
    columns: str | None = None


NOTHING = Matched()


@dataclass(frozen=True)
class EventColumns:
    """The columns that properties may fill, by their squashed name, and what an event must have."""

    by_name: Mapping[str, Column]
    required: frozenset[str]
    """Names of the custom columns that may not be null."""
    needs_value: bool
    has_legacy_members: bool

    @classmethod
    def of(cls, dataset: DatasetColumns) -> "EventColumns":
        """The columns of an Interactions or Action_Interactions dataset."""
        own = _OWN_BY_TYPE[dataset.dataset_type]
        custom = [column for column in dataset.columns if column.name not in own]
        value = [column for column in dataset.columns if column.name == "EVENT_VALUE"]
        is_of_items = dataset.dataset_type == "INTERACTIONS"
        return cls(
            by_name={squashed(column.name): column for column in custom},
            required=frozenset(column.name for column in custom if not column.nullable),
            needs_value=is_of_items and any(not column.nullable for column in value),
            has_legacy_members=is_of_items,
        )

    def match(self, properties: str | None) -> Matched:
        """Read an event's properties; keys that name no column are left out.

        Raises InvalidInputException, which names the key and never the value.
        """
        if properties is None:
            if self.required:
                demand(self.required, ())
            return NOTHING
        item_id = event_value = None
        columns: dict[str, Any] = {}
        for key, value in parsed(properties).items():
            name = squashed(key)
            if name in _FORBIDDEN:
                raise InvalidInputException(
                    f"The key {key} is not allowed in properties; give it as a member of the request instead."
                )
            if name == _LEGACY_ITEM and self.has_legacy_members:
                item_id = id_of(key, value)
            elif name == _LEGACY_VALUE and self.has_legacy_members:
                event_value = None if value is None else number(key, value)
            elif (column := self.by_name.get(name)) is not None and value is not None:
                columns[column.name] = typed(key, value, column)
        demand(self.required, columns)
        return Matched(item_id, event_value, canonical(columns).decode() if columns else None)
