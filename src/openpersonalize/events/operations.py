"""The operations of the events API: PutEvents, and those whose records nothing reads yet."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from openpersonalize.errors import InvalidInputException, NotBuiltYet
from openpersonalize.events import ingest
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

NOT_BUILT: Mapping[str, type[Shape]] = {
    "PutItems": PutItemsRequest,
    "PutUsers": PutUsersRequest,
    "PutActions": PutActionsRequest,
    "PutActionInteractions": PutActionInteractionsRequest,
}


class Events:
    """The events API of one process; its handlers run on the event loop."""

    def __init__(self, stores: Stores, tail: Tail) -> None:
        # Nothing but the database, which has a check of its own, keeps a process from taking events.
        self.checks: Mapping[str, Callable[[], str]] = {}
        self._clock = stores.clock
        self._trackers = Trackers(stores.database)
        self.writer = EventWriter(stores.database, tail.add_own)
        self.handlers: Mapping[str, CallHandler] = {
            "PutEvents": self.put_events,
            **{name: _refuse(name, shape) for name, shape in NOT_BUILT.items()},
        }
        self.operations = Operations()
        self.operations.add(Operation("PutEvents", PutEventsRequest, None, self.put_events))
        for name, shape in NOT_BUILT.items():
            self.operations.add(Operation(name, shape, None, self.handlers[name]))

    def start(self) -> None:
        """Start the writer of the event log."""
        self.writer.start()

    def stop(self) -> None:
        """Commit what is queued and stop."""
        self.writer.stop()

    def put_events(self, call: Call) -> Awaitable[bytes]:
        """Record up to ten events of one user; answered when they are durable."""
        document = decode(call.body)
        request = read(PutEventsRequest, document)
        if len(call.body) > ingest.MAX_EVENT_BYTES:
            ingest.check_sizes(document)
        tracker = self._trackers.fresh(request.tracking_id, call.scope)
        if tracker is None:
            return self._after_look_up(request, call)
        return self._store(request, tracker)

    async def _after_look_up(self, request: PutEventsRequest, call: Call) -> bytes:
        return await self._store(request, await self._trackers.look_up(request.tracking_id, call.scope))

    def _store(self, request: PutEventsRequest, tracker: Tracker) -> "asyncio.Future[bytes]":
        if tracker.columns is None:
            raise InvalidInputException(
                "The dataset group of this tracking id has no active Interactions dataset: create one first; "
                "it may be empty."
            )
        events = ingest.rows(
            request,
            tracker.columns,
            dataset_group_id=tracker.dataset_group_id,
            received_at=self._clock(),
        )
        return self.writer.append(events)


def _refuse(name: str, shape: type[Shape]) -> Callable[[Call], bytes]:
    def refuse(call: Call) -> bytes:
        """Not built yet; refused after the request has been checked."""
        read(shape, decode(call.body))
        raise NotBuiltYet(name)

    return refuse
