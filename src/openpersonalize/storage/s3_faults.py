"""What the SDK raises, as whose fault it is.

- A location that is wrong, missing or forbidden is the customer's (`JobError`): the job fails at once.
- A server that does not answer, or answers with a fault of its own after the SDK's retries, is away
  (`TemporaryError`): the job is tried again later.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from openpersonalize.errors import JobError, TemporaryError
from openpersonalize.storage.objects import ChangedObjectError, InvalidLocationError

_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
_REFUSED = {
    *("AccessDenied", "AllAccessDisabled", "AccountProblem", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
    *("ExpiredToken", "InvalidToken", "RequestTimeTooSkewed", "InvalidSecurity", "NotSignedUp"),
    *("KMS.AccessDeniedException", "Forbidden", "403", "401", "Unauthorized"),
}
ABSENT = {"NoSuchKey", "NotFound", "404"}
_BUSY = {"SlowDown", "Throttling", "ThrottlingException", "TooManyRequests", "RequestTimeout", "503", "429"}


class S3UnavailableError(TemporaryError):
    """The S3 server does not answer, or answers with a fault of its own."""

    def __init__(self, location: str, why: str) -> None:
        super().__init__(
            f"{location} could not be reached: S3 does not answer ({why}). See that the S3 server of "
            "OPENPERSONALIZE_S3_ENDPOINT_URL runs and can be reached from the worker, then try again."
        )


class NoAccessError(JobError):
    """The server's credentials do not open a bucket."""

    def __init__(self, location: str, code: str) -> None:
        bucket = location.removeprefix("s3://").partition("/")[0]
        super().__init__(
            f"Insufficient privileges for accessing data in S3. S3 refused {location} ({code}). Please look "
            f"at docs/running.md and fix bucket policy on {bucket}, or the worker's credentials."
        )


@contextmanager
def explained(location: str) -> Iterator[None]:
    """Turn the SDK's errors into whose fault it is, with the location and the remedy."""
    try:
        yield
    except ClientError as error:
        raise _refusal(location, error) from error
    except BotoCoreError as error:
        raise unanswered(location, error) from error


def unanswered(location: str, error: BotoCoreError) -> Exception:
    """What to raise where no answer came."""
    if isinstance(error, _NO_CREDENTIALS):
        return NoAccessError(location, "the worker has no credentials")
    return S3UnavailableError(location, type(error).__name__)


def _refusal(location: str, error: ClientError) -> Exception:
    code, status = code_of(error), int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in ("PreconditionFailed", "412"):
        return ChangedObjectError(location)
    if code in _REFUSED:
        return NoAccessError(location, code)
    if status >= 500 or code in _BUSY:
        return S3UnavailableError(location, code or str(status))
    return _invalid(location, code)


def _invalid(location: str, code: str) -> InvalidLocationError:
    bucket = location.removeprefix("s3://").partition("/")[0]
    if code in ("NoSuchBucket", "InvalidBucketName"):
        return InvalidLocationError(
            f"There is no bucket {bucket!r}, which {location} names.", "Create it, or correct the location."
        )
    if code in ABSENT:
        return InvalidLocationError(f"{location} does not exist.", "Upload the file first.")
    if code == "InvalidObjectState":
        return InvalidLocationError(f"{location} is archived.", "Restore the object first.")
    return InvalidLocationError(f"S3 refused {location} ({code}).", "Correct the location.")


def code_of(error: ClientError) -> str:
    """The code of S3's answer, such as NoSuchKey; of an answer without a body its status."""
    return str(error.response.get("Error", {}).get("Code", ""))
