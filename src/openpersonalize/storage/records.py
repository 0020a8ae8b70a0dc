"""Rows by ARN and pages of rows, always within one account and region."""

from collections.abc import Sequence
from typing import Any, Literal, TypeVar, cast

from sqlalchemy import ColumnElement, CursorResult, Update, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from openpersonalize.protocol.arns import Scope
from openpersonalize.storage.tables import CounterRow, Resource

Row = TypeVar("Row", bound=Resource)
Lock = Literal["", "shared", "exclusive"]

DEPLOYMENTS = "deployments"
"""The counter to bump when a campaign begins, changes or ceases to serve."""

INDEXES = "indexes"
"""The counter to bump when a dataset gets another index, or is deleted with the one that it has."""

FILTERS = "filters"
"""The counter to bump when a filter becomes usable or ceases to be."""

ERASURES = "erased-events"
"""The counter to bump when events are deleted from the log."""


def find(
    session: Session,
    table: type[Row],
    arn: str,
    scope: Scope,
    *,
    lock: Lock = "",
) -> Row | None:
    """The row of this ARN, or None where there is none or it is another account's or region's.

    A lock holds until the transaction ends: `shared` keeps a parent from being deleted while a child is
    added, `exclusive` keeps all others out. SQLite's writers have the whole database locked anyway.
    """
    query = select(table).where(table.arn == arn)
    row = session.scalar(query.with_for_update(read=lock == "shared") if lock else query)
    if row is None or (row.account, row.region) != (scope.account, scope.region):
        return None
    return row


def named(session: Session, table: type[Row], arn: str) -> Row:
    """The row of this ARN, which exists, whoever's it is; for jobs."""
    return session.scalars(select(table).where(table.arn == arn)).one()


def is_taken(session: Session, table: type[Row], arn: str) -> bool:
    """Whether there is a row of this ARN, whoever's it is; without the mapper, as each Create asks."""
    column = inspect(table).local_table.c.arn
    return session.execute(select(column).where(column == arn)).first() is not None


def page(
    session: Session,
    table: type[Row],
    scope: Scope,
    *,
    conditions: Sequence[ColumnElement[bool]] = (),
    after: int | None = None,
    size: int = 100,
    newest_first: bool = False,
) -> tuple[list[Row], int | None]:
    """Rows in order of creation, or in the reverse, and the id to go on after (None on the last page)."""
    query = select(table).where(table.account == scope.account, table.region == scope.region, *conditions)
    if after is not None:
        query = query.where(table.id < after if newest_first else table.id > after)
    order = table.id.desc() if newest_first else table.id.asc()
    rows = list(session.scalars(query.order_by(order).limit(size + 1)))
    return rows[:size], rows[size - 1].id if len(rows) > size else None


def change(session: Session, statement: Update) -> int:
    """Execute an update, in the caller's transaction; says how many rows it changed."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


def bump(session: Session, counter: str) -> None:
    """Add one to a counter, in the caller's transaction."""
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(CounterRow).values(name=counter, value=1)
    session.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"value": CounterRow.value + 1})
    )


def counter(session: Session, name: str) -> int:
    """A counter's value; 0 before its first bump."""
    return session.scalar(select(CounterRow.value).where(CounterRow.name == name)) or 0
