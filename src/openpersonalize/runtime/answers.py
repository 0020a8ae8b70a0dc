"""Answers as bytes: lists of items with their scores, and recommendationIds; written by hand, for speed."""

from collections.abc import Iterable, Sequence

import msgspec

from openpersonalize.models import Ranked
from openpersonalize.protocol.random_digits import RandomDigits
from openpersonalize.runtime.deployments import Deployment

MAX_FRAGMENTS = 50_000
"""Encoded ids that a deployment remembers: about 8 MB."""

_digits = RandomDigits(22)
_encode = msgspec.json.encode


def answer(member: str, entries: Iterable[str], cid: str) -> bytes:
    """The body of an answer: encoded entries under the name of their list, and a new recommendationId."""
    return f'{{"{member}":[{",".join(entries)}],"recommendationId":"{recommendation_id(cid)}"}}'.encode()


def entries(deployment: Deployment, ranked: Ranked, more: Sequence[str] | None = None) -> list[str]:
    """The encoded entries of ranked items; scores with seven decimals, as AWS's have. Recommenders give none.

    `more`: further encoded members of each entry, each with a comma before it.
    """
    fragments = deployment.fragments
    rows = ranked.items.tolist()
    scores = None if deployment.kind == "recommender" or ranked.scores is None else ranked.scores.tolist()
    try:
        beginnings = [fragments[row] for row in rows]
    except KeyError:
        if len(fragments) > MAX_FRAGMENTS:
            fragments.clear()
        for row, text in zip(rows, deployment.model.items.texts(ranked.items), strict=True):
            fragments[row] = beginning(text)
        beginnings = [fragments[row] for row in rows]
    # %.7f of a number below one is JSON; scores are in [0, 1].
    if more is not None:
        ends = more
        if scores is not None:
            ends = [',"score":%.7f%s' % pair for pair in zip(scores, more, strict=True)]  # noqa: UP031
        return [start + end + "}" for start, end in zip(beginnings, ends, strict=True)]
    if scores is None:
        return [entry + "}" for entry in beginnings]
    scored = zip(beginnings, scores, strict=True)
    return ['%s,"score":%.7f}' % pair for pair in scored]  # noqa: UP031  (twice as fast as an f-string)


def beginning(item_id: str) -> str:
    """The beginning of an item's entry, to be closed or to be followed by a score."""
    return '{"itemId":' + _encode(item_id).decode()


def promotion_name(name: str) -> str:
    """The member of an entry that says by which promotion it came, with a comma before it."""
    return f',"promotionName":{_encode(name).decode()}'


def recommendation_id(cid: str) -> str:
    """A new id of the form RID-xx-xxxx-xxxx-xxxxxxxxxxxx-CID-xxxxxx; always 40 characters."""
    raw = _digits.take()
    return f"RID-{raw[:2]}-{raw[2:6]}-{raw[6:10]}-{raw[10:]}-CID-{cid}"
