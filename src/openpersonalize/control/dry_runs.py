"""Dry runs of filters: an endpoint of this server's own, which creates nothing.

A dry run reads the indexes of datasets, as requests do, and asks for those that are not made yet. It runs in
a thread of the control plane: it looks at all ids of a dataset group, which no recommendation has to.
"""

import asyncio
import contextvars
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.control.candidates import (
    Happened,
    Ids,
    add_items_of,
    add_records,
    add_users_of,
    candidates_of,
)
from openpersonalize.control.context import Context
from openpersonalize.control.dataset_groups import DATASET_GROUP
from openpersonalize.control.filters import FilterExpression
from openpersonalize.control.indexes import read_events, read_records
from openpersonalize.domain.limits import NEWEST_EVENTS
from openpersonalize.errors import ApiError, InvalidInputException, ServiceUnavailableException
from openpersonalize.filters.checking import Schemas, check
from openpersonalize.filters.dry_run import Clause, DryRun, dry_run
from openpersonalize.filters.masks import UNKNOWN, Situation, check_types
from openpersonalize.filters.parser import parse
from openpersonalize.filters.pictures import picture
from openpersonalize.filters.syntax import Filter, Target, render
from openpersonalize.filters.tokens import FilterError
from openpersonalize.filters.values import read_values
from openpersonalize.jobs.indexes import begin_index
from openpersonalize.jobs.lifecycle import INDEX_DATASET, UNFINISHED
from openpersonalize.protocol.arns import Scope
from openpersonalize.protocol.call import Call, CallHandler
from openpersonalize.protocol.dialect import decode
from openpersonalize.protocol.shapes import Arn, Count, Shape, Text, read
from openpersonalize.storage import records
from openpersonalize.storage.group_schemas import group_schemas
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import DatasetGroupRow, DatasetRow, JobRow

PATH = "/_openpersonalize/filters/test"
WAIT_S = 5.0
"""How long a request waits for indexes that are being made."""
LOOK_EVERY_S = 0.1
MOST_SHOWN = 10
"""Ids of what is kept."""

log = logging.getLogger(__name__)

Id = Annotated[str, Text(max_length=256, sensitive=True)]
ParameterName = Annotated[str, Text(max_length=50, pattern=r"[A-Za-z0-9_]+")]
ParameterValue = Annotated[str, Text(max_length=1000, sensitive=True)]


class DryRunRequest(Shape):
    dataset_group_arn: Arn
    filter_expression: FilterExpression
    user_id: Id | None = None
    item_id: Id | None = None
    filter_values: Annotated[dict[ParameterName, ParameterValue], Count(None, 25)] | None = None


class TriedClause(Shape):
    expression: str
    action: str
    applied: bool
    why: str | None = None
    """Why it is not applied."""
    matched: int
    kept: int
    removed: int


class DryRunResponse(Shape):
    target: str
    candidates: int
    kept: int
    kept_ids: list[str]
    clauses: list[TriedClause]


class WrongExpression(InvalidInputException):
    """A wrong expression, and its picture for whoever sent it."""

    def __init__(self, error: FilterError, expression: str) -> None:
        super().__init__(error.message)
        self._members: Mapping[str, str | int] = {
            "column": error.at + 1,
            "caret": picture(expression, error.at),
        }

    @property
    def code(self) -> str:
        return InvalidInputException.__name__

    @property
    def members(self) -> Mapping[str, str | int]:
        return self._members


# The records and the events that name what is filtered.
_SOURCES: Mapping[Target, tuple[str, str]] = {
    "ItemID": ("ITEMS", "INTERACTIONS"),
    "UserID": ("USERS", "INTERACTIONS"),
    "ActionID": ("ACTIONS", "ACTION_INTERACTIONS"),
}


@dataclass(frozen=True)
class _Question:
    """A request whose expression is right, and the datasets that its answer needs, by type."""

    request: DryRunRequest
    group: DatasetGroupRow
    tree: Filter
    schemas: Schemas
    datasets: Mapping[str, DatasetRow]


