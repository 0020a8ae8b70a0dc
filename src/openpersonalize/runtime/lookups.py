"""What one request looks up. All of it is in memory, but for rare cases in which it is fetched first.

A request is answered by a plain function. Where that misses something it raises `NotInMemory`; then what is
missing is fetched, once, and the function is called again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from openpersonalize.errors import InvalidInputException
from openpersonalize.models import KINDS, Ranker
from openpersonalize.protocol.arns import Scope, resource_kind
from openpersonalize.runtime import filters
from openpersonalize.runtime.deployments import Deployment, Deployments
from openpersonalize.runtime.filters import ActiveFilter
from openpersonalize.runtime.indexes import NO_DATA, Events, Group, Indexes
from openpersonalize.storage.action_log import Done, read_done
from openpersonalize.storage.event_log import Position
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tail import Recents, Tail

Answer = bytes | Awaitable[bytes]
Fetch = Callable[[], Awaitable[Any]]


class NotInMemory(Exception):  # noqa: N818  (no error: a request that goes on when this has been fetched)
    """Something has to be fetched first."""

    def __init__(self, key: tuple[str, ...], fetch: Fetch) -> None:
        super().__init__()
        self.key = key
        self.fetch = fetch


class Memory:
    """What the requests of a process look things up in."""

    def __init__(self, stores: Stores, tail: Tail, kinds: Mapping[str, type[Ranker]] = KINDS) -> None:
        """`kinds`: the classes of models by what artifacts call them."""
        self.stores = stores
        self.tail = tail
        self.deployments = Deployments(stores, tail, kinds)
        self.indexes = Indexes(stores, tail)

    def answered(self, scope: Scope, answer: "Callable[[Lookups], bytes]") -> Answer:
        """What a function answers from what it looks up."""
        lookups = Lookups(self, scope)
        try:
            return answer(lookups)
        except NotInMemory as missing:
            return _answered_later(lookups, answer, missing)


async def _answered_later(
    lookups: "Lookups", answer: "Callable[[Lookups], bytes]", missing: NotInMemory
) -> bytes:
    while True:
        lookups.fetched[missing.key] = await missing.fetch()
        lookups.look_anew()
        try:
            return answer(lookups)
        except NotInMemory as another:
            missing = another


class Lookups:
    """The look-ups of one request; each thing is fetched at most once."""

    __slots__ = ("_indexes", "_memory", "_scope", "fetched")

    def __init__(self, memory: Memory, scope: Scope) -> None:
        self._memory = memory
        self._scope = scope
        self.fetched: dict[tuple[str, ...], Any] = {}
        self.look_anew()

    def look_anew(self) -> None:
        """See what is in memory now; until the next call a filter and the data that it reads fit together."""
        self._indexes = self._memory.indexes.snapshot

    def deployment(self, arn: str, kind: str) -> Deployment:
        """What serves under an ARN, of a kind, `campaign` or `recommender`. Raises InvalidInputException."""
        deployment = self._memory.deployments.snapshot.get(arn)
        if deployment is not None and deployment.kind == kind and self._is_own(deployment):
            return deployment
        key = ("deployment", arn)
        is_possible = deployment is None and resource_kind(arn) == kind and self._scope.owns(arn)
        if not is_possible or key in self.fetched:
            raise InvalidInputException(f"{arn} does not exist or is not active yet.")
        # What the snapshot does not have may be ACTIVE since a moment ago.
        raise NotInMemory(key, self._memory.deployments.poller.looked_again)

    def filter(self, arn: str) -> ActiveFilter:
        """A filter. Raises ResourceNotFoundException, InvalidInputException for one that is not ACTIVE."""
        found = self._indexes.filters.get(arn)
        if found is not None and self._is_own(found):
            return found
        key = ("filter", arn)
        if found is not None or not self._scope.owns(arn) or key in self.fetched:
            raise filters.unusable(arn, self.fetched.get(key))
        raise NotInMemory(key, lambda: self._look_for(arn))

    async def _look_for(self, arn: str) -> str | None:
        """Look again, and say what state a filter is in that is still not among the ACTIVE ones."""
        await self._memory.indexes.poller.looked_again()
        if arn in self._memory.indexes.snapshot.filters:
            return None
        return await asyncio.to_thread(self._status_of, arn)

    def _status_of(self, arn: str) -> str | None:
        with self._memory.stores.database.read() as session:
            return filters.status_of(session, arn, self._scope)

    def _is_own(self, found: Deployment | ActiveFilter) -> bool:
        return found.account == self._scope.account and found.region == self._scope.region

    def group(self, dataset_group_id: int) -> Group:
        """What is known of a dataset group's data."""
        return self._indexes.groups.get(dataset_group_id, NO_DATA)

    def look_again_for_records(self) -> None:
        """Look once more at the database for records that a deployment needs: they are indexed before it."""
        if ("records",) not in self.fetched:
            raise NotInMemory(("records",), self._memory.indexes.poller.looked_again)

    def recent(self, deployment: Deployment, user_id: str) -> Recents:
        """What a user did since the training, oldest first."""
        tail, group, watermark = self._memory.tail, deployment.dataset_group_id, deployment.watermark
        recents = tail.recent(group, user_id, watermark)
        if recents is not None:
            return recents
        key = ("recent", user_id)
        if key not in self.fetched:
            raise NotInMemory(key, lambda: asyncio.to_thread(tail.load, group, user_id, watermark))
        found: Recents = self.fetched[key]
        return found

    def since(self, dataset_group_id: int, events: Events, user_id: str) -> list[tuple[str, str]]:
        """Item and type of what a user did since an index was made, newest first."""
        tail, watermark = self._memory.tail, events.watermark
        recents = tail.whole(dataset_group_id, user_id, watermark)
        if recents is not None:
            return [
                (recent.item_id, recent.event_type)
                for recent in reversed(recents)
                if (recent.txid, recent.id) > watermark
            ]
        key = ("since", user_id)
        if key not in self.fetched:
            raise NotInMemory(
                key, lambda: asyncio.to_thread(tail.load_types, dataset_group_id, user_id, watermark)
            )
        found: list[tuple[str, str]] = self.fetched[key]
        return found

    def done(self, dataset_group_id: int, user_id: str, after: Position) -> list[Done]:
        """What a user did with actions after a position, newest first; read from SQL by each request."""
        key = ("done", user_id, str(after))
        if key not in self.fetched:
            raise NotInMemory(
                key, lambda: asyncio.to_thread(self._read_done, dataset_group_id, user_id, after)
            )
        found: list[Done] = self.fetched[key]
        return found

    def _read_done(self, dataset_group_id: int, user_id: str, after: Position) -> list[Done]:
        with self._memory.stores.database.read() as session:
            return read_done(session, dataset_group_id, user_id, after)

    @property
    def now(self) -> float:
        """The time of the request, epoch seconds."""
        return self._memory.stores.clock()

    @property
    def sees_newest_only(self) -> bool:
        """Whether filters look at the newest events of each type only."""
        return self._memory.stores.limits.amounts
