"""The supervisor: one process that starts the others, restarts what dies, and ends all of them together."""

import errno
import http.client
import json
import logging
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from importlib.metadata import entry_points
from types import FrameType
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError

from openpersonalize import __version__
from openpersonalize.jobs import queue
from openpersonalize.jobs.worker import owner_prefix
from openpersonalize.logs import configure_logging
from openpersonalize.roles.children import Child, environment_of
from openpersonalize.roles.http_server import listen
from openpersonalize.roles.lock import DataDirectoryLock
from openpersonalize.roles.tables import prepare_tables
from openpersonalize.settings import Settings, SettingsError, refuse_own_endpoint
from openpersonalize.storage.database import Database
from openpersonalize.storage.stores import open_stores

log = logging.getLogger(__name__)

Only = Literal["api", "runtime"]

STOP_S = 15.0
"""Seconds that children have to end after SIGTERM, before SIGKILL."""
LOOK_EVERY_S = 0.2
BIND_S = 5.0
"""The API processes of a supervisor that was just killed may still be closing the port."""
SLOW_START_S = 20.0


Beside = Callable[[Settings], AbstractContextManager[None]]


def serve(
    settings: Settings,
    only: Only | None = None,
    *,
    migrate: bool = True,
    beside: Beside = lambda _: nullcontext(),
) -> None:
    """Run API processes and workers until SIGTERM or SIGINT; `only="api"` leaves the workers out.

    `beside` is entered when data directory and port are this server's own, with the settings in force.
    Prints one line with the URL when requests are answered. Raises SettingsError, whose text is for the
    operator, also where a process cannot start.
    """
    if only == "runtime":
        raise SettingsError("not built yet: --only runtime; use --only api, which answers the runtime too.")
    configure_logging(settings.log_level)
    _check_plugins()
    with _data_directory(settings, "serve", migrate=migrate) as node:
        listener = _bind(settings)
        settings = replace(settings, port=listener.getsockname()[1])
        if settings.s3_endpoint_url:
            refuse_own_endpoint(settings, settings.s3_endpoint_url)  # the port may have been 0 before
        api = _api_children(settings, listener)
        workers = [] if only == "api" else _worker_children(settings, node)
        with beside(settings):
            _Supervisor(settings, node, api=api, workers=workers, listener=listener).run()


def work(settings: Settings, *, migrate: bool = True) -> None:
    """Run workers alone, on the database and data directory of a server; else like `serve`."""
    configure_logging(settings.log_level)
    _check_plugins()
    with _data_directory(settings, "work", migrate=migrate) as node:
        workers = _worker_children(replace(settings, workers=max(settings.workers, 1)), node)
        _Supervisor(settings, node, api=[], workers=workers).run()


def _check_plugins() -> None:
    """Raise SettingsError for a recipe of another package that cannot be used."""
    if any(entry_points(group="openpersonalize.recipes")):
        from openpersonalize.recipes.catalogue import model_kinds  # noqa: PLC0415  (50 MB that few need)

        model_kinds()


