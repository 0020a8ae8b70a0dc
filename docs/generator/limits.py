"""docs/limits.md: every limit of AWS, and whether a server of each profile keeps it."""

from collections.abc import Iterator
from itertools import groupby
from typing import get_args

from openpersonalize.domain.limits import LIMITS, Kind, Limit
from openpersonalize.settings import Profile

PROFILES: tuple[Profile, ...] = get_args(Profile)
MEANINGS = {
    Kind.SHAPE: "What one request, schema, record, tag set or filter may be.",
    Kind.MINIMUM: "How much data an import or a training needs at least.",
    Kind.AMOUNT: "How many objects, running jobs, bytes or requests there may be.",
}
HEAD = """# Limits

Written by `make docs` from `openpersonalize/domain/limits.py`; a test fails when it is stale.

Which of AWS's limits a server keeps is its profile, `OPENPERSONALIZE_LIMITS` or `--limits`:

- `standard`, the default: the limits on what one request, schema, record, tag set or filter may be, and the least
  amounts of data. There may be as much of everything as the machine bears.
- `aws`: AWS's quotas too, for an application that should meet them before it does so on AWS. A Create over a quota
  is refused with LimitExceededException, `More than <n> resources in ACTIVE state. Please delete some and try
  again.` or `More than <n> resources with PENDING or IN_PROGRESS status.`; an import that is too large ends CREATE
  FAILED. The quotas are AWS's defaults. What has failed counts in none, nor does a version or job that was stopped.
- `relaxed`: as `standard`, without the least amounts of data, for tests and prototypes: a handful of rows trains.
  Metrics are 0 where no user can be held out.

Limits are of three kinds:
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_kinds(), "", *_tables()])


def _kinds() -> Iterator[str]:
    yield _row("kind", *(f"`{profile}`" for profile in PROFILES), "what it limits")
    yield _row(*["---"] * 5)
    for kind, meaning in MEANINGS.items():
        some = Limit("", "", "", kind)
        kept = ("kept" if some.holds(profile) else "no" for profile in PROFILES)
        yield _row(kind.name.lower(), *kept, meaning)


def _tables() -> Iterator[str]:
    for group, limits in groupby(LIMITS, key=lambda limit: limit.group):
        yield from (f"## {group.capitalize()}", "")
        yield _row("limit", "on AWS", *(f"`{profile}`" for profile in PROFILES), "kind")
        yield _row(*["---"] * 6)
        for limit in limits:
            kept = (limit.instead or ("kept" if limit.holds(profile) else "no") for profile in PROFILES)
            yield _row(limit.what, limit.value, *kept, limit.kind.name.lower())
        yield ""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
