"""From a PutEvents request to the rows of the event log."""

import math
from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from openpersonalize.domain.events import EventColumns
from openpersonalize.domain.limits import LATEST_TIME_S
from openpersonalize.domain.recommendation_ids import cid_of
from openpersonalize.errors import InvalidInputException
from openpersonalize.events import shapes
from openpersonalize.events.refusals import make_each
from openpersonalize.storage.event_log import Event

_encode = msgspec.json.encode


class _Sender(NamedTuple):
    """Whose events they are."""

    dataset_group_id: int
    user_id: str | None
    session_id: str
    sources: Mapping[str, str]
    received_at: float


def cids_of(request: shapes.PutEventsRequest) -> set[str]:
    """The parts of the events' recommendationIds that name campaigns and recommenders."""
    given = [event.recommendation_id for event in request.event_list if event.recommendation_id is not None]
    return {cid for text in given if (cid := cid_of(text)) is not None} if given else set()


def rows(
    request: shapes.PutEventsRequest,
    columns: EventColumns,
    sources: Mapping[str, str],
    *,
    dataset_group_id: int,
    received_at: float,
) -> list[Event]:
    """The events of a request as they are stored.

    `sources` are the ARNs of those that give out recommendationIds, by the constant part of these. Raises
    InvalidInputException, which names each event that the schema refuses.
    """
    sender = _Sender(dataset_group_id, request.user_id, request.session_id, sources, received_at)
    return make_each("eventList", request.event_list, lambda event: _row(event, columns, sender))


def _row(event: shapes.Event, columns: EventColumns, sender: _Sender) -> Event:
    matched = columns.match(event.properties)
    item_id = event.item_id if event.item_id is not None else matched.item_id
    if item_id is None:
        raise InvalidInputException("It has no itemId: the schema demands a value of ITEM_ID.")
    value = event.event_value if event.event_value is not None else matched.event_value
    if value is None and columns.needs_value:
        raise InvalidInputException("It has no eventValue: the schema demands a value of EVENT_VALUE.")
    timestamp = seconds("sentAt", event.sent_at)
    user_id = sender.user_id
    # A session and a user of the same name are two.
    owner = f"u{user_id}" if user_id is not None else f"s{sender.session_id}"
    said = f"{owner}\0{item_id}\0{event.event_type}\0{timestamp}\0{value}\0{matched.columns}"
    attribution = event.metric_attribution
    return Event(
        sender.dataset_group_id,
        blake2b(said.encode(), digest_size=16).digest(),
        event.event_id,
        user_id if user_id is not None else sender.session_id,
        user_id,
        sender.session_id,
        item_id,
        event.event_type,
        value,
        timestamp,
        matched.columns,
        event.recommendation_id,
        listed(event.impression),
        None if attribution is None else attribution.event_attribution_source,
        _source(event.recommendation_id, sender.sources),
        sender.received_at,
    )


def _source(recommendation_id: str | None, sources: Mapping[str, str]) -> str | None:
    """Who gave a recommendationId out; None if nobody of the dataset group did."""
    return None if recommendation_id is None else sources.get(cid_of(recommendation_id) or "")


def seconds(member: str, time_s: float) -> int:
    """Whole seconds since 1970, UTC. Raises InvalidInputException, which names the member."""
    if time_s > LATEST_TIME_S:
        raise InvalidInputException(
            f"{member} has more than ten digits before the point: give seconds since 1970, not milliseconds."
        )
    if time_s < 0:
        raise InvalidInputException(f"{member} is before 1970: give seconds since 1970, UTC.")
    return math.floor(time_s)


def listed(ids: list[str] | None) -> str | None:
    """Ids as a JSON list."""
    return None if ids is None else _encode(ids).decode()
