"""Tags of resources: given on creation, listed, and gone with the resource."""

from collections import Counter
from typing import Annotated

from sqlalchemy import select

from openpersonalize.control.context import Context
from openpersonalize.errors import (
    InvalidInputException,
    ResourceNotFoundException,
    TooManyTagsException,
)
from openpersonalize.protocol.arns import resource_kind
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Arn, Count, Shape, Text
from openpersonalize.storage import records
from openpersonalize.storage.tables import Base, TagRow
from openpersonalize.storage.tables import Resource as ResourceRow

operations = Operations()

CHARACTERS = r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"
MOST_TAGS = 50
# These have ARNs and no tags.
NOT_TAGGABLE = ("schema", "metric-attribution")


class Tag(Shape):
    """A key and a value."""

    tag_key: Annotated[str, Text(1, 128, CHARACTERS, sensitive=True)]
    tag_value: Annotated[str, Text(0, 256, CHARACTERS, sensitive=True)]


Tags = Annotated[list[Tag], Count(0, 200)]


class ListTagsForResourceRequest(Shape):
    resource_arn: Arn


class ListTagsForResourceResponse(Shape):
    tags: Tags


def keep_tags(context: Context, arn: str, tags: list[Tag] | None) -> None:
    """Store the tags of a new resource. Raises TooManyTagsException or InvalidInputException."""
    if not tags:
        return
    if len(tags) > MOST_TAGS:
        raise TooManyTagsException(f"{len(tags)} tags are too many: a resource has at most {MOST_TAGS}.")
    repeated = [key for key, times in Counter(tag.tag_key for tag in tags).items() if times > 1]
    if repeated:
        raise InvalidInputException("Tag keys must be unique: the tags name one key more than once.")
    if any(tag.tag_key.lower().startswith("aws:") for tag in tags):
        raise InvalidInputException(
            "Tag keys must not begin with 'aws:', which is reserved: choose another key."
        )
    context.session.add_all(
        TagRow(resource_arn=arn, tag_key=tag.tag_key, tag_value=tag.tag_value) for tag in tags
    )


@operations.handles("ListTagsForResource")
def list_tags_for_resource(
    request: ListTagsForResourceRequest, context: Context
) -> ListTagsForResourceResponse:
    """List all tags of a resource."""
    arn = request.resource_arn
    kind = resource_kind(arn)
    if kind in NOT_TAGGABLE or not _exists(context, arn):
        raise ResourceNotFoundException(f"The given resource does not exist, or has no tags: {arn}")
    rows = context.session.scalars(select(TagRow).where(TagRow.resource_arn == arn).order_by(TagRow.tag_key))
    return ListTagsForResourceResponse(tags=[Tag.model_validate(row) for row in rows])


def _exists(context: Context, arn: str) -> bool:
    if not context.scope.owns(arn):
        return False
    tables = [mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, ResourceRow)]
    return any(records.find(context.session, table, arn, context.scope) is not None for table in tables)
