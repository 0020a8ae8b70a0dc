"""Limits of AWS that more than one part of the service keeps."""

MIN_INTERACTIONS = 1000
"""An import and a training need so many."""

ID_CHARACTERS = 256
"""Ids of users, items and actions have at most so many."""

LATEST_TIME_S = 9_999_999_999
"""Epoch seconds have at most ten digits; what has more is in milliseconds."""
