"""The columns that each type of dataset must, may and must not have."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from openpersonalize.domain.columns import Column, ColumnType, DatasetColumns
from openpersonalize.domain.limits import MOST_OWN_COLUMNS

DatasetType = Literal["INTERACTIONS", "ITEMS", "USERS", "ACTIONS", "ACTION_INTERACTIONS"]
Domain = Literal["ECOMMERCE", "VIDEO_ON_DEMAND"]
DOMAINS: tuple[Domain, ...] = ("ECOMMERCE", "VIDEO_ON_DEMAND")
DATASET_TYPES: tuple[DatasetType, ...] = get_args(DatasetType)


@dataclass(frozen=True)
class Reserved:
    """What a column of a reserved name must look like."""

    types: tuple[ColumnType, ...]
    nullable: bool = False
    categorical: bool = False
    textual: bool = False


@dataclass(frozen=True)
class DatasetRules:
    """The rules of one type of dataset, in a custom group or in one of a domain."""

    required: tuple[str, ...]
    reserved: Mapping[str, Reserved]
    most_own: int
    """How many columns of the customer's own there may be."""
    least_metadata: int = 0
    """How many columns beside the required identifier there must be."""


ID = Reserved(("string",))
TIME = Reserved(("long",))
_LONG = Reserved(("long",), nullable=True)
_FLOAT = Reserved(("float", "double"), nullable=True)
_TEXT = Reserved(("string",), nullable=True)
_CATEGORY = Reserved(("string",), nullable=True, categorical=True)
_DESCRIPTION = Reserved(("string",), nullable=True, textual=True)
_REQUIRED_CATEGORY = Reserved(("string",), categorical=True)
_REQUIRED_FLOAT = Reserved(("float", "double"))

_EVENTS = {
    "USER_ID": ID,
    "ITEM_ID": ID,
    "TIMESTAMP": TIME,
    "EVENT_TYPE": Reserved(("string",)),
    "EVENT_VALUE": _FLOAT,
    "IMPRESSION": _TEXT,
    "RECOMMENDATION_ID": _TEXT,
    "EVENT_ATTRIBUTION_SOURCE": _TEXT,
}

CUSTOM: Mapping[DatasetType, DatasetRules] = {
    "INTERACTIONS": DatasetRules(
        ("USER_ID", "ITEM_ID", "TIMESTAMP"), _EVENTS, most_own=MOST_OWN_COLUMNS["INTERACTIONS"]
    ),
    "ITEMS": DatasetRules(
        ("ITEM_ID",),
        {"ITEM_ID": ID, "CREATION_TIMESTAMP": _LONG},
        most_own=MOST_OWN_COLUMNS["ITEMS"],
        least_metadata=1,
    ),
    "USERS": DatasetRules(
        ("USER_ID",), {"USER_ID": ID}, most_own=MOST_OWN_COLUMNS["USERS"], least_metadata=1
    ),
    "ACTIONS": DatasetRules(
        ("ACTION_ID",),
        {
            "ACTION_ID": ID,
            "CREATION_TIMESTAMP": _LONG,
            "VALUE": _LONG,
            "TYPE": _TEXT,
            "EXPIRATION_TIMESTAMP": _LONG,
            "ACTION_EXPIRATION_TIMESTAMP": _LONG,
            "REPEAT_FREQUENCY": _LONG,
        },
        most_own=MOST_OWN_COLUMNS["ACTIONS"],
        least_metadata=1,
    ),
    "ACTION_INTERACTIONS": DatasetRules(
        ("USER_ID", "ACTION_ID", "EVENT_TYPE", "TIMESTAMP"),
        {
            "USER_ID": ID,
            "ACTION_ID": ID,
            "EVENT_TYPE": Reserved(("string",)),
            "TIMESTAMP": TIME,
            "IMPRESSION": _TEXT,
            "RECOMMENDATION_ID": _TEXT,
        },
        most_own=MOST_OWN_COLUMNS["ACTION_INTERACTIONS"],
    ),
}

_DOMAIN_EVENTS = DatasetRules(
    ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE"), _EVENTS, most_own=MOST_OWN_COLUMNS["INTERACTIONS"]
)

BY_DOMAIN: Mapping[Domain, Mapping[DatasetType, DatasetRules]] = {
    "ECOMMERCE": {
        "INTERACTIONS": _DOMAIN_EVENTS,
        "USERS": CUSTOM["USERS"],
        "ITEMS": DatasetRules(
            ("ITEM_ID", "PRICE", "CATEGORY_L1"),
            {
                "ITEM_ID": ID,
                "PRICE": _REQUIRED_FLOAT,
                "CATEGORY_L1": _REQUIRED_CATEGORY,
                "CATEGORY_L2": _CATEGORY,
                "CATEGORY_L3": _CATEGORY,
                "AGE_GROUP": _CATEGORY,
                "ADULT": _CATEGORY,
                "GENDER": _CATEGORY,
                "PRODUCT_DESCRIPTION": _DESCRIPTION,
                "CREATION_TIMESTAMP": _LONG,
            },
            most_own=MOST_OWN_COLUMNS["ITEMS"],
        ),
    },
    "VIDEO_ON_DEMAND": {
        "INTERACTIONS": _DOMAIN_EVENTS,
        "USERS": DatasetRules(
            ("USER_ID",),
            {"USER_ID": ID, "SUBSCRIPTION_MODEL": _CATEGORY},
            most_own=MOST_OWN_COLUMNS["USERS"],
            least_metadata=1,
        ),
        "ITEMS": DatasetRules(
            ("ITEM_ID", "CREATION_TIMESTAMP", "GENRES"),
            {
                "ITEM_ID": ID,
                "CREATION_TIMESTAMP": TIME,
                "GENRES": _REQUIRED_CATEGORY,
                "GENRE_L2": _CATEGORY,
                "GENRE_L3": _CATEGORY,
                "CONTENT_OWNER": _CATEGORY,
                "CONTENT_CLASSIFICATION": _CATEGORY,
                "PRICE": _FLOAT,
                "DURATION": _FLOAT,
                "AVERAGE_RATING": _FLOAT,
                "PRODUCT_DESCRIPTION": _DESCRIPTION,
            },
            most_own=MOST_OWN_COLUMNS["ITEMS"],
        ),
    },
}


def rules_of(dataset_type: DatasetType, domain: str | None) -> DatasetRules | None:
    """The rules of a type of dataset; None where a domain has no such datasets."""
    if domain is None:
        return CUSTOM[dataset_type]
    return next(rules for name, rules in BY_DOMAIN.items() if name == domain).get(dataset_type)


def contextual(interactions: DatasetColumns) -> tuple[Column, ...]:
    """The columns of an Interactions dataset that describe the context of an event: the customer's own."""
    return tuple(column for column in interactions.columns if column.name not in _EVENTS)


def dataset_type_of(text: str) -> DatasetType | None:
    """The dataset type that a text names, in any case and with or without underscores; else None."""
    wanted = text.replace("_", "").upper()
    return next((known for known in DATASET_TYPES if known.replace("_", "") == wanted), None)
