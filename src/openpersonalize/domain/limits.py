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

ID_CHARACTERS = 256
"""Ids of users, items and actions have at most so many."""

STRING_CHARACTERS = 1000
"""Categories and plain texts of a record or an interaction have at most so many."""

TEXT_CHARACTERS = 20_000
"""Textual values have at most so many; the rest is cut off."""

LATEST_TIME_S = 9_999_999_999
"""Epoch seconds have at most ten digits; what has more is in milliseconds."""
