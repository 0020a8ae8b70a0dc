"""Our server, with a PutEvents that checks everything and stores nothing: what HTTP and validation cost."""

import argparse
import asyncio
import socket
from collections.abc import Sequence

from openpersonalize.events.operations import Events
from openpersonalize.roles import api
from openpersonalize.roles.http_server import make_server
from openpersonalize.settings import load_settings
from openpersonalize.storage.event_log import Event
from openpersonalize.storage.event_writer import EventWriter
from openpersonalize.storage.stores import Stores, open_stores
from openpersonalize.storage.tail import Tail


class NoWriter(EventWriter):
    """Answers at once."""

    def append(self, events: Sequence[Event]) -> "asyncio.Future[bytes]":
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        answer.set_result(b"")
        return answer


class EventsForNobody(Events):
    """The events API with that writer."""

    def __init__(self, stores: Stores, tail: Tail) -> None:
        super().__init__(stores, tail)
        self.writer = NoWriter(stores.database, tail.add_own)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listener", type=int, required=True)
    listener = socket.socket(fileno=parser.parse_args().listener)
    settings = load_settings()
    stores = open_stores(settings.data_dir, settings.database)
    api.Events = EventsForNobody
    make_server(api.build_api(settings, stores)).run(sockets=[listener])


if __name__ == "__main__":
    main()
