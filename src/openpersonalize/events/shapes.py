"""The shapes of the events API."""

from typing import Annotated, ClassVar

from openpersonalize.domain.limits import MOST_RECORDS
from openpersonalize.protocol.shapes import Arn, Count, Number, Shape, Text

StringType = Annotated[str, Text(1, 256)]
UserId = Annotated[str, Text(1, 256, sensitive=True)]
ItemId = Annotated[str, Text(1, 256, sensitive=True)]
ActionId = Annotated[str, Text(1, 256, sensitive=True)]
RecommendationId = Annotated[str, Text(1, 40)]
EventAttributionSource = Annotated[
    str, Text(max_length=1024, pattern=r"^[\x20-\x7E]*[\x21-\x7E]+[\x20-\x7E]*$")
]
Date = Annotated[float, Number()]
"""Epoch seconds, UTC."""
EventProperties = Annotated[str, Text(1, 1024, sensitive=True)]
ItemProperties = Annotated[str, Text(1, 32_000, sensitive=True)]
UserProperties = Annotated[str, Text(1, 24_000, sensitive=True)]


class MetricAttribution(Shape):
    event_attribution_source: EventAttributionSource


class Event(Shape):
    sensitive: ClassVar[bool] = True

    event_id: StringType | None = None
    event_type: StringType
    event_value: Annotated[float, Number()] | None = None
    item_id: ItemId | None = None
    properties: EventProperties | None = None
    sent_at: Date
    recommendation_id: RecommendationId | None = None
    impression: Annotated[list[ItemId], Count(1, 25)] | None = None
    metric_attribution: MetricAttribution | None = None


class PutEventsRequest(Shape):
    tracking_id: StringType
    user_id: UserId | None = None
    session_id: StringType
    event_list: Annotated[list[Event], Count(1, MOST_RECORDS)]


class Item(Shape):
    item_id: StringType
    properties: ItemProperties | None = None


class PutItemsRequest(Shape):
    dataset_arn: Arn
    items: Annotated[list[Item], Count(1, MOST_RECORDS)]


class User(Shape):
    user_id: StringType
    properties: UserProperties | None = None


class PutUsersRequest(Shape):
    dataset_arn: Arn
    users: Annotated[list[User], Count(1, MOST_RECORDS)]


class Action(Shape):
    action_id: StringType
    properties: ItemProperties | None = None


class PutActionsRequest(Shape):
    dataset_arn: Arn
    actions: Annotated[list[Action], Count(1, MOST_RECORDS)]


class ActionInteraction(Shape):
    action_id: ActionId
    user_id: UserId | None = None
    session_id: StringType
    timestamp: Date
    event_type: StringType
    event_id: StringType | None = None
    recommendation_id: RecommendationId | None = None
    impression: Annotated[list[ActionId], Count(1, 25)] | None = None
    properties: EventProperties | None = None


class PutActionInteractionsRequest(Shape):
    tracking_id: StringType
    action_interactions: Annotated[list[ActionInteraction], Count(1, MOST_RECORDS)]
