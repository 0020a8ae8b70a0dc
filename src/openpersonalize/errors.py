"""The errors callers may see; the class name is the code on the wire.

ApiError
├── InvalidInputException
│   └── NotBuiltYet                      on the wire: InvalidInputException, "not built yet: …"
├── ResourceNotFoundException
├── ResourceAlreadyExistsException
├── ResourceInUseException
├── LimitExceededException
├── ThrottlingException                  SDKs wait and send again
├── InvalidNextTokenException
├── TooManyTagsException
├── TooManyTagKeysException
├── SerializationException               a body that is not the JSON it should be
├── UnknownOperationException
├── RequestEntityTooLargeException
├── UnsupportedMediaTypeException        a content type that the operation does not read
├── IncompleteSignatureException
├── InvalidSignatureException
├── AccessDeniedException
├── ServiceUnavailableException          what it needs is being made: the same request works later
└── InternalFailure
JobError                                 the customer's fault in a job; its text becomes failureReason
TemporaryError                           what a job needs is away: tried again, and fails with it at last
"""

from collections.abc import Mapping


class ApiError(Exception):
    """An error that a client sees; `message` is one line and names the value and the remedy."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    @property
    def code(self) -> str:
        """The code on the wire."""
        return type(self).__name__

    @property
    def members(self) -> Mapping[str, str | int]:
        """What the body has beside code and message; errors of the API proper have nothing else."""
        return {}


class InvalidInputException(ApiError):
    """A field or parameter has a bad value."""


class NotBuiltYet(InvalidInputException):
    """A known operation or member that this version does not serve yet."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not built yet: {what}")

    @property
    def code(self) -> str:
        return InvalidInputException.__name__


class ResourceNotFoundException(ApiError):
    """The resource does not exist, or belongs to another account or region."""


class ResourceAlreadyExistsException(ApiError):
    """A resource of this name exists."""


class ResourceInUseException(ApiError):
    """The resource is in a state that does not allow this, or another one depends on it."""


class LimitExceededException(ApiError):
    """A quota is used up."""


class ThrottlingException(ApiError):
    """More requests than the service keeps up with; SDKs wait and send them again."""


class InvalidNextTokenException(ApiError):
    """A paging token that this operation did not give out."""


class TooManyTagsException(ApiError):
    """More tags than a resource may have."""


class TooManyTagKeysException(ApiError):
    """More tag keys than a request may name."""


class SerializationException(ApiError):
    """The body is not JSON, or a value has the wrong JSON type."""


class UnknownOperationException(ApiError):
    """No such operation."""


class RequestEntityTooLargeException(ApiError):
    """The body is larger than the service reads."""


class IncompleteSignatureException(ApiError):
    """An Authorization header that cannot be read."""


class UnsupportedMediaTypeException(ApiError):
    """A content type that the operation does not read."""


class InvalidSignatureException(ApiError):
    """A signature that was made for something else."""


class AccessDeniedException(ApiError):
    """The caller may not do this."""


class ServiceUnavailableException(ApiError):
    """What the request needs is being made; the same request can be sent again."""


class InternalFailure(ApiError):
    """A fault of ours."""


class JobError(Exception):
    """The customer's fault in a job: names what failed, where, and the remedy; shown as failureReason."""


class TemporaryError(Exception):
    """Something that a job needs does not answer: names it and the remedy.

    The job is tried again, and shows this as failureReason when the last attempt ends the same way.
    """
