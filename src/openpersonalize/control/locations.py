"""Places in buckets that requests name: what a job reads, and where it writes."""

from openpersonalize.errors import InvalidInputException
from openpersonalize.protocol.shapes import KmsKeyArn, S3Location, Shape
from openpersonalize.storage.objects import InvalidLocationError, split_location


class S3DataConfig(Shape):
    """A place in a bucket; the key is kept and shown, and encrypts nothing."""

    path: S3Location
    kms_key_arn: KmsKeyArn | None = None


def check_location(location: str, member: str) -> None:
    """Raise InvalidInputException for a location that can name nothing; whether it is there, a job finds out.

    `member` names where in the request it stands.
    """
    try:
        split_location(location)
    except InvalidLocationError as error:
        raise InvalidInputException(f"{member}: {error}") from None
