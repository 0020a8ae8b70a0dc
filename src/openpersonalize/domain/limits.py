"""Limits of AWS that more than one part of the service keeps, and the profiles that say which hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from openpersonalize.settings import Profile


@dataclass(frozen=True)
class Limits:
    """Which kinds of limits hold.

    - `standard`: those on the shape of one request, schema, record, tag set or filter, and the data minimums.
    - `aws`: these, and those on how many objects, running jobs, bytes or requests there may be.
    - `relaxed`: as `standard`, without the data minimums.
    """

    profile: Profile = "standard"

    @property
    def amounts(self) -> bool:
        """Whether there may be only so many objects, running jobs or bytes."""
        return self.profile == "aws"

    @property
    def minimums(self) -> bool:
        """Whether imports and trainings need so much data as on AWS."""
        return self.profile != "relaxed"


MIN_INTERACTIONS = 1000
"""An import and a training need so many."""

MIN_USERS_WITH_TWO = 25
MIN_SHARE_OF_USERS_WITH_TWO = 0.01
"""Users with at least two interactions that a training needs, after the filters of its solution."""

ID_CHARACTERS = 256
"""Ids of users, items and actions have at most so many."""

STRING_CHARACTERS = 1000
"""Categories and plain texts of a record or an interaction have at most so many."""

TEXT_CHARACTERS = 20_000
"""Textual values have at most so many; the rest is cut off."""

LATEST_TIME_S = 9_999_999_999
"""Epoch seconds have at most ten digits; what has more is in milliseconds."""

MOST_OWN_COLUMNS = {"INTERACTIONS": 5, "ITEMS": 100, "USERS": 25, "ACTIONS": 10, "ACTION_INTERACTIONS": 5}
"""Columns of the customer's own in a schema, by type of dataset."""

MOST_RECORDS = 10
"""Events, items, users, actions or action interactions in one call."""

EVENT_BYTES = 10 * 1024
"""JSON of one event."""

MOST_RESULTS = 500
MOST_ACTION_RESULTS = 100
"""Items in one answer."""

MOST_INPUTS = 500
"""Items to rank in one request."""

MOST_RESULTS_WITH_METADATA = 50
"""Items in one answer, or to rank in one request, that asks for metadata."""

MOST_METADATA_COLUMNS = 10
"""Columns of metadata in one request."""

MOST_TAGS = 50
"""Tags of one resource."""

MOST_SCHEMAS = 500
"""Schemas of an account in a region."""

MOST_DATASET_GROUPS = 5
"""Dataset groups of an account in a region."""

MOST_IMPORTS = 5
"""Import jobs pending or under way in an account and region."""

MOST_TRAININGS = 20
"""Solution versions pending or under way in an account and region."""

MOST_SOLUTIONS = 10
"""Solutions of a dataset group."""

MOST_CAMPAIGNS = 5
"""Campaigns of a dataset group."""

MOST_RECOMMENDERS = 5
"""Recommenders of a dataset group."""

_GIB = 1024**3
IMPORT_BYTES = {"FULL": 100 * _GIB, "INCREMENTAL": 1 * _GIB}
"""All files of one import job, by its mode."""

MOST_FILTERS = 30
"""Filters of a dataset group."""

MOST_FILTER_COLUMNS = 10
"""Different columns that one filter may name."""

MOST_GROUP_FILTER_COLUMNS = 20
"""Different columns that all filters of a dataset group may name."""

NEWEST_EVENTS = {"INTERACTIONS": 100, "ACTION_INTERACTIONS": 300}
"""Of a user's events of one type, a filter looks at so many."""

MOST_METRICS = 10
"""Metrics of a metric attribution."""

MOST_BATCH_INFERENCES = 5
"""Batch inference jobs pending or under way in an account and region."""

MOST_BATCH_SEGMENTS = 5
"""Batch segment jobs pending or under way in an account and region."""

MOST_BATCH_RESULTS = 500
"""Recommendations for one line of a batch inference job; our reading, AWS names none."""

MOST_SEGMENT_USERS = 5_000_000
"""Users in one segment of a batch segment job."""

MOST_SEGMENT_QUERIES = {"aws-item-affinity": 500, "aws-item-attribute-affinity": 10}
"""Lines that one batch segment job answers, by its recipe."""

MOST_BATCH_FILES = 1_000
"""Input files of a batch job."""

