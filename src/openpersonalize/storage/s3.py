"""Objects of an S3 server, through the SDK; only processes that read and write buckets load this module."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from openpersonalize.settings import Settings, refuse_own_endpoint
from openpersonalize.storage.objects import InvalidLocationError, StoredObject, in_order, split_location
from openpersonalize.storage.s3_faults import ABSENT, code_of, explained, unanswered
from openpersonalize.storage.s3_streams import PAUSE_S, Client, Reading, Upload, version_of

READ_BYTES = 1 << 20


def connect(settings: Settings) -> Client:
    """The SDK's client of the S3 in the settings, with the credentials of the SDK's own chain.

    Raises SettingsError where it would speak to this server itself.
    """
    session = boto3.session.Session()
    is_aws = not settings.s3_endpoint_url
    client = session.client(
        "s3",
        endpoint_url=settings.s3_endpoint_url or None,
        region_name=session.region_name or settings.region,
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "max_attempts": 4},
            s3={"addressing_style": "auto" if is_aws else "path"},
            # Other makers' servers do not all know the newer checksums.
            request_checksum_calculation="when_supported" if is_aws else "when_required",
            response_checksum_validation="when_supported" if is_aws else "when_required",
        ),
    )
    refuse_own_endpoint(settings, client.meta.endpoint_url)
    return client


class S3Objects:
    """Objects of an S3 server; `allowed` are the only buckets that may be used, or empty for all."""

    def __init__(
        self, client: Client, allowed: frozenset[str] = frozenset(), *, pause_s: float = PAUSE_S
    ) -> None:
        self._client, self._allowed, self._pause_s = client, allowed, pause_s

    def list_objects(self, location: str) -> list[StoredObject]:
        """List the object, or the first level of the folder; a folder without objects is an error."""
        bucket, key = self._split(location)
        if key and not key.endswith("/"):
            return [self._stored(location, bucket, key)]
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=key, Delimiter="/"
        )
        with explained(location):
            found = [
                _describe(f"s3://{bucket}/{entry['Key']}", entry["Size"], entry)
                for page in pages
                for entry in page.get("Contents", ())
                if entry["Key"] != key  # what consoles make, so that an empty folder can be seen
            ]
        return in_order(location, found)

    def open(self, uri: str, version: str = "") -> BinaryIO:
        """Open an object for reading; every byte is of the version given, or of the first answer."""
        bucket, key = self._place(uri)
        target = {"Bucket": bucket, "Key": key}
        reading = Reading(self._client, target, uri, version=version, pause_s=self._pause_s)
        return cast(BinaryIO, io.BufferedReader(reading, READ_BYTES))

    @contextmanager
    def write(self, uri: str) -> Iterator[BinaryIO]:
        """Upload in parts, which S3 puts together when the block ends; an error removes them."""
        bucket, key = self._place(uri)
        upload = Upload(self._client, {"Bucket": bucket, "Key": key}, uri)
        try:
            yield cast(BinaryIO, upload)
            upload.finish()
        except BaseException:
            upload.abort()
            raise
        finally:
            upload.close()

    def exists(self, uri: str) -> bool:
        """Tell whether the object exists; raise for a location that could never name one, or is forbidden."""
        split_location(uri)
        try:
            self._stored(uri, *self._place(uri))
        except InvalidLocationError:
            return False
        return True

    def make_bucket(self, bucket: str) -> None:
        """Make a bucket where it is missing; for commands that bring their own files. Raises JobError."""
        location = f"s3://{bucket}/"
        self._split(location)
        with suppress(ClientError):
            self._client.head_bucket(Bucket=bucket)
            return
        region = self._client.meta.region_name
        place = {} if region == "us-east-1" else {"LocationConstraint": region}
        with explained(location):
            self._client.create_bucket(
                Bucket=bucket, **({"CreateBucketConfiguration": place} if place else {})
            )

    def _split(self, location: str) -> tuple[str, str]:
        bucket, key = split_location(location)
        if self._allowed and bucket not in self._allowed:
            raise InvalidLocationError(
                f"The bucket of {location} is none that this server may use.",
                "Use one that its operator lists in OPENPERSONALIZE_S3_BUCKETS.",
            )
        return bucket, key

    def _place(self, uri: str) -> tuple[str, str]:
        bucket, key = self._split(uri)
        if not key or key.endswith("/"):
            raise InvalidLocationError(f"{uri} is a folder.", "Name one object.")
        return bucket, key

    def _stored(self, uri: str, bucket: str, key: str) -> StoredObject:
        try:
            answer = self._client.head_object(Bucket=bucket, Key=key)
        except ClientError:
            answer = self._told(uri, bucket, key)
        except BotoCoreError as error:
            raise unanswered(uri, error) from error
        return _describe(uri, answer["ContentLength"], answer)

    def _told(self, uri: str, bucket: str, key: str) -> Any:
        """Ask by GET, whose errors have a text; those of HEAD are a bare status."""
        with explained(uri):
            try:
                answer = self._client.get_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if code_of(error) in ABSENT and self._is_folder(bucket, key):
                    raise InvalidLocationError(
                        f"{uri} is a folder.", f"Write {uri}/ for all objects in it."
                    ) from None
                raise
        answer["Body"].close()
        return answer

    def _is_folder(self, bucket: str, key: str) -> bool:
        with suppress(ClientError):
            answer = self._client.list_objects_v2(Bucket=bucket, Prefix=f"{key}/", MaxKeys=1)
            return bool(answer.get("Contents"))
        return False


def _describe(uri: str, size: int, answer: Any) -> StoredObject:
    # Whole seconds, as some servers list fractions that they do not tell of one object.
    return StoredObject(
        uri, int(size), float(int(answer["LastModified"].timestamp())), version_of(answer["ETag"])
    )