@dataclass(frozen=True)
class DryRuns:
    """Answers the requests for dry runs."""

    stores: Stores
    threads: ThreadPoolExecutor
    wait_s: float = WAIT_S

    def handlers(self) -> Mapping[str, CallHandler]:
        """The handler by its path."""
        return {PATH: self.answer}

    async def answer(self, call: Call) -> bytes:
        """The bytes of the answer. Raises ServiceUnavailableException while indexes are being made."""
        request = read(DryRunRequest, decode(call.body))
        run, loop = contextvars.copy_context().run, asyncio.get_running_loop()
        deadline = time.monotonic() + self.wait_s
        while True:
            found = await loop.run_in_executor(self.threads, run, self._try, request, call)
            if isinstance(found, bytes):
                log.info("tried a filter")
                return found
            if time.monotonic() > deadline:
                raise found
            await asyncio.sleep(LOOK_EVERY_S)

    def _try(self, request: DryRunRequest, call: Call) -> bytes | ApiError:
        """The answer, or what to say when it does not come in time."""
        with self.stores.database.read() as session:
            question = _asked(request, Context(session, call.scope, self.stores))
            missing = [row for row in question.datasets.values() if row.index_id is None]
            if not missing:
                return _answered(question, session, self.stores).wire()
        self._begin([row.arn for row in missing], call.scope)
        types = ", ".join(sorted(row.dataset_type for row in missing))
        return ServiceUnavailableException(
            f"The rows of {types} are being indexed for filters: send the request again in a moment."
        )

    def _begin(self, arns: Sequence[str], scope: Scope) -> None:
        """Have indexes made, but for those whose making is under way."""
        with self.stores.database.write() as session:
            for arn in arns:
                row = records.find(session, DatasetRow, arn, scope, lock="exclusive")
                jobs = (JobRow.resource_arn == arn, JobRow.kind == INDEX_DATASET.kind)
                under_way = session.scalar(select(JobRow.id).where(*jobs, JobRow.state.in_(UNFINISHED)))
                if row is not None and row.index_id is None and under_way is None:
                    begin_index(session, row, now=self.stores.clock())


def _asked(request: DryRunRequest, context: Context) -> _Question:
    """Check a request. Raises ResourceNotFoundException, WrongExpression or InvalidInputException."""
    group = DATASET_GROUP.get(context, request.dataset_group_arn)
    schemas = group_schemas(context.session, group.arn)
    try:
        tree = check(parse(request.filter_expression), schemas)
    except FilterError as error:
        raise WrongExpression(error, request.filter_expression) from None
    if tree.needs_current_item and request.item_id is None:
        raise InvalidInputException("The filter compares with CurrentItem: give the itemId of an item.")
    needed = {*_SOURCES[tree.target], *(["USERS"] if any(each.user for each in tree.expressions) else [])}
    rows = context.session.scalars(select(DatasetRow).where(DatasetRow.dataset_group_arn == group.arn))
    datasets = {row.dataset_type: row for row in rows if row.dataset_type in needed & schemas.keys()}
    return _Question(request, group, tree, schemas, datasets)


def _answered(question: _Question, session: Session, stores: Stores) -> DryRunResponse:
    request, tree, schemas = question.request, question.tree, question.schemas
    given = read_values(request.filter_values or {}, tree)
    check_types(tree, given, lambda dataset, name: _is_number(schemas, dataset, name))
    tables = {
        kind: read_records(session, stores.artifacts / str(row.index_id), row, schemas[kind])
        for kind, row in question.datasets.items()
        if schemas[kind].identifier
    }
    ids = Ids()
    source, _ = _SOURCES[tree.target]
    parts = add_records(ids, tables.get(source))
    happened = _add_events(ids, question, session, stores)
    users, items = tables.get("USERS"), tables.get("ITEMS")
    situation = Situation(
        given=given,
        user=users.find(request.user_id) if users else UNKNOWN,
        item=items.find(request.item_id) if items else UNKNOWN,
        events=happened or (lambda types: ids.add(())),
    )
    found = dry_run(tree, candidates_of(ids, parts), situation)
    return _shown(tree, found, ids)


def _add_events(ids: Ids, question: _Question, session: Session, stores: Stores) -> Happened | None:
    tree, user_id = question.tree, question.request.user_id
    dataset = question.datasets.get(_SOURCES[tree.target][1])
    if dataset is None:
        return None
    of_users = tree.target == "UserID"
    events = read_events(
        session,
        stores.artifacts / str(dataset.index_id),
        dataset,
        group_id=question.group.id,
        user_id=user_id,
        of_users=of_users,
    )
    if of_users:
        return add_users_of(ids, events)
    most = NEWEST_EVENTS[dataset.dataset_type] if stores.limits.amounts else None
    return add_items_of(ids, events, user_id, most=most)


def _is_number(schemas: Schemas, dataset: str, name: str) -> bool:
    columns = schemas[dataset.upper()].columns
    return any(column.name == name and column.type != "string" for column in columns)


def _shown(tree: Filter, found: DryRun, ids: Ids) -> DryRunResponse:
    n_candidates = len(found.kept)
    return DryRunResponse(
        target=tree.target,
        candidates=n_candidates,
        kept=int(found.kept.sum()),
        kept_ids=ids.of(found.kept, MOST_SHOWN),
        clauses=[_clause(clause, n_candidates) for clause in found.clauses],
    )


def _clause(clause: Clause, n_candidates: int) -> TriedClause:
    is_applied, is_included = not clause.why, clause.expression.action == "INCLUDE"
    n_kept = clause.n_matched if is_included else n_candidates - clause.n_matched
    return TriedClause(
        expression=render(Filter((clause.expression,))),
        action=clause.expression.action,
        applied=is_applied,
        why=clause.why or None,
        matched=clause.n_matched,
        kept=n_kept if is_applied else n_candidates,
        removed=n_candidates - n_kept if is_applied else 0,
    )
