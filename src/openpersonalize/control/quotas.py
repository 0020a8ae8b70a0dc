"""How many objects and running jobs an account may have; held under the `aws` profile alone."""

from sqlalchemy import ColumnElement, func, select

from openpersonalize.control.context import Context
from openpersonalize.control.resource import UNDER_WAY
from openpersonalize.errors import LimitExceededException
from openpersonalize.storage import records
from openpersonalize.storage.tables import Lifecycle, Resource

_RUNNING = (*UNDER_WAY, "PENDING", "IN_PROGRESS")


def keep_to_most_objects(
    context: Context, most: int, table: type[Resource], *conditions: ColumnElement[bool]
) -> None:
    """Raise LimitExceededException when there are `most` rows already that have not failed."""
    if issubclass(table, Lifecycle):
        conditions = (~table.status.endswith("FAILED"), *conditions)
    if _count(context, table, *conditions) >= most:
        raise LimitExceededException(
            f"More than {most} resources in ACTIVE state. Please delete some and try again."
        )


def keep_to_most_running(
    context: Context, most: int, table: type[Lifecycle], *conditions: ColumnElement[bool]
) -> None:
    """Raise LimitExceededException when the work of `most` rows is pending or under way already."""
    if _count(context, table, table.status.in_(_RUNNING), *conditions) >= most:
        raise LimitExceededException(f"More than {most} resources with PENDING or IN_PROGRESS status.")


def _count(context: Context, table: type[Resource], *conditions: ColumnElement[bool]) -> int:
    """How many rows of the caller's account and region meet the conditions; 0 where no quota holds."""
    if not context.stores.limits.amounts:
        return 0
    scope = context.scope
    # One after the other, so that two requests can't both take the last place.
    records.bump(context.session, f"quota/{scope.account}/{scope.region}")
    owned = (table.account == scope.account, table.region == scope.region)
    return context.session.scalar(select(func.count()).select_from(table).where(*owned, *conditions)) or 0