class _Supervisor:
    """Watches children until it is told to stop."""

    def __init__(
        self,
        settings: Settings,
        node: str,
        *,
        api: Sequence[Child],
        workers: Sequence[Child],
        listener: socket.socket | None = None,
    ) -> None:
        self.settings, self.node, self.listener = settings, node, listener
        self.workers = workers
        self.children = [*api, *workers]
        self.database = Database(settings.database)
        self._announced = not api
        self._stop = threading.Event()
        self._wake = threading.Event()

    def run(self) -> None:
        """Start and watch; returns after SIGTERM or SIGINT, when all children have ended."""
        restore = self._handle_signals()
        try:
            # Whoever held a lease from this data directory is dead, or about to die: its lock was free.
            self._release(f"{self.node}:", is_fault=False)
            self._watch()
        finally:
            self._end_children()
            restore()
            self.database.dispose()

    def _watch(self) -> None:
        slow_at = time.monotonic() + SLOW_START_S
        while not self._stop.is_set():
            for child in self.children:
                self._look(child)
            if not self._announced and self._is_ready():
                self._announced = True
                sys.stdout.write(f"OpenPersonalize {__version__} is ready at {self.settings.url}\n")
                sys.stdout.flush()
            if not self._announced and time.monotonic() > slow_at:
                slow_at = time.monotonic() + SLOW_START_S
                log.warning("not ready yet", extra={"checks": _readiness(self.settings)[1]})
            self._wake.wait(LOOK_EVERY_S)
            self._wake.clear()

    def _look(self, child: Child) -> None:
        dead = child.look()
        if dead is not None and child in self.workers:
            self._release(owner_prefix(self.node, dead), is_fault=True)

    def _release(self, prefix: str, *, is_fault: bool) -> None:
        """Give back leases at once; where the database is away, they expire by themselves."""
        try:
            released = queue.release(self.database, prefix, is_fault=is_fault)
        except SQLAlchemyError as error:
            log.warning("leases could not be given back", extra={"error": type(error).__name__})
            return
        if released:
            log.warning("gave back the jobs of dead workers", extra={"workers": prefix, "jobs": released})

    def _is_ready(self) -> bool:
        return _readiness(self.settings)[0]

    def _handle_signals(self) -> Callable[[], None]:
        def stop(_number: int, _frame: FrameType | None) -> None:
            self._stop.set()
            self._wake.set()

        def wake(_number: int, _frame: FrameType | None) -> None:
            self._wake.set()

        handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGCHLD: wake}
        former = {number: signal.signal(number, handler) for number, handler in handlers.items()}

        def restore() -> None:
            for number, handler in former.items():
                signal.signal(number, handler)

        return restore

    def _end_children(self) -> None:
        if self.listener is not None:
            # New connections are to be refused, not to wait for a server that does not come back.
            self.listener.close()
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_S
        while time.monotonic() < deadline and any(process.poll() is None for process in running):
            self._wake.wait(0.05)
            self._wake.clear()
        for process in running:
            process.kill()
            process.wait()
        self._release(f"{self.node}:", is_fault=False)


@contextmanager
def _data_directory(settings: Settings, purpose: str, *, migrate: bool) -> Iterator[str]:
    """Hold the data directory and have the tables in order; gives the name of this node's workers."""
    lock = DataDirectoryLock(settings.data_dir, purpose)
    try:
        prepare_tables(settings, migrate=migrate)
        yield f"{_node(settings)}/{purpose}"
    finally:
        lock.close()


def _node(settings: Settings) -> str:
    """A lasting name of this data directory, by which leases tell whose workers hold them.

    Not the host's: a container has another one after each restart.
    """
    open_stores(settings.data_dir, settings.database, limits=settings.limits).database.dispose()
    path = settings.data_dir / "node"
    if not path.exists():
        path.write_text(uuid.uuid4().hex[:12], encoding="ascii")
    return path.read_text(encoding="ascii").strip()


def _bind(settings: Settings) -> socket.socket:
    deadline = time.monotonic() + BIND_S
    while True:
        try:
            return listen(settings.host, settings.port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                where = f"{settings.host} port {settings.port}"
                raise SettingsError(
                    f"cannot listen on {where} ({error.strerror}): {_remedy(error)}"
                ) from error
        time.sleep(0.1)


def _remedy(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is another server running? Choose another port with OPENPERSONALIZE_PORT or --port."
    if error.errno in (errno.EACCES, errno.EPERM):
        return "choose a port above 1023 with OPENPERSONALIZE_PORT or --port."
    return "give an address of this machine with OPENPERSONALIZE_HOST or --host."


def _api_children(settings: Settings, listener: socket.socket) -> list[Child]:
    number = listener.fileno()
    return [
        Child(
            name=f"API {index + 1}",
            module="openpersonalize.roles.api_child",
            arguments=["--listener", str(number)],
            environment=environment_of(settings),
            descriptors=[number],
        )
        for index in range(settings.processes)
    ]


def _worker_children(settings: Settings, node: str) -> list[Child]:
    return [
        Child(
            name=f"worker {index + 1}",
            module="openpersonalize.roles.worker",
            arguments=["--node", node],
            environment=environment_of(settings),
        )
        for index in range(settings.workers)
    ]


def _readiness(settings: Settings) -> tuple[bool, object]:
    """Whether the server answers /readyz with 200, and what its checks say."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  (compared, not bound)
    connection = http.client.HTTPConnection(host, settings.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status == http.HTTPStatus.OK, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        return False, type(error).__name__
    finally:
        connection.close()
