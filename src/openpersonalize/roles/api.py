"""The composition root of an API process: control plane, runtime and events on one port."""

import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI

from openpersonalize.control import service
from openpersonalize.control.service import THREADS, ControlPlane
from openpersonalize.logs import configure_logging
from openpersonalize.protocol.front import Front
from openpersonalize.roles.health import Check, checks_of
from openpersonalize.roles.http_server import make_server
from openpersonalize.roles.site import build_site
from openpersonalize.settings import Settings
from openpersonalize.storage.stores import Stores, open_stores


def build_api(settings: Settings, stores: Stores) -> Front:
    """The ASGI app of an API process; its lifespan opens and closes what it runs."""
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="control")
    control = ControlPlane(stores, settings, threads)
    checks: dict[str, Check] = checks_of(stores)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            threads.shutdown(wait=True)

    site = build_site(list(service.operations), checks, lifespan)
    return Front(
        control=control.handlers(),
        rest={},
        known=service.KNOWN,
        other=site,
        region=settings.region,
    )


def run_api(settings: Settings, listener: socket.socket) -> None:
    """Serve on a listening socket until SIGTERM or SIGINT; one process, uvloop, no access log."""
    configure_logging(settings.log_level)
    stores = open_stores(settings.data_dir, settings.database)
    try:
        make_server(build_api(settings, stores)).run(sockets=[listener])
    finally:
        stores.database.dispose()
