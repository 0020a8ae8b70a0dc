"""AWS JSON 1.1: the protocol of the control plane, one path and a target header."""

from openpersonalize.protocol.dialect import Dialect

TARGET_PREFIX = "AmazonPersonalize."
CONTENT_TYPE = b"application/x-amz-json-1.1"

# Every modelled error of the control plane is a 400.
JSON11 = Dialect(
    content_type=CONTENT_TYPE,
    accepted=frozenset({CONTENT_TYPE}),
    body_limit=1024 * 1024,
    statuses={
        "RequestEntityTooLargeException": 413,
        "UnsupportedMediaTypeException": 415,
        "InternalFailure": 500,
    },
)
