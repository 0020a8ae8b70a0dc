"""Resources described once, and the operations that follow from the description."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import create_model
from sqlalchemy import ColumnElement

from openpersonalize.control.context import Context
from openpersonalize.errors import (
    ResourceAlreadyExistsException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from openpersonalize.jobs.lifecycle import Job, begin
from openpersonalize.protocol.operation import Operation, Operations
from openpersonalize.protocol.paging import DEFAULT_PAGE, last_key, next_token
from openpersonalize.protocol.shapes import Arn, MaxResults, NextToken, Shape
from openpersonalize.storage import records
from openpersonalize.storage.tables import CampaignRow, Lifecycle, RecommenderRow, SolutionRow
from openpersonalize.storage.tables import Resource as ResourceRow

Row = TypeVar("Row", bound=ResourceRow)
LifecycleRow = TypeVar("LifecycleRow", bound=Lifecycle)


def _from_row(shape: type[Shape]) -> Callable[[Any, Context], Shape]:
    return lambda row, context: shape.model_validate(row)


@dataclass(frozen=True)
class Resource(Generic[Row]):
    """What the operations of a resource need to know of it.

    `noun` is the member that Describe answers (`campaign`), `plural` the one of List; `words` stand in error
    texts; `to_full` and `to_summary` are for shapes that are not simply the row's columns.
    """

    noun: str
    words: str
    table: type[Row]
    full: type[Shape]
    summary: type[Shape]
    plural: str = ""
    parent: str = ""
    to_full: Callable[[Row, Context], Shape] | None = None
    to_summary: Callable[[Row, Context], Shape] | None = None
    missing: str = "The given {words} does not exist: {arn}"

    @property
    def arn_member(self) -> str:
        """The member that names one resource."""
        return f"{self.noun}_arn"

    @property
    def list_member(self) -> str:
        """The member that holds many."""
        return self.plural or f"{self.noun}s"

    def get(self, context: Context, arn: str, *, lock: records.Lock = "") -> Row:
        """The row of an ARN. Raises ResourceNotFoundException; other accounts and regions don't exist."""
        row = records.find(context.session, self.table, arn, context.scope, lock=lock)
        if row is None:
            raise ResourceNotFoundException(self.missing.format(words=self.words, arn=arn))
        return row

    def get_for_child(self, context: Context, arn: str) -> Row:
        """The row, which cannot be deleted before the transaction ends. Raises ResourceNotFoundException."""
        return self.get(context, arn, lock="shared")

    def get_to_change(self, context: Context, arn: str) -> Row:
        """The row, kept from all other transactions until this one ends. Raises ResourceNotFoundException."""
        return self.get(context, arn, lock="exclusive")


def active_parent(context: Context, resource: Resource[LifecycleRow], arn: str) -> LifecycleRow:
    """The parent of something to be made: it exists, is ACTIVE, and stays so until the transaction ends.

    Raises ResourceNotFoundException or ResourceInUseException.
    """
    row = resource.get_for_child(context, arn)
    require_active(row, resource)
    return row


def require_active(row: Lifecycle, resource: Resource[Any]) -> None:
    """Raise ResourceInUseException unless the row is ACTIVE."""
    if row.status != "ACTIVE":
        raise ResourceInUseException(
            f"The {resource.words} is not ACTIVE but in state {row.status}: {row.arn}. "
            "Wait until it is, or use another one."
        )


def refuse_taken(context: Context, table: type[ResourceRow], arn: str) -> None:
    """Raise ResourceAlreadyExistsException when a resource of this ARN exists."""
    if records.is_taken(context.session, table, arn):
        raise already_exists(arn)


def already_exists(arn: str) -> ResourceAlreadyExistsException:
    """The error for a name that is taken."""
    return ResourceAlreadyExistsException(f"Another resource with Arn {arn} already exists.")


def identity(context: Context, arn: str, name: str) -> dict[str, Any]:
    """The columns that every new row has."""
    now = context.stores.clock()
    return {
        "arn": arn,
        "name": name,
        "account": context.scope.account,
        "region": context.scope.region,
        "creation_date_time": now,
        "last_updated_date_time": now,
    }


def start(context: Context, row: Lifecycle, job: Job) -> None:
    """Begin a phase of a row at the time of the request."""
    begin(context.session, row, job, now=context.stores.clock())


def refuse_dependants(
    context: Context, row: ResourceRow, table: type[ResourceRow], words: str, *conditions: ColumnElement[bool]
) -> None:
    """Raise ResourceInUseException, which names a row of `table` that meets the conditions."""
    found, _ = records.page(context.session, table, context.scope, conditions=conditions, size=1)
    if found:
        raise ResourceInUseException(
            f"{row.arn} is in use by the {words} {found[0].arn}: delete it, or wait until its work has ended."
        )


