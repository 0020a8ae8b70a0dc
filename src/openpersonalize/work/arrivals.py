"""Whether something to learn from has arrived in a dataset group since a time."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from openpersonalize.storage.log_tables import ActionInteractionRow, EventRow, RecordRow
from openpersonalize.storage.tables import DatasetGroupRow, DatasetRow, GenerationRow

SLACK_S = 3_600.0
"""How far the clocks of processes may be apart, and a time in the log behind an earlier one."""


def have_arrived(
    session: Session,
    dataset_group_arn: str,
    since: float,
    *,
    with_actions: bool,
    with_records: bool = False,
) -> bool:
    """Whether interactions were imported or sent after a time.

    `with_actions`: interactions with actions, too; `with_records`: items, users and actions, too.
    """
    group = session.scalar(select(DatasetGroupRow.id).where(DatasetGroupRow.arn == dataset_group_arn)) or 0
    types = ["INTERACTIONS"]
    types += ["ACTION_INTERACTIONS"] if with_actions else []
    types += ["ITEMS", "USERS", "ACTIONS"] if with_records else []
    of_group = DatasetRow.dataset_group_arn == dataset_group_arn
    datasets = session.scalars(
        select(DatasetRow.id).where(of_group, DatasetRow.dataset_type.in_(types))
    ).all()
    imported = select(GenerationRow.id).where(
        GenerationRow.dataset_id.in_(datasets), GenerationRow.active, GenerationRow.created_at > since
    )
    done = select(ActionInteractionRow.id).where(
        ActionInteractionRow.dataset_id.in_(datasets), ActionInteractionRow.received_at > since
    )
    put = select(RecordRow.id).where(RecordRow.dataset_id.in_(datasets), RecordRow.received_at > since)
    return (
        session.scalar(imported.limit(1)) is not None
        or _was_sent(session, group, since)
        or (with_records and session.scalar(put.limit(1)) is not None)
        or (with_actions and session.scalar(done.limit(1)) is not None)
    )


def _was_sent(session: Session, group: int, since: float) -> bool:
    """Whether an event came to a group after a time.

    No index has the time. So only the end of the log is read; of a million events that are older, an index
    over the group's events would have each looked at, which takes seconds.
    """
    query = select(EventRow.id).limit(1)
    if since <= 0:
        return session.scalar(query.where(EventRow.dataset_group_id == group)) is not None
    start = _last_before(session, since - SLACK_S)
    # The zero keeps the database from using that index.
    query = query.where(EventRow.id > start, EventRow.dataset_group_id + 0 == group)
    return session.scalar(query.where(EventRow.received_at > since)) is not None


def _last_before(session: Session, time: float) -> int:
    """A row number such that all events after it came later than a time; by bisection."""
    low, high = 0, session.scalar(select(func.max(EventRow.id))) or 0
    while low < high:
        middle = (low + high) // 2
        query = select(EventRow.received_at).where(EventRow.id > middle).order_by(EventRow.id).limit(1)
        if (session.scalar(query) or 0.0) > time:
            high = middle
        else:
            low = middle + 1
    return low
