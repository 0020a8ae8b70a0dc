"""Which object store a process uses; API processes read no objects, and so never load the SDK of S3."""

from openpersonalize.settings import Settings
from openpersonalize.storage.objects import LocalObjects, ObjectStore


def open_objects(settings: Settings) -> ObjectStore:
    """The store of the settings: folders of the data directory, or S3. Raises SettingsError."""
    if settings.object_store == "local":
        return LocalObjects(settings.data_dir / "buckets")
    # Here, because the SDK is a second to load and 50 MB that nobody needs who has local buckets.
    from openpersonalize.storage.s3 import S3Objects, connect  # noqa: PLC0415

    return S3Objects(connect(settings), settings.allowed_buckets)