def refuse_existing(context: Context, table: type[ResourceRow], *conditions: ColumnElement[bool]) -> None:
    """Raise ResourceAlreadyExistsException, which names a row of `table` that meets the conditions."""
    found, _ = records.page(context.session, table, context.scope, conditions=conditions, size=1)
    if found:
        raise already_exists(found[0].arn)


UNDER_WAY = ("CREATE PENDING", "CREATE IN_PROGRESS", "CREATE STOPPING")


def refuse_update_under_way(row: SolutionRow | CampaignRow | RecommenderRow) -> None:
    """Raise ResourceInUseException while an update of the row has not ended."""
    status = (row.latest_update or {}).get("status", "")
    if status in UNDER_WAY:
        raise ResourceInUseException(f"{row.arn} has an update in state {status}: wait until that has ended.")


def _shape(name: str, **members: Any) -> type[Shape]:
    shape: type[Shape] = create_model(name, __base__=Shape, **members)
    return shape


def describe(operations: Operations, name: str, resource: Resource[Any]) -> None:
    """Add the operation that answers one resource in full."""
    member = resource.arn_member
    # The wire drops the underscore; without it, `schema` would hide pydantic's own.
    noun = f"{resource.noun}_"
    request_shape = _shape(f"{name}Request", **{member: (Arn, ...)})
    response_shape = _shape(f"{name}Response", **{noun: (resource.full, ...)})
    to_full = resource.to_full or _from_row(resource.full)

    def handler(request: Shape, context: Context) -> Shape:
        row = resource.get(context, getattr(request, member))
        return response_shape(**{noun: to_full(row, context)})

    handler.__doc__ = f"Describe a {resource.words}."
    operations.add(Operation(name, request_shape, response_shape, handler))


def _list_shapes(name: str, resource: Resource[Any]) -> tuple[type[Shape], type[Shape]]:
    members: dict[str, Any] = {resource.parent: (Arn | None, None)} if resource.parent else {}
    members |= {"next_token": (NextToken | None, None), "max_results": (MaxResults | None, None)}
    answers: dict[str, Any] = {
        resource.list_member: (list[resource.summary], ...),  # type: ignore[name-defined]  # known when it runs
        "next_token": (NextToken | None, None),
    }
    return _shape(f"{name}Request", **members), _shape(f"{name}Response", **answers)


def list_(
    operations: Operations,
    name: str,
    resource: Resource[Any],
    *,
    check_parent: Callable[[Context, str], object] | None = None,
    newest_first: bool = False,
) -> None:
    """Add the operation that answers pages of summaries, oldest first unless the reverse is asked for.

    An unknown parent gives an empty list, unless `check_parent` raises for it.
    """
    request_shape, response_shape = _list_shapes(name, resource)
    to_summary = resource.to_summary or _from_row(resource.summary)

    def handler(request: Any, context: Context) -> Shape:
        parent = getattr(request, resource.parent) if resource.parent else None
        if parent is not None and check_parent is not None:
            check_parent(context, parent)
        filters = {resource.parent: parent} if resource.parent else {}
        conditions = [] if parent is None else [getattr(resource.table, resource.parent) == parent]
        rows, last = records.page(
            context.session,
            resource.table,
            context.scope,
            conditions=conditions,
            after=last_key(request.next_token, name, context.scope, filters, int),
            size=request.max_results or DEFAULT_PAGE,
            newest_first=newest_first,
        )
        token = None if last is None else next_token(last, name, context.scope, filters)
        summaries = [to_summary(row, context) for row in rows]
        return response_shape(**{resource.list_member: summaries, "next_token": token})

    handler.__doc__ = f"List the {resource.words}s, {'newest' if newest_first else 'oldest'} first."
    operations.add(Operation(name, request_shape, response_shape, handler))


def delete(
    operations: Operations,
    name: str,
    resource: Resource[Any],
    job: Job,
    *,
    prepare: Callable[[Context, Any], None] | None = None,
) -> None:
    """Add the operation that starts a deletion; `prepare` raises while something depends on the row."""
    member = resource.arn_member
    request_shape = _shape(f"{name}Request", **{member: (Arn, ...)})

    def handler(request: Shape, context: Context) -> None:
        row = resource.get_to_change(context, getattr(request, member))
        if prepare is not None:
            prepare(context, row)
        start(context, row, job)

    handler.__doc__ = f"Delete a {resource.words}."
    operations.add(Operation(name, request_shape, None, handler))
