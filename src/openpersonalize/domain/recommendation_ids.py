"""recommendationIds: RID-xx-xxxx-xxxx-xxxxxxxxxxxx-CID-xxxxxx, 40 characters.

The first part is different for each answer; the part after CID is constant for a campaign or recommender, so
an id says who gave it out, and nothing has to be stored for that.
"""

_CID_AT = 34


def cid_of(recommendation_id: str) -> str | None:
    """The part that names a campaign or recommender; None in a text that is no recommendationId."""
    is_one = len(recommendation_id) == _CID_AT + 6 and recommendation_id[29:_CID_AT] == "-CID-"
    return recommendation_id[_CID_AT:] if is_one and recommendation_id.startswith("RID-") else None
