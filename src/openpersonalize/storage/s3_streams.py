"""An object of S3 as a file: a reading that survives lost connections, and an upload in parts.

Nothing large is in memory. A connection that is lost while an object is read is made anew where it broke
off, and only for the object that was begun (If-Match).
"""

import io
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError
from urllib3.exceptions import HTTPError

from openpersonalize.storage.s3_faults import S3UnavailableError, explained

PART_BYTES = 8 << 20
GROW_EVERY = 1000
"""Parts get larger by PART_BYTES after so many: S3 takes 10,000 of them, which makes some 400 GB."""
MOST_RESUMES = 6
"""How often in a row a reading is taken up again without a byte having come."""
CLOSED = "the connection was closed"
PAUSE_S = 0.05
"""Doubled with each; the first one waits for nothing."""

Client = Any
"""The SDK's client, whose methods are made while the program runs."""


class Reading(io.RawIOBase):
    """An object from its start to its end, over as many connections as it takes."""

    def __init__(
        self, client: Client, target: Mapping[str, str], uri: str, *, version: str, pause_s: float
    ) -> None:
        super().__init__()
        self._client, self._target, self._uri, self._pause_s = client, target, uri, pause_s
        self._version, self._position = version, 0
        with explained(uri):
            answer = self._ask()
        self._body = answer["Body"]
        if not {"ETag", "ContentLength"} <= answer.keys():  # the headers broke off in their middle
            self._close_body()
            raise S3UnavailableError(uri, CLOSED)
        self._version, self._size = version_of(answer["ETag"]), int(answer["ContentLength"])

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read what comes next; 0 at the end. Raises JobError where the object changed."""
        failures = 0
        while True:
            try:
                n_read = self._body.readinto(buffer) if self._body is not None else 0
                why = CLOSED
            except FlexibleChecksumError as error:
                raise S3UnavailableError(self._uri, "what came does not fit its checksum") from error
            except (BotoCoreError, HTTPError) as error:
                n_read, why = 0, type(error).__name__
            self._position += n_read
            if n_read or self._position >= self._size or not len(buffer):
                return int(n_read)
            failures += 1
            if failures > MOST_RESUMES:
                raise S3UnavailableError(self._uri, why)
            time.sleep(self._pause_s * 2**failures if failures > 1 else 0.0)
            self._resume()

    def _resume(self) -> None:
        """Ask for the rest; without a body afterwards, the server did not answer."""
        self._close_body()
        with explained(self._uri), suppress(BotoCoreError):
            answer = self._ask()
            self._body = answer["Body"]
            # Not so where headers broke off in their middle, and where a server knows no ranges.
            if self._position and not str(answer.get("ContentRange")).startswith(f"bytes {self._position}-"):
                self._close_body()

    def _ask(self) -> Any:
        conditions: dict[str, str] = {"IfMatch": self._version} if self._version else {}
        if self._position:
            conditions["Range"] = f"bytes={self._position}-"
        return self._client.get_object(**self._target, **conditions)

    def _close_body(self) -> None:
        if self._body is not None:
            self._body.close()
        self._body = None

    def close(self) -> None:
        if not self.closed:
            self._close_body()
        super().close()


class Upload(io.RawIOBase):
    """An object on its way: parts that S3 keeps aside, and in memory the one that is not full yet."""

    def __init__(self, client: Client, target: Mapping[str, str], uri: str) -> None:
        super().__init__()
        self._client, self._target, self._uri = client, target, uri
        self._buffer = bytearray()
        self._upload_id = ""
        self._parts: list[dict[str, Any]] = []
        self._n_written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._n_written

    def write(self, content: Any) -> int:
        """Take bytes, and send them on when there are enough for a part."""
        with memoryview(content).cast("B") as view:
            for start in range(0, len(view), PART_BYTES):
                self._buffer += view[start : start + PART_BYTES]
                if len(self._buffer) >= PART_BYTES * (1 + len(self._parts) // GROW_EVERY):
                    self._send_part()
            self._n_written += len(view)
            return len(view)

    def finish(self) -> None:
        """Make the object appear."""
        with explained(self._uri):
            if not self._parts:
                self._client.put_object(**self._target, Body=bytes(self._buffer))
                return
            if self._buffer:
                self._send_part()
            self._client.complete_multipart_upload(
                **self._target, UploadId=self._upload_id, MultipartUpload={"Parts": self._parts}
            )
            self._upload_id = ""

    def abort(self) -> None:
        """Remove the parts that were sent; what cannot be removed now is left to the bucket's own rules."""
        if self._upload_id:
            with suppress(ClientError, BotoCoreError):
                self._client.abort_multipart_upload(**self._target, UploadId=self._upload_id)

    def _send_part(self) -> None:
        with explained(self._uri):
            if not self._upload_id:
                self._upload_id = self._client.create_multipart_upload(**self._target)["UploadId"]
            number = len(self._parts) + 1
            answer = self._client.upload_part(
                **self._target, UploadId=self._upload_id, PartNumber=number, Body=bytes(self._buffer)
            )
        self._parts.append({"ETag": answer["ETag"], "PartNumber": number})
        self._buffer.clear()


def version_of(etag: str) -> str:
    """An ETag as If-Match takes it; some servers leave its quotes out where they list."""
    return f'"{etag.strip(chr(34))}"'
