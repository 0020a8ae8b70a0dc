"""Event trackers: the key with which an application sends events to a dataset group."""

import secrets
import uuid

from pydantic import Field

from openpersonalize.control.context import Context
from openpersonalize.control.dataset_groups import DATASET_GROUP
from openpersonalize.control.resource import (
    Resource,
    delete,
    describe,
    identity,
    list_,
    refuse_existing,
    require_active,
    start,
)
from openpersonalize.control.tags import Tags, keep_tags
from openpersonalize.jobs.lifecycle import CREATE_EVENT_TRACKER, DELETE_EVENT_TRACKER
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Name, Shape
from openpersonalize.storage.tables import EventTrackerRow

operations = Operations()


class CreateEventTrackerRequest(Shape):
    name: Name
    dataset_group_arn: Arn
    tags: Tags | None = None


class CreateEventTrackerResponse(Shape):
    event_tracker_arn: str
    tracking_id: str


class EventTrackerSummary(Shape):
    name: str
    event_tracker_arn: str = Field(validation_alias="arn")
    status: str
    creation_date_time: float
    last_updated_date_time: float


class EventTracker(EventTrackerSummary):
    account_id: str = Field(validation_alias="account")
    tracking_id: str
    dataset_group_arn: str


EVENT_TRACKER = Resource(
    noun="event_tracker",
    words="event tracker",
    table=EventTrackerRow,
    full=EventTracker,
    summary=EventTrackerSummary,
    parent="dataset_group_arn",
)


@operations.handles("CreateEventTracker")
def create_event_tracker(request: CreateEventTrackerRequest, context: Context) -> CreateEventTrackerResponse:
    """Create the event tracker of a dataset group; a group has at most one."""
    # Alone with the group, so that the second of two requests sees the first one's tracker.
    group = DATASET_GROUP.get_to_change(context, request.dataset_group_arn)
    require_active(group, DATASET_GROUP)
    refuse_existing(context, EventTrackerRow, EventTrackerRow.dataset_group_arn == group.arn)
    # The guide shows the name here; the service has a random id.
    arn = context.arn("event-tracker", secrets.token_hex(4))
    row = EventTrackerRow(
        **identity(context, arn, request.name), dataset_group_arn=group.arn, tracking_id=str(uuid.uuid4())
    )
    start(context, row, CREATE_EVENT_TRACKER)
    keep_tags(context, arn, request.tags)
    return CreateEventTrackerResponse(event_tracker_arn=arn, tracking_id=row.tracking_id)


describe(operations, "DescribeEventTracker", EVENT_TRACKER)
list_(operations, "ListEventTrackers", EVENT_TRACKER)
delete(operations, "DeleteEventTracker", EVENT_TRACKER, DELETE_EVENT_TRACKER)
