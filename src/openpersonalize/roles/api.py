"""The composition root of an API process: control plane, runtime and events on one port."""

import logging
import socket
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from typing import Protocol

from fastapi import FastAPI

from openpersonalize.control import service
from openpersonalize.control.dry_runs import DryRuns
from openpersonalize.control.service import THREADS, ControlPlane
from openpersonalize.events.operations import Events
from openpersonalize.logs import configure_logging
from openpersonalize.protocol.call import CallHandler
from openpersonalize.protocol.front import Front
from openpersonalize.protocol.operation import Operations
from openpersonalize.recipes.catalogue import model_kinds
from openpersonalize.roles.health import Check, checks_of
from openpersonalize.roles.http_server import make_server
from openpersonalize.roles.site import build_site
from openpersonalize.runtime.endpoints import Runtime
from openpersonalize.settings import Settings, is_loopback
from openpersonalize.storage.stores import Stores, open_stores
from openpersonalize.storage.tail import Tail

log = logging.getLogger(__name__)


class Part(Protocol):
    """What runs threads of its own."""

    def start(self) -> None:
        """Begin to work; called once the event loop runs."""

    def stop(self) -> None:
        """Finish what is under way."""


class Service(Part, Protocol):
    """A part of the API beside the control plane: the runtime, the events."""

    operations: Operations
    handlers: Mapping[str, CallHandler]
    checks: Mapping[str, Check]
    """What may keep this process from answering."""


def build_services(stores: Stores, tail: Tail) -> list[Service]:
    """The services of a process; both know the newest events through the tail."""
    return [Events(stores, tail), Runtime(stores, tail, kinds=model_kinds())]


def build_api(settings: Settings, stores: Stores) -> Front:
    """The ASGI app of an API process; its lifespan starts and stops what it runs."""
    tail = Tail(stores.database)
    services = build_services(stores, tail)
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="control")
    control = ControlPlane(stores, threads)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as running:
            running.callback(threads.shutdown)
            parts: list[Part] = [tail, *services]
            for part in parts:
                part.start()
                running.callback(part.stop)
            yield

    operations = [*service.operations, *(entry for each in services for entry in each.operations)]
    checks = checks_of(stores) | {name: check for each in services for name, check in each.checks.items()}
    return Front(
        control=control.handlers(),
        rest={name: handler for each in services for name, handler in each.handlers.items()},
        other=build_site(operations, checks, lifespan, region=settings.region),
        region=settings.region,
        is_remote=settings.allow_remote,
        own=DryRuns(stores, threads).handlers(),
    )


def run_api(settings: Settings, listener: socket.socket) -> None:
    """Serve on a listening socket until SIGTERM or SIGINT; one process, uvloop, no access log."""
    configure_logging(settings.log_level)
    if not is_loopback(settings.host):
        log.warning(
            "requests are not authenticated: whoever reaches this address can read and change everything",
            extra={"host": settings.host, "port": listener.getsockname()[1]},
        )
    stores = open_stores(settings.data_dir, settings.database, limits=settings.limits)
    try:
        make_server(build_api(settings, stores)).run(sockets=[listener])
    finally:
        stores.database.dispose()
