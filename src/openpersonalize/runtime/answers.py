"""Answers as bytes: lists of items with their scores, and recommendationIds; written by hand, for speed."""

import os
from collections.abc import Iterable

import msgspec

from openpersonalize.models import Ranked
from openpersonalize.runtime.deployments import Deployment

MAX_FRAGMENTS = 50_000
"""Encoded ids that a deployment remembers: about 8 MB."""
_POOLED = 256
_DIGITS = 22
_pool: list[str] = []

_encode = msgspec.json.encode


def answer(member: str, entries: Iterable[str], cid: str) -> bytes:
    """The body of an answer: encoded entries under the name of their list, and a new recommendationId."""
    return f'{{"{member}":[{",".join(entries)}],"recommendationId":"{recommendation_id(cid)}"}}'.encode()


def entries(deployment: Deployment, ranked: Ranked) -> list[str]:
    """The encoded entries of ranked items; scores with seven decimals, as AWS's have."""
    fragments = deployment.fragments
    rows = ranked.items.tolist()
    try:
        beginnings = [fragments[row] for row in rows]
    except KeyError:
        if len(fragments) > MAX_FRAGMENTS:
            fragments.clear()
        for row, text in zip(rows, deployment.model.items.texts(ranked.items), strict=True):
            fragments[row] = beginning(text)
        beginnings = [fragments[row] for row in rows]
    if ranked.scores is None:
        return [entry + "}" for entry in beginnings]
    # %.7f of a number below one is JSON; scores are in [0, 1].
    scored = zip(beginnings, ranked.scores.tolist(), strict=True)
    return ['%s,"score":%.7f}' % pair for pair in scored]  # noqa: UP031  (twice as fast as an f-string)


def beginning(item_id: str) -> str:
    """The beginning of an item's entry, to be closed or to be followed by a score."""
    return '{"itemId":' + _encode(item_id).decode()


def recommendation_id(cid: str) -> str:
    """A new id of the form RID-xx-xxxx-xxxx-xxxxxxxxxxxx-CID-xxxxxx; always 40 characters."""
    if not _pool:
        digits = os.urandom(_DIGITS * _POOLED // 2).hex()
        _pool.extend(digits[start : start + _DIGITS] for start in range(0, len(digits), _DIGITS))
    raw = _pool.pop()
    return f"RID-{raw[:2]}-{raw[2:6]}-{raw[6:10]}-{raw[10:]}-CID-{cid}"


# Two processes must not give out the same ids after a fork.
os.register_at_fork(after_in_child=_pool.clear)
