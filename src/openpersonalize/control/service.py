"""The control plane as a whole: all of its operations in one table, and the edge where transactions are."""

import asyncio
import contextvars
import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from openpersonalize.control import (
    batch_inference_jobs,
    batch_segment_jobs,
    campaigns,
    data_deletion_jobs,
    dataset_export_jobs,
    dataset_groups,
    dataset_import_jobs,
    datasets,
    event_trackers,
    filters,
    metric_attributions,
    recipes,
    recommenders,
    schemas,
    solution_versions,
    solutions,
    tags,
)
from openpersonalize.control.answers import can_be_repeated, keep_answer, kept_answer
from openpersonalize.control.context import Context
from openpersonalize.control.resource import already_exists
from openpersonalize.errors import ApiError, ResourceInUseException
from openpersonalize.protocol.call import Call, CallHandler
from openpersonalize.protocol.dialect import decode
from openpersonalize.protocol.operation import Operation, Operations
from openpersonalize.protocol.shapes import read
from openpersonalize.storage.database import retry_on_contention
from openpersonalize.storage.stores import Stores

log = logging.getLogger(__name__)

# Each has a table `operations`; a name in two of them fails here, at import.
MODULES: tuple[ModuleType, ...] = (
    dataset_groups,
    schemas,
    datasets,
    dataset_import_jobs,
    event_trackers,
    recipes,
    solutions,
    solution_versions,
    campaigns,
    recommenders,
    filters,
    metric_attributions,
    batch_inference_jobs,
    batch_segment_jobs,
    dataset_export_jobs,
    data_deletion_jobs,
    tags,
)

operations = Operations()
for module in MODULES:
    operations.include(module.operations)

THREADS = 8
_READS = ("Describe", "List", "Get")


@dataclass(frozen=True)
class ControlPlane:
    """Answers the calls of the control plane, each in a thread and in one transaction."""

    stores: Stores
    threads: ThreadPoolExecutor

    def handlers(self) -> Mapping[str, CallHandler]:
        """The handlers of all operations."""
        return {operation.name: self.answer for operation in operations}

    async def answer(self, call: Call) -> bytes:
        """The bytes of the answer, after its transaction has been committed."""
        started = time.perf_counter()
        run = contextvars.copy_context().run
        try:
            answer = await asyncio.get_running_loop().run_in_executor(
                self.threads, run, self.answer_here, call
            )
        except ApiError as error:
            _log_answer("refused", call, started, code=error.code)
            raise
        _log_answer("answered", call, started)
        return answer

    def answer_here(self, call: Call) -> bytes:
        """The same in the calling thread; raises ApiError."""
        operation = operations[call.operation]
        request = read(operation.request, decode(call.body))
        try:
            return retry_on_contention(lambda: self._in_transaction(operation, request, call))
        except ApiError:
            answer = self._earlier_answer(call)
            if answer is None:
                raise
            return answer

    def _earlier_answer(self, call: Call) -> bytes | None:
        """The answer that the client did not get, where it sends a Create again."""
        if not can_be_repeated(call):
            return None
        with self.stores.database.read() as session:
            return kept_answer(session, call)

    def _in_transaction(self, operation: Operation, request: Any, call: Call) -> bytes:
        database = self.stores.database
        reads = operation.name.startswith(_READS)
        added: list[str] = []
        try:
            with database.read() if reads else database.write() as session:
                event.listen(session, "before_flush", _notes_arns(added))
                context = Context(session, call.scope, self.stores)
                # Within the transaction: what cannot be answered is not committed.
                made = operation.handler(request, context)
                answer = b"" if made is None else bytes(made.wire())
                if can_be_repeated(call):
                    keep_answer(session, call, answer, self.stores.clock())
                return answer
        except IntegrityError as error:
            explained = _explained(error, added)
            if explained is None:
                raise
            raise explained from error


def _log_answer(message: str, call: Call, started: float, **more: str) -> None:
    milliseconds = round(1000 * (time.perf_counter() - started), 1)
    log.info(message, extra={"operation": call.operation, "milliseconds": milliseconds, **more})


def _notes_arns(added: list[str]) -> Any:
    def note(session: Session, *_: object) -> None:
        added.extend(row.arn for row in session.new if hasattr(row, "arn"))

    return note


def _explained(error: IntegrityError, added: list[str]) -> ApiError | None:
    """The caller's error behind a violated constraint: two requests raced past the handler's own check."""
    code = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None)
    if code in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "23505") and added:
        return already_exists(added[-1])
    if code in ("SQLITE_CONSTRAINT_FOREIGNKEY", "23503"):
        return ResourceInUseException(
            "Another request has just changed a resource that this one depends on: look at it and try again."
        )
    return None
