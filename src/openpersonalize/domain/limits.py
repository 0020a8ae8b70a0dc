"""Limits of AWS that more than one part of the service keeps, and the profiles that say which hold."""

from dataclasses import dataclass

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
"""Items in one answer."""

MOST_INPUTS = 500
"""Items to rank in one request."""

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

IMPORT_BYTES = {"FULL": 100 * 1024**3, "INCREMENTAL": 1024**3}
"""All files of one import job, by its mode."""

MOST_FILTERS = 30
"""Filters of a dataset group."""

MOST_FILTER_COLUMNS = 10
"""Different columns that one filter may name."""

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

MOST_PENDING_DELETIONS = 5
"""Data deletion jobs of a dataset group that are PENDING."""
