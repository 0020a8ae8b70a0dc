"""The buckets that the server imports from, as a client reaches them: folders of its data directory or S3."""

from collections.abc import Iterator
from contextlib import contextmanager

from openpersonalize.cli.console import UserError
from openpersonalize.errors import JobError, TemporaryError
from openpersonalize.roles.objects import open_objects
from openpersonalize.settings import Settings
from openpersonalize.storage.objects import ObjectStore


@contextmanager
def bucket_of(settings: Settings, bucket: str) -> Iterator[ObjectStore]:
    """Give the store in which the bucket is there; turns what goes wrong in it into UserError."""
    try:
        objects = open_objects(settings)
        objects.make_bucket(bucket)
        yield objects
    except OSError as error:
        place = error.filename or settings.data_dir / "buckets"
        raise UserError(
            f"{place}: {error.strerror}. Correct its permissions, or name the server's data directory with "
            "--data-dir."
        ) from None
    except (JobError, TemporaryError) as error:
        raise UserError(f"bucket {bucket}: {error}") from error
