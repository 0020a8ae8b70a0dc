"""A thread that looks at the database again and again, and at once when a request asks it to."""

import asyncio
import logging
import threading
import traceback
from collections.abc import Callable

log = logging.getLogger(__name__)

POLL_S = 0.2


class Poller:
    """Keeps something fresh that requests read without waiting."""

    def __init__(
        self, name: str, look: Callable[[], None], *, before: Callable[[], None] | None = None
    ) -> None:
        """`look` does the reading; `before` is called once, in the thread, before the first look."""
        self._name = name
        self._look = look
        self._before = before
        self._waiting: list[asyncio.Future[None]] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._reason = f"the {name} have not been loaded yet: wait"
        self._is_failing = False

    def start(self) -> None:
        """Start the thread."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def reason(self) -> str:
        """Why there has been no look yet; empty when there has."""
        return self._reason

    def looked_again(self) -> "asyncio.Future[None]":
        """Done when the database has been looked at after this call; those who wait share one look."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append(answer)
        self._wake.set()
        return answer

    def _run(self) -> None:
        if self._before is not None:
            self._before()
        while not self._stopping:
            self._wake.clear()
            with self._lock:
                waiting, self._waiting = self._waiting, []
            error = self._try()
            if waiting:
                waiting[0].get_loop().call_soon_threadsafe(_answer, waiting, error)
            self._wake.wait(POLL_S)

    def _try(self) -> Exception | None:
        try:
            self._look()
        except Exception as error:  # noqa: BLE001  (the next look tries again; said once, not five times a second)
            if not self._is_failing:
                # Where it happened, but not what the error says: that may be a customer's value.
                where = traceback.format_list(traceback.extract_tb(error.__traceback__))
                log.error(
                    "the %s cannot be read",
                    self._name,
                    extra={"error": type(error).__name__, "where": "".join(where)},
                )
            self._is_failing = True
            return error
        self._is_failing = False
        self._reason = ""
        return None


def _answer(waiting: list["asyncio.Future[None]"], error: Exception | None) -> None:
    for answer in waiting:
        if answer.done():
            continue
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception(error)
