"""The operations of the events API: PutEvents, and those that put records one by one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from openpersonalize.domain.limits import EVENT_BYTES
from openpersonalize.errors import InvalidInputException
from openpersonalize.events import ingest
from openpersonalize.events.records import RecordWriter
from openpersonalize.events.refusals import check_sizes
from openpersonalize.events.shapes import (
    PutActionInteractionsRequest,
    PutActionsRequest,
    PutEventsRequest,
    PutItemsRequest,
    PutUsersRequest,
)
from openpersonalize.events.trackers import Tracker, Trackers
from openpersonalize.protocol.call import Call, CallHandler
from openpersonalize.protocol.dialect import decode
from openpersonalize.protocol.operation import Operation, Operations
from openpersonalize.protocol.shapes import Shape, read
from openpersonalize.storage.event_writer import EventWriter
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tail import Tail


class Events:
    """The events API of one process; its handlers run on the event loop."""

    def __init__(self, stores: Stores, tail: Tail) -> None:
        # Nothing but the database, which has a check of its own, keeps a process from taking events.
        self.checks: Mapping[str, Callable[[], str]] = {}
        self._clock = stores.clock
        self._trackers = Trackers(stores.database)
        self.writer = EventWriter(stores.database, tail.add_own)
        self.records = RecordWriter(stores)
        built: Mapping[str, tuple[type[Shape], CallHandler]] = {
            "PutEvents": (PutEventsRequest, self.put_events),
            "PutItems": (PutItemsRequest, self.put_items),
            "PutUsers": (PutUsersRequest, self.put_users),
            "PutActions": (PutActionsRequest, self.put_actions),
            "PutActionInteractions": (PutActionInteractionsRequest, self.put_action_interactions),
        }
        self.handlers: Mapping[str, CallHandler] = {name: handler for name, (_, handler) in built.items()}
        self.operations = Operations()
        for name, (shape, handler) in built.items():
            self.operations.add(Operation(name, shape, None, handler))

    def start(self) -> None:
        """Start the writers."""
        self.writer.start()
        self.records.start()

    def stop(self) -> None:
        """Commit what is queued and stop."""
        self.records.stop()
        self.writer.stop()

    def put_events(self, call: Call) -> Awaitable[bytes]:
        """Record up to ten events of one user; answered when they are durable."""
        document = decode(call.body)
        request = read(PutEventsRequest, document)
        if len(call.body) > EVENT_BYTES:
            check_sizes("eventList", document["eventList"])
        tracker = self._trackers.fresh(request.tracking_id, call.scope)
        cids = ingest.cids_of(request)
        if tracker is None or (cids and not self._trackers.knows(tracker, cids)):
            return self._after_look_up(request, call, cids)
        return self._store(request, tracker)

    async def _after_look_up(self, request: PutEventsRequest, call: Call, cids: set[str]) -> bytes:
        return await self._store(request, await self._trackers.look_up(request.tracking_id, call.scope, cids))

    def _store(self, request: PutEventsRequest, tracker: Tracker) -> "asyncio.Future[bytes]":
        if tracker.columns is None:
            raise InvalidInputException(
                "The dataset group of this tracking id has no active Interactions dataset: create one first; "
                "it may be empty."
            )
        events = ingest.rows(
            request,
            tracker.columns,
            tracker.sources,
            dataset_group_id=tracker.dataset_group_id,
            received_at=self._clock(),
        )
        return self.writer.append(events)

    def put_items(self, call: Call) -> Awaitable[bytes]:
        """Add up to ten items, or replace them; answered when they are durable."""
        request = read(PutItemsRequest, decode(call.body))
        given = [(item.item_id, item.properties) for item in request.items]
        return self.records.put_records(request.dataset_arn, "ITEMS", given, call.scope)

    def put_users(self, call: Call) -> Awaitable[bytes]:
        """Add up to ten users, or replace them; answered when they are durable."""
        request = read(PutUsersRequest, decode(call.body))
        given = [(user.user_id, user.properties) for user in request.users]
        return self.records.put_records(request.dataset_arn, "USERS", given, call.scope)

    def put_actions(self, call: Call) -> Awaitable[bytes]:
        """Add up to ten actions, or replace them; answered when they are durable."""
        request = read(PutActionsRequest, decode(call.body))
        given = [(action.action_id, action.properties) for action in request.actions]
        return self.records.put_records(request.dataset_arn, "ACTIONS", given, call.scope)

    def put_action_interactions(self, call: Call) -> Awaitable[bytes]:
        """Record up to ten interactions with actions; answered when they are durable."""
        document = decode(call.body)
        request = read(PutActionInteractionsRequest, document)
        if len(call.body) > EVENT_BYTES:
            check_sizes("actionInteractions", document["actionInteractions"])
        return self.records.put_action_interactions(request, call.scope)
