"""Tags of resources: given on creation or later, taken away, listed, and gone with the resource."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated

from sqlalchemy import delete, select

from openpersonalize.control.context import Context
from openpersonalize.domain.limits import MOST_TAGS
from openpersonalize.errors import (
    InvalidInputException,
    ResourceInUseException,
    ResourceNotFoundException,
    TooManyTagKeysException,
    TooManyTagsException,
)
from openpersonalize.jobs.lifecycle import DELETE
from openpersonalize.jobs.queue import lifecycle_tables, resource_table
from openpersonalize.protocol.arns import resource_kind
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Count, Shape, Text
from openpersonalize.storage import records
from openpersonalize.storage.tables import Lifecycle, TagRow

operations = Operations()

CHARACTERS = r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"
# These have ARNs and no tags.
NOT_TAGGABLE = ("schema", "metric-attribution")


TagKey = Annotated[str, Text(1, 128, CHARACTERS, sensitive=True)]


class Tag(Shape):
    """A key and a value."""

    tag_key: TagKey
    tag_value: Annotated[str, Text(0, 256, CHARACTERS, sensitive=True)]


Tags = Annotated[list[Tag], Count(0, 200)]


class ListTagsForResourceRequest(Shape):
    resource_arn: Arn


class ListTagsForResourceResponse(Shape):
    tags: Tags


class TagResourceRequest(Shape):
    resource_arn: Arn
    tags: Tags


class TagResourceResponse(Shape):
    pass


class UntagResourceRequest(Shape):
    resource_arn: Arn
    tag_keys: Annotated[list[TagKey], Count(0, 200)]


class UntagResourceResponse(Shape):
    pass


def keep_tags(context: Context, arn: str, tags: list[Tag] | None) -> None:
    """Store the tags of a new resource. Raises TooManyTagsException or InvalidInputException."""
    if not tags:
        return
    _check(tags)
    _refuse_too_many(len(tags))
    context.session.add_all(
        TagRow(resource_arn=arn, tag_key=tag.tag_key, tag_value=tag.tag_value) for tag in tags
    )


def _check(tags: list[Tag]) -> None:
    """Raise InvalidInputException for tags that no resource can have; it shows none of them."""
    repeated = [key for key, times in Counter(tag.tag_key for tag in tags).items() if times > 1]
    if repeated:
        raise InvalidInputException("Tag keys must be unique: the tags name one key more than once.")
    _refuse_reserved(tag.tag_key for tag in tags)


def _refuse_reserved(keys: Iterable[str]) -> None:
    if any(key.lower().startswith("aws:") for key in keys):
        raise InvalidInputException(
            "Tag keys must not begin with 'aws:', which is reserved: leave those out."
        )


def _refuse_too_many(n_tags: int) -> None:
    if n_tags > MOST_TAGS:
        raise TooManyTagsException(f"{n_tags} tags are too many: a resource has at most {MOST_TAGS}.")


@operations.handles("TagResource")
def tag_resource(request: TagResourceRequest, context: Context) -> TagResourceResponse:
    """Add tags to a resource; a tag of a key that it has takes the other's place."""
    _require_taggable(context, request.resource_arn, to_change=True)
    _check(request.tags)
    session = context.session
    rows = session.scalars(select(TagRow).where(TagRow.resource_arn == request.resource_arn))
    known = {row.tag_key: row for row in rows}
    _refuse_too_many(len(known.keys() | {tag.tag_key for tag in request.tags}))
    for tag in request.tags:
        if tag.tag_key in known:
            known[tag.tag_key].tag_value = tag.tag_value
        else:
            session.add(
                TagRow(resource_arn=request.resource_arn, tag_key=tag.tag_key, tag_value=tag.tag_value)
            )
    return TagResourceResponse()


@operations.handles("UntagResource")
def untag_resource(request: UntagResourceRequest, context: Context) -> UntagResourceResponse:
    """Take tags from a resource; keys that it has not are ignored."""
    _require_taggable(context, request.resource_arn, to_change=True)
    if len(request.tag_keys) > MOST_TAGS:
        raise TooManyTagKeysException(
            f"{len(request.tag_keys)} tag keys are too many: a resource has at most {MOST_TAGS} tags."
        )
    _refuse_reserved(request.tag_keys)
    context.session.execute(
        delete(TagRow).where(
            TagRow.resource_arn == request.resource_arn, TagRow.tag_key.in_(request.tag_keys)
        )
    )
    return UntagResourceResponse()


@operations.handles("ListTagsForResource")
def list_tags_for_resource(
    request: ListTagsForResourceRequest, context: Context
) -> ListTagsForResourceResponse:
    """List all tags of a resource."""
    _require_taggable(context, request.resource_arn)
    query = select(TagRow).where(TagRow.resource_arn == request.resource_arn).order_by(TagRow.tag_key)
    rows = context.session.scalars(query)
    return ListTagsForResourceResponse(tags=[Tag.model_validate(row) for row in rows])


def _require_taggable(context: Context, arn: str, *, to_change: bool = False) -> None:
    """Raise ResourceNotFoundException unless a resource is there and can have tags.

    To change its tags, it is kept from other transactions, so that no two add the last tags of the 50; and
    it must not be in its deletion, or ResourceInUseException is raised.
    """
    table = None if resource_kind(arn) in NOT_TAGGABLE else _table_of(arn)
    lock: records.Lock = "exclusive" if to_change else ""
    row = None if table is None else records.find(context.session, table, arn, context.scope, lock=lock)
    if row is None:
        raise ResourceNotFoundException(f"The given resource does not exist, or has no tags: {arn}")
    if to_change and row.status in (DELETE.pending, DELETE.running):
        raise ResourceInUseException(f"{arn} is in state {row.status}: a resource that goes takes no tags.")


def _table_of(arn: str) -> type[Lifecycle] | None:
    return lifecycle_tables().get(resource_table(arn))