BATCH_BYTES = 1 * _GIB
"""All input files of a batch job."""

MOST_PENDING_DELETIONS = 5
"""Data deletion jobs of a dataset group that are PENDING."""


class Kind(Enum):
    """What a limit limits, and so which profiles keep it."""

    SHAPE = "one request, schema, record, tag set or filter"
    MINIMUM = "the least data of an import or a training"
    AMOUNT = "how many objects, running jobs, bytes or requests there may be"


@dataclass(frozen=True)
class Limit:
    """One limit of AWS: of what, how much, of which kind.

    `instead` says why no profile keeps it, where none does.
    """

    group: str
    what: str
    value: str
    kind: Kind
    instead: str = ""

    def holds(self, profile: Profile) -> bool:
        """Whether a server of this profile keeps to it."""
        kept = {
            Kind.SHAPE: True,
            Kind.MINIMUM: Limits(profile).minimums,
            Kind.AMOUNT: Limits(profile).amounts,
        }
        return not self.instead and kept[self.kind]


_NOT_YET = "not yet"
_ALL = "all are used"

# By group: of what, how much, the kind, and what holds instead.
_ROWS: Mapping[str, tuple[tuple[str, str, Kind] | tuple[str, str, Kind, str], ...]] = {
    "item interactions": (
        ("for a training, after its filters, at least", f"{MIN_INTERACTIONS:,}", Kind.MINIMUM),
        ("in one import job, at least", f"{MIN_INTERACTIONS:,}", Kind.MINIMUM),
        (
            "considered in a training",
            "500 million; 3 billion for recipes whose names end in -v2",
            Kind.AMOUNT,
            _ALL,
        ),
        ("event types and optional columns together", "10", Kind.SHAPE, "any number"),
        ("columns of your own", f"{MOST_OWN_COLUMNS['INTERACTIONS']}", Kind.SHAPE),
        ("characters of a category or an impression", f"{STRING_CHARACTERS:,}", Kind.SHAPE),
        ("size of an import with mode FULL", f"{IMPORT_BYTES['FULL'] // _GIB} GB", Kind.AMOUNT),
        ("size of an import with mode INCREMENTAL", f"{IMPORT_BYTES['INCREMENTAL'] // _GIB} GB", Kind.AMOUNT),
    ),
    "users": (
        ("with at least two interactions, for a training, at least", f"{MIN_USERS_WITH_TWO}", Kind.MINIMUM),
        (
            "with at least two interactions, share of all, at least",
            f"{MIN_SHARE_OF_USERS_WITH_TWO:.0%}",
            Kind.MINIMUM,
        ),
        ("columns of your own", f"{MOST_OWN_COLUMNS['USERS']}", Kind.SHAPE),
        ("characters of USER_ID", f"{ID_CHARACTERS}", Kind.SHAPE),
        ("characters of a category", f"{STRING_CHARACTERS:,}", Kind.SHAPE),
    ),
    "items": (
        (
            "considered in a training",
            "750,000; 5 million for recipes whose names end in -v2",
            Kind.AMOUNT,
            _ALL,
        ),
        ("columns of your own", f"{MOST_OWN_COLUMNS['ITEMS']}", Kind.SHAPE),
        ("textual columns", "1", Kind.SHAPE),
        ("characters of ITEM_ID", f"{ID_CHARACTERS}", Kind.SHAPE),
        ("characters of a category or a plain text", f"{STRING_CHARACTERS:,}", Kind.SHAPE),
        (
            "characters of a textual value that are used",
            f"{TEXT_CHARACTERS:,}; 7,000 in Chinese and Japanese",
            Kind.SHAPE,
        ),
    ),
    "actions": (
        ("considered in a training", "1,000", Kind.AMOUNT, _NOT_YET),
        ("columns of your own", f"{MOST_OWN_COLUMNS['ACTIONS']}", Kind.SHAPE),
        ("characters of ACTION_ID", f"{ID_CHARACTERS}", Kind.SHAPE),
    ),
    "action interactions": (
        ("considered in a training", "500 million", Kind.AMOUNT, _NOT_YET),
        ("columns of your own", f"{MOST_OWN_COLUMNS['ACTION_INTERACTIONS']}", Kind.SHAPE),
    ),
    "records one by one": (
        ("events, items, users, actions or action interactions in one call", f"{MOST_RECORDS}", Kind.SHAPE),
        ("size of an event", f"{EVENT_BYTES // 1024} KB", Kind.SHAPE),
        (
            "calls of PutEvents and PutActionInteractions a second, of a dataset group",
            "1,000",
            Kind.AMOUNT,
            _NOT_YET,
        ),
        (
            "calls of PutItems, PutUsers and PutActions a second, of a dataset group",
            "10",
            Kind.AMOUNT,
            _NOT_YET,
        ),
    ),
    "filters": (
        ("of a dataset group", f"{MOST_FILTERS}", Kind.AMOUNT),
        ("characters of an expression", "2,500", Kind.SHAPE),
        ("columns in one filter", f"{MOST_FILTER_COLUMNS}", Kind.SHAPE),
        ("columns in all filters of a dataset group", f"{MOST_GROUP_FILTER_COLUMNS}", Kind.AMOUNT),
        (
            "newest interactions of a user and event type that are looked at",
            f"{NEWEST_EVENTS['INTERACTIONS']}",
            Kind.AMOUNT,
        ),
        (
            "newest action interactions of a user and event type that are looked at",
            f"{NEWEST_EVENTS['ACTION_INTERACTIONS']}",
            Kind.AMOUNT,
        ),
    ),
    "recommendations": (
        ("all calls a second", "2,500", Kind.AMOUNT, _NOT_YET),
        ("calls a second of one campaign", "500", Kind.AMOUNT, _NOT_YET),
        ("items in an answer", f"{MOST_RESULTS}", Kind.SHAPE),
        ("items to rank", f"{MOST_INPUTS}", Kind.SHAPE),
        ("items in an answer or to rank, with metadata", f"{MOST_RESULTS_WITH_METADATA}", Kind.SHAPE),
        ("columns of metadata in a request", f"{MOST_METADATA_COLUMNS}", Kind.SHAPE),
        ("actions in an answer", f"{MOST_ACTION_RESULTS}", Kind.SHAPE),
    ),
    "metric attributions": (
        ("of a dataset group", "1", Kind.SHAPE),
        ("metrics", f"{MOST_METRICS}", Kind.SHAPE),
        ("sources of recommendations", "100", Kind.AMOUNT, _NOT_YET),
    ),
    "batch inference jobs": (
        ("pending or under way, of an account and region", f"{MOST_BATCH_INFERENCES}", Kind.AMOUNT),
        ("input files; their size", "1,000; 1 GB", Kind.AMOUNT, _NOT_YET),
        ("records in a file; with themes", "50 million; 100", Kind.AMOUNT, _NOT_YET),
    ),
    "batch segment jobs": (
        ("pending or under way, of an account and region", f"{MOST_BATCH_SEGMENTS}", Kind.AMOUNT),
        ("input files; their size", f"{MOST_BATCH_FILES:,}; 1 GB", Kind.AMOUNT),
        (
            "queries of aws-item-affinity; of aws-item-attribute-affinity",
            "; ".join(map(str, MOST_SEGMENT_QUERIES.values())),
            Kind.SHAPE,
        ),
        ("users in a segment", f"{MOST_SEGMENT_USERS:,}", Kind.SHAPE),
    ),
    "data deletion jobs": (
        ("pending, of a dataset group", f"{MOST_PENDING_DELETIONS}", Kind.AMOUNT),
        ("size of the input", "100 MB", Kind.AMOUNT, _NOT_YET),
    ),
    "an account in a region": (
        ("schemas", f"{MOST_SCHEMAS}", Kind.AMOUNT),
        ("dataset groups", f"{MOST_DATASET_GROUPS}", Kind.AMOUNT),
        ("import jobs pending or under way", f"{MOST_IMPORTS}", Kind.AMOUNT),
        ("solution versions pending or under way", f"{MOST_TRAININGS}", Kind.AMOUNT),
    ),
    "a dataset group": (
        ("solutions", f"{MOST_SOLUTIONS}", Kind.AMOUNT),
        ("campaigns", f"{MOST_CAMPAIGNS}", Kind.AMOUNT),
        ("recommenders", f"{MOST_RECOMMENDERS}", Kind.AMOUNT),
    ),
    "tags": (("of a resource", f"{MOST_TAGS}", Kind.SHAPE),),
}
LIMITS: tuple[Limit, ...] = tuple(Limit(group, *row) for group, rows in _ROWS.items() for row in rows)
"""All limits of AWS, in the order of `docs/limits.md`."""
